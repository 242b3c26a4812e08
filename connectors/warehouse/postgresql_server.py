"""One PostgreSQL schema and this process's connections to it.

Readers take a connection each and give it back. Writers share one, which carries an advisory lock of the server: so one
batch at a time is written, over all processes and machines, and the lock falls with the connection when its process is
killed. A connection that broke while nobody used it is replaced by the next who comes; one that breaks in use raises
``WarehouseFailed``, since what was read under the lock may no longer hold.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote, unquote

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict

from connectors.warehouse import WarehouseBusy, WarehouseError, WarehouseFailed
from connectors.warehouse.ddl import quoted
from connectors.warehouse.postgresql_types import register

T = TypeVar("T")
Connection = psycopg.Connection[tuple[Any, ...]]
OURS = ("patience", "schema")
"""What a URL may say beside libpq's own parameters."""
DEFAULTS = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
    "client_encoding": "UTF8",
    "application_name": "wiredesk",
}
"""libpq's parameters where the URL does not say otherwise: a peer that is gone is noticed within a minute."""
SESSION = {"TimeZone": "UTC", "jit": "off"}
MOST_IDLE = 4
"""So many readers' connections are kept for the next."""
PASSING = ("starting up", "shutting down", "recovery mode", "too many", "remaining connection slots")
"""What a refusal (FATAL) says that waiting mends; a wrong password or a missing database is not mended so."""


@dataclass(frozen=True)
class Location:
    """What a ``postgresql://`` URL says. ``patience``: seconds to wait for another process that writes."""

    shown: str
    """The URL as it may be told: without the password."""
    parameters: dict[str, str] = field(repr=False, hash=False)
    schema: str = "public"
    patience: float = 60.0

    @property
    def lock(self) -> int:
        """The number of the schema's advisory lock (they are a database's own)."""
        digest = hashlib.blake2b(f"wiredesk warehouse {self.schema}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big", signed=True)


def parse_url(url: str) -> Location:
    """Read ``postgresql://user:password@host:port/database?schema=name&patience=60&sslmode=...``, libpq's URL with two
    more options; raises ``WarehouseError``, which never shows the password."""
    start, _, query = url.partition("?")
    options: dict[str, str] = {}
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    theirs = []
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        if name in OURS:
            options[name] = unquote(value)
        elif name in known:
            theirs.append(part)
        else:
            raise WarehouseError(f"unknown option {name!r}: a postgresql:// URL knows schema, patience and libpq's own")
    try:
        found = conninfo_to_dict(start + ("?" + "&".join(theirs) if theirs else ""))
    except psycopg.ProgrammingError:
        found = {"port": "?"}
    parameters = {name: str(value) for name, value in found.items() if value is not None}
    ports = parameters.get("port", "").split(",")
    if not all(port == "" or port.isdecimal() for port in ports) or "@" in parameters.get("dbname", ""):
        raise WarehouseError(
            "the postgresql:// URL can't be read: it is postgresql://user:password@host:port/database?schema=name, "
            "with : / ? # @ % and spaces in the user and the password percent-encoded"
        )
    schema, patience = options.get("schema", Location.schema), options.get("patience", "60")
    if not schema or "\0" in schema or len(schema.encode()) > 63 or schema.startswith("pg_"):
        raise WarehouseError(f"schema={schema!r} can't be a schema: a name has 1 to 63 bytes and no pg_ before it")
    if not re.fullmatch(r"\d+(\.\d+)?", patience):
        raise WarehouseError(f"option patience={patience!r}: seconds are a number, as in 2.5")
    return Location(_shown(parameters, schema), DEFAULTS | parameters, schema, float(patience))


def _shown(parameters: dict[str, str], schema: str) -> str:
    hosts, ports = parameters.get("host", "").split(","), parameters.get("port", "").split(",")
    ports += ports[-1:] * (len(hosts) - len(ports))
    places = ",".join(
        (quote(host, safe="[]:.-") if host.startswith("/") else host) + (f":{port}" if port else "")
        for host, port in zip(hosts, ports, strict=False)
    )
    user = quote(parameters["user"], safe="") + "@" if "user" in parameters else ""
    suffix = f"?schema={quote(schema, safe='')}" if schema != Location.schema else ""
    return f"postgresql://{user}{places}/{parameters.get('dbname', '')}{suffix}"


class Server:
    """The connections of this process to one schema. Threads may share it."""

    def __init__(self, location: Location):
        self.location = location
        self.checked = False
        """Whether the schema was found right since a connection was last opened."""
        self.writing = threading.RLock()
        """Held by the thread that uses the writers' connection."""
        self._idle: list[Connection] = []
        self._idle_lock = threading.Lock()
        self._pinned = threading.local()
        self._holding = threading.Lock()
        self._holders = 0
        self._writer: Connection | None = None

    # -- writers --

    @contextlib.contextmanager
    def hold(self) -> Iterator[Connection]:
        """Have the connection that carries the advisory lock; blocks may be nested, also by several threads. Raises
        ``WarehouseBusy`` when another process has the lock longer than the patience lasts."""
        with self.told():
            with self._holding:
                if self._holders == 0:
                    self._writer = self._locked()
                writer = self._writer
                assert writer is not None  # noqa: S101 - for mypy: there is one while there are holders
                if writer.closed:
                    raise WarehouseFailed(f"{self.location.shown}: the connection was lost, and the lock with it")
                self._holders += 1
            try:
                yield writer
            finally:
                with self._holding:
                    self._holders -= 1
                    if self._holders == 0:
                        self._let_go()

    def _locked(self) -> Connection:
        """The writers' connection with the lock, a new one if there is none or it was lost."""
        if self._writer is not None:
            with contextlib.suppress(psycopg.OperationalError):
                return self._lock(self._writer)
            self._forget_idle()
        self._writer = self._connect(writer=True)
        return self._lock(self._writer)

    def _lock(self, writer: Connection) -> Connection:
        try:
            writer.execute(f"SELECT pg_advisory_lock({self.location.lock})")
        except errors.LockNotAvailable:
            raise WarehouseBusy(
                f"{self._holder(writer)} has written to {self.location.shown} for {self.location.patience:g} s: stop "
                "it, or wait for its end and try again"
            ) from None
        except BaseException:  # stopped while it waited: the lock may have come all the same
            writer.close()
            raise
        return writer

    def _holder(self, connection: Connection) -> str:
        """Who has the lock, in words."""
        key = self.location.lock & 0xFFFF_FFFF_FFFF_FFFF
        found = connection.execute(
            "SELECT a.pid, a.application_name, host(a.client_addr) FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
            "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.classid = $1::bigint::oid "
            "AND l.objid = $2::bigint::oid "
            "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [key >> 32, key & 0xFFFF_FFFF],
        ).fetchall()
        if not found:
            return "another process"
        pid, application, address = found[0]
        return f"another process ({application or 'unnamed'}{' on ' + address if address else ''}, server pid {pid})"

    def _let_go(self) -> None:
        if self._writer is not None and not self._writer.closed:
            try:
                self._writer.execute(f"SELECT pg_advisory_unlock({self.location.lock})")
            except psycopg.Error:  # it is gone, and the lock with it
                self._writer.close()

    # -- readers --

    def read(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` gives on a connection that only reads; run again if a kept connection turns out to be lost."""
        with self.told():
            pinned: Connection | None = getattr(self._pinned, "connection", None)
            if pinned is not None:
                with pinned.transaction():  # a savepoint: what fails ends itself, not the block
                    return work(pinned)
            connection, found = self._use(work)
            self._give_back(connection)
            return found

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Inside it, all that this thread reads is of one moment."""
        if getattr(self._pinned, "connection", None) is not None:
            yield
            return
        with self.told():
            connection, _ = self._use(lambda c: c.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        self._pinned.connection = connection
        try:
            yield
        finally:
            self._pinned.connection = None
            with contextlib.suppress(psycopg.Error):
                connection.execute("ROLLBACK")
            self._give_back(connection)

    def _use(self, work: Callable[[Connection], T]) -> tuple[Connection, T]:
        """The connection that ``work`` was done on, still ours, and what it gave."""
        with self._idle_lock:
            connection = self._idle.pop() if self._idle else None
        if connection is not None:
            try:
                return connection, work(connection)
            except psycopg.OperationalError:
                if not connection.closed:
                    self._give_back(connection)
                    raise
                self._forget_idle()
            except BaseException:
                self._give_back(connection)
                raise
        connection = self._connect()
        try:
            return connection, work(connection)
        except BaseException:
            self._give_back(connection)
            raise

    def _give_back(self, connection: Connection) -> None:
        idle = psycopg.pq.TransactionStatus.IDLE
        with self._idle_lock:
            if not connection.closed and connection.info.transaction_status == idle and len(self._idle) < MOST_IDLE:
                self._idle.append(connection)
                return
        connection.close()

    def _forget_idle(self) -> None:
        """They were made before the server was lost."""
        with self._idle_lock:
            lost, self._idle = self._idle, []
        for connection in lost:
            connection.close()

    # -- connections --

    def close(self) -> None:
        """Close what nobody uses; whoever comes next opens anew."""
        self._forget_idle()
        with self._holding:
            if self._holders == 0 and self._writer is not None:
                self._writer.close()
                self._writer = None

    def _connect(self, writer: bool = False) -> Connection:
        try:
            connection = psycopg.connect(**self.location.parameters, autocommit=True, cursor_factory=psycopg.RawCursor)  # type: ignore[arg-type]
        except psycopg.OperationalError as e:
            told = f"{self.location.shown}: {first_line(e)}"
            if "FATAL" in str(e) and not any(words in str(e) for words in PASSING):
                raise WarehouseError(told) from None
            raise WarehouseFailed(f"{told} (is the server running?)") from None
        register(connection)
        self.checked = False
        settings = SESSION | {
            "search_path": quoted(self.location.schema),
            "lock_timeout": f"{int(self.location.patience * 1000) or 1}ms",
            "default_transaction_read_only": "off" if writer else "on",
        }
        calls = ", ".join(f"set_config(${2 * n + 1}, ${2 * n + 2}, false)" for n in range(len(settings)))
        connection.execute(f"SELECT {calls}", [part for setting in settings.items() for part in setting])
        if connection.info.encoding != "utf-8" or connection.info.parameter_status("server_encoding") != "UTF8":
            connection.close()
            raise WarehouseError(f"{self.location.shown} is not encoded in UTF8: make a database that is")
        if writer:
            # The server notices that a writer was killed even while that one waits; not every server can.
            with contextlib.suppress(psycopg.Error):
                connection.execute("SET client_connection_check_interval = '2s'")
        return connection

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """What went wrong at the server, as the contract has it. Errors of a value (too large, no such date) are left:
        they are an item's fault."""
        shown = self.location.shown
        try:
            yield
        except (psycopg.DataError, psycopg.IntegrityError, errors.ProgramLimitExceeded):
            raise
        except errors.LockNotAvailable as e:
            raise WarehouseBusy(f"{shown}: something else locks what is to be written: {first_line(e)}") from e
        except (errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction) as e:
            raise WarehouseError(f"{shown}: {first_line(e)} (use another user, or the primary server)") from e
        except psycopg.Error as e:
            raise WarehouseFailed(f"{shown}: {first_line(e)}") from e


def first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0]


@dataclass(frozen=True)
class _Registry:
    """The servers of this process, by location. A child that was forked gets none: a connection is one process's."""

    servers: dict[tuple[Any, ...], Server] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, location: Location) -> Server:
        key = (location.schema, location.patience, *sorted(location.parameters.items()))
        with self.lock:
            return self.servers.setdefault(key, Server(location))


_registry = _Registry()
_of_parents: list[_Registry] = []


def _start_anew() -> None:
    global _registry
    _of_parents.append(_registry)  # kept, since closing these connections would end the parent's sessions
    _registry = _Registry()


os.register_at_fork(after_in_child=_start_anew)


def server(location: Location) -> Server:
    """This process's one ``Server`` of the location."""
    return _registry.get(location)
