"""Making the dataset's tables, and bringing them up to date."""

from __future__ import annotations

import sqlglot
from google.api_core import exceptions
from google.cloud import bigquery

from connectors.warehouse import WarehouseError, ddl
from connectors.warehouse.bigquery import schema
from connectors.warehouse.bigquery.service import Service
from schemas.publish import column_texts
from schemas.tables import TABLES, Table


def migrate(service: Service, migrations: tuple[ddl.Migration, ...], url: str) -> list[str]:
    """See ``Warehouse.migrate``. The table of versions is filled last: where it is, the others are."""
    with service.errors() as client:
        dataset = bigquery.Dataset(service.path)
        if service.location.location:
            dataset.location = service.location.location
        client.create_dataset(dataset, exists_ok=True, retry=service.retry)
        existing = _existing(service)
        found = _version(service, existing)
        _check_version(found, migrations, url)
        for made in schema.bookkeeping(service.path):
            client.create_table(made, exists_ok=True, retry=service.retry)
        for table, absent in ddl.missing(existing):
            if table.name not in existing:
                client.create_table(schema.definition(table, service.path), exists_ok=True, retry=service.retry)
            else:
                _add(service, table, absent)
        waiting = _bring_up_to_date(service, found, migrations)
    return [f"schema {m.version}: {m.why}" for m in waiting] + ddl.told(existing)


def _add(service: Service, table: Table, absent: tuple[str, ...]) -> None:
    """Add the columns, then their descriptions."""
    for field in schema.fields({name: table.columns[name] for name in absent}):
        service.run(f"ALTER TABLE {table.name} ADD COLUMN `{field.name}` {schema.type_name(field)}")
    with service.errors() as client:
        here = client.get_table(f"{service.path}.{table.name}")
        described = schema.fields(table.columns, column_texts()[table.name])
        here.schema = [*described, *(f for f in here.schema if f.name not in table.columns)]
        client.update_table(here, ["schema"])


def version(service: Service) -> int | None:
    """See ``Warehouse.version``."""
    return _version(service, _existing(service))


def problems(service: Service) -> list[str]:
    """See ``Warehouse.problems``. BigQuery knows no keys; the tables are clustered by them."""
    with service.errors() as client:
        found = {name: client.get_table(f"{service.path}.{name}") for name in _existing(service) if name in TABLES}
    columns = {name: {f.name: schema.type_name(f) for f in table.schema} for name, table in found.items()}
    keys = {name: tuple(table.clustering_fields or ()) for name, table in found.items()}
    return ddl.unlike(columns, keys, ddl.Dialect(schema.TYPES, "ARRAY<{}>"))


def check(service: Service, url: str) -> None:
    """Raise ``WarehouseError`` if the dataset has no tables that this wiredesk can read."""
    existing = _existing(service)
    found = _version(service, existing)
    if found is None:
        raise WarehouseError(f"{url} holds no wiredesk tables: check the URL, or fill one first")
    _check_version(found, ddl.MIGRATIONS, url)
    if ddl.pending(found) or ddl.missing(existing):
        raise WarehouseError(
            f"{url} has the tables of an older wiredesk: any command that writes brings them up to date"
        )


def _bring_up_to_date(
    service: Service, found: int | None, migrations: tuple[ddl.Migration, ...]
) -> list[ddl.Migration]:
    waiting = ddl.pending(found or 0, migrations)
    steps = [
        sqlglot.transpile(statement, read="duckdb", write="bigquery", identify=True)[0]
        for m in waiting
        if found is not None
        for statement in m.statements
    ]
    if found is None:
        # A table's past can be read from its first statement on.
        steps += [f"DELETE FROM {name} WHERE false" for name in TABLES]
        steps.append(
            f"INSERT INTO {schema.BATCHES} SELECT 0 FROM (SELECT 1) WHERE NOT EXISTS (SELECT 1 FROM {schema.BATCHES})"
        )
    steps += [f"INSERT INTO {ddl.VERSION_TABLE} VALUES ({m.version}, {ddl.literal(m.why)})" for m in waiting]
    if steps:
        service.run(";\n".join(["BEGIN TRANSACTION", *steps, "COMMIT TRANSACTION"]))
    return waiting


def _existing(service: Service) -> dict[str, set[str]]:
    """Table -> columns of the dataset; empty if there is none."""
    with service.errors() as client:
        try:
            names = [item.table_id for item in client.list_tables(service.path, retry=service.retry)]
        except exceptions.NotFound:
            return {}
        known = [n for n in names if n in TABLES or n == ddl.VERSION_TABLE]
        return {n: {f.name for f in client.get_table(f"{service.path}.{n}").schema} for n in known}


def _version(service: Service, existing: dict[str, set[str]]) -> int | None:
    """The version of the tables, None when there are none."""
    if ddl.VERSION_TABLE not in existing:
        return None
    found: int | None = service.run(f"SELECT max(version) FROM {ddl.VERSION_TABLE}").column(0)[0].as_py()
    return found


def _check_version(version: int | None, migrations: tuple[ddl.Migration, ...], url: str) -> None:
    newest = migrations[-1].version
    if version is not None and version > newest:
        raise WarehouseError(
            f"{url} has schema {version}, this wiredesk knows up to {newest}: upgrade wiredesk, or use another dataset"
        )
