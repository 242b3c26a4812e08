"""BigQuery as one process sees it: queries, load jobs, which batch is the last, what its errors mean."""

from __future__ import annotations

import contextlib
import io
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import requests
from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery

from connectors.warehouse import WarehouseError, WarehouseFailed
from connectors.warehouse.bigquery import sql
from connectors.warehouse.bigquery.location import Location
from connectors.warehouse.bigquery.schema import BATCHES, fields

CONFLICTS = (sql.SUPERSEDED, "aborted due to concurrent update", "due to concurrent")
"""What errors of a transaction say that met another writer's."""


class Conflict(Exception):
    """Another writer has committed a batch meanwhile; nothing of this one is there."""


class Service:
    def __init__(self, location: Location):
        self.location = location
        self.path = f"{location.project}.{location.dataset}"
        self.writing = threading.RLock()
        self.depth = 0
        """How many blocks of this process hold the warehouse to write."""
        self.batches = 0
        """The last batch that the outermost of them knows of."""
        self.checked = False
        """Whether the tables were found to be right."""
        self._known = False
        """Whether ``batches`` was read since the outermost block began."""
        self._lock = threading.RLock()
        self._client: bigquery.Client | None = None

    @property
    def client(self) -> bigquery.Client:
        with self._lock:
            if self._client is None:
                asked: dict[str, Any] = {"project": self.location.project, "location": self.location.location}
                if self.location.endpoint:
                    asked["credentials"] = AnonymousCredentials()
                    asked["client_options"] = ClientOptions(api_endpoint=self.location.endpoint)
                self._client = bigquery.Client(
                    **asked, default_query_job_config=bigquery.QueryJobConfig(default_dataset=self.path)
                )
            return self._client

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Inside it, ``batches`` is what a batch of this process must find."""
        with self._lock:
            self._known = self._known and self.depth > 0
            if not self._known and self.checked:
                self.refresh()
                self._known = True
            self.depth += 1
        try:
            yield
        finally:
            with self._lock:
                self.depth -= 1

    def refresh(self) -> None:
        self.batches = int(self.run(f"SELECT max(batches) FROM {BATCHES}").column(0)[0].as_py() or 0)

    def now(self) -> datetime:
        """BigQuery's time."""
        moment: datetime = self.run("SELECT CURRENT_TIMESTAMP() AS moment").column(0)[0].as_py()
        return moment

    def run(self, statement: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """The result of a query, or of a script's last statement. Raises ``Conflict``, ``WarehouseError``,
        ``WarehouseFailed``."""
        with self._failures():
            return self.start(statement, parameters).result().to_arrow(create_bqstorage_client=False)

    def stream(self, statement: str, rows: int) -> Iterator[pa.RecordBatch]:
        """The result of a query, about ``rows`` at a time."""
        with self._failures():
            yield from self.start(statement).result(page_size=rows).to_arrow_iterable()

    def start(self, statement: str, parameters: Sequence[Any] = ()) -> bigquery.QueryJob:
        config = bigquery.QueryJobConfig(query_parameters=list(parameters))
        return self.client.query(statement, job_config=config, retry=self.retry)

    def load(self, tables: Mapping[str, tuple[pa.Table, Mapping[str, pa.DataType]]], token: str) -> None:
        """Load the rows of each into a new table of that name, all at once. A job's id says what it loads and for
        whom: when the answer to starting one was lost, the second start finds the first."""
        with self._failures():
            jobs = [self._load(name, rows, columns, f"{name}_{token}") for name, (rows, columns) in tables.items()]
            for job in jobs:
                job.result(retry=self.retry)

    def _load(
        self, name: str, rows: pa.Table, columns: Mapping[str, pa.DataType], job_id: str
    ) -> bigquery.LoadJob | Any:
        parquet = io.BytesIO()
        pq.write_table(rows, parquet, compression="zstd")
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.PARQUET,
            schema=fields(columns),
            write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
        )
        config.parquet_options = bigquery.ParquetOptions()
        config.parquet_options.enable_list_inference = True
        try:
            return self.client.load_table_from_file(
                parquet, f"{self.path}.{name}", rewind=True, job_id=job_id, job_config=config
            )
        except exceptions.Conflict:
            return self.client.get_job(job_id)

    @contextlib.contextmanager
    def errors(self) -> Iterator[bigquery.Client]:
        """The client, in a block that says what goes wrong in the contract's words."""
        with self._failures():
            yield self.client

    def drop(self, names: Iterable[str]) -> None:
        with self._failures():
            for name in names:
                self.client.delete_table(f"{self.path}.{name}", not_found_ok=True, retry=self.retry)

    def leftovers(self, prefix: str, before: datetime) -> list[str]:
        """The names of tables that begin so and were made before that time."""
        with self._failures():
            found = [item.table_id for item in self.client.list_tables(self.path) if item.table_id.startswith(prefix)]
            return [name for name in found if self.client.get_table(f"{self.path}.{name}").created < before]

    @property
    def retry(self) -> Any:
        return bigquery.DEFAULT_RETRY.with_timeout(self.location.patience)

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except GoogleAuthError as e:
            raise WarehouseError(
                f"no Google credentials: run `gcloud auth application-default login`, or set "
                f"GOOGLE_APPLICATION_CREDENTIALS ({_line(e)})"
            ) from e
        except exceptions.NotFound as e:
            raise WarehouseError(f"{self.path}: {_line(e)}") from e
        except exceptions.Forbidden as e:
            raise WarehouseError(f"{self.path}: not allowed: {_line(e)}") from e
        except exceptions.GoogleAPIError as e:
            if any(words in str(e) for words in CONFLICTS):
                raise Conflict(_line(e)) from e
            raise WarehouseFailed(f"BigQuery, {self.path}: {_line(e)}") from e
        except requests.RequestException as e:
            raise WarehouseFailed(f"BigQuery can't be had: {_line(e)}") from e


def _line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


@dataclass(frozen=True)
class _Registry:
    services: weakref.WeakValueDictionary[Location, Service] = field(default_factory=weakref.WeakValueDictionary)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, location: Location) -> Service:
        with self.lock:
            found = self.services.get(location)
            if found is None:
                self.services[location] = found = Service(location)
            return found


_registry = _Registry()


def service(location: Location) -> Service:
    """This process's one ``Service`` of the location."""
    return _registry.get(location)
