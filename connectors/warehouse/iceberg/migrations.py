"""Making the namespace's tables, bringing them up to date, and saying in what they differ."""

from __future__ import annotations

import contextlib

from pyiceberg.exceptions import NamespaceAlreadyExistsError, NoSuchTableError, TableAlreadyExistsError

from connectors.warehouse import WarehouseError, ddl
from connectors.warehouse.iceberg import ledger, schema
from connectors.warehouse.iceberg.lake import VERSION, Lake, failures, refuse_newer, version_of
from schemas.tables import TABLES

_DIALECT = ddl.Dialect({arrow: str(iceberg) for arrow, iceberg in schema.TYPES.items()}, "list<{}>")


def migrate(lake: Lake, migrations: tuple[ddl.Migration, ...]) -> list[str]:
    """See ``Warehouse.migrate``. The ledger's table is made last: where it is, the others are."""
    namespace = lake.location.namespace
    with lake.change_schema() as catalog:
        with contextlib.suppress(NamespaceAlreadyExistsError):
            catalog.create_namespace(namespace)
        existing = lake.existing()
        version = version_of(lake.table(ledger.LEDGER)) if ledger.LEDGER in existing else None
        refuse_newer(version or 0, migrations, lake.location)
        waiting = ddl.pending(version or 0, migrations)
        for migration in waiting:
            if version is not None and migration.statements:
                raise WarehouseError(
                    f"schema {migration.version} ({migration.why}) changes rows, which is not done to Iceberg tables: "
                    "copy the warehouse into a new namespace"
                )
        for table, _ in sorted(ddl.missing(existing), key=lambda found: found[0].name == ledger.LEDGER):
            if table.name in existing:
                with lake.table(table.name).update_schema() as update:
                    update.union_by_name(schema.iceberg_schema(table))
            else:
                with contextlib.suppress(TableAlreadyExistsError):
                    catalog.create_table(
                        f"{namespace}.{table.name}", schema.iceberg_schema(table), properties=schema.properties(table)
                    )
        if waiting:
            with lake.load(ledger.LEDGER).transaction() as transaction:
                transaction.set_properties({VERSION: str(migrations[-1].version)})
        lake.forget()
        lake.checked = True
    return [f"schema {m.version}: {m.why}" for m in waiting] + ddl.told(existing)


def version_here(lake: Lake) -> int | None:
    """See ``Warehouse.version``."""
    if lake.absent:
        return None
    with failures(lake.location):
        try:
            return version_of(lake.load(ledger.LEDGER))
        except NoSuchTableError:
            return None


def problems(lake: Lake) -> list[str]:
    """See ``Warehouse.problems``."""
    with failures(lake.location):
        here = lake.existing().keys()
        schemas = {name: lake.table(name).schema() for name in here}
    columns = {name: {f.name: str(f.field_type) for f in found.fields} for name, found in schemas.items()}
    keys = {}
    for name, found in schemas.items():
        identifiers = found.identifier_field_names()
        keys[name] = tuple(sorted(identifiers, key=lambda c: (*TABLES[name].key, c).index(c)))
    return ddl.unlike(columns, keys, _DIALECT)
