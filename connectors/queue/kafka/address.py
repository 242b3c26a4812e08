"""A Kafka queue's URL::

    kafka://host:port[,host:port]/topic?partitions=12&retention=7d&security=sasl_ssl&mechanism=SCRAM-SHA-512

How the topic is made if it is not there: ``partitions`` (12), ``replication`` (3, or as many brokers as there are),
``min_insync`` (2 with three replicas), ``retention`` (7d), ``max_message_bytes`` (12MB). How the brokers are reached:
``security`` (plaintext, ssl, sasl_plaintext, sasl_ssl), ``mechanism`` (SCRAM-SHA-512, SCRAM-SHA-256, PLAIN),
``password_file``, ``ca``, ``cert``, ``key`` (PEM files), ``timeout`` (30s: how long an operation waits for them).
``max_messages``: how many unread messages make the queue full (none: the brokers' disks are the bound).

User and password are never in the URL: they are settings (``kafka.username``, ``kafka.password``), or the password is
the content of ``password_file`` and the user an option.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from connectors.queue import Credentials, QueueError, options

PREFIX = "kafka://"
TOPIC = re.compile(r"[A-Za-z0-9._-]{1,200}")
PORT = 9092

_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?")
_READERS: dict[str, Any] = {
    "partitions": options.count,
    "replication": options.count,
    "min_insync": options.count,
    "retention": options.duration,
    "max_message_bytes": options.size,
    "max_messages": options.count,
    "security": options.one_of("plaintext", "ssl", "sasl_plaintext", "sasl_ssl"),
    "mechanism": options.one_of("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"),
    "username": str,
    "password_file": str,
    "ca": str,
    "cert": str,
    "key": str,
    "timeout": options.duration,
}


@dataclass(frozen=True)
class Address:
    """See the module's docstring. ``replication``, ``min_insync`` 0: by the number of brokers."""

    servers: tuple[str, ...]
    topic: str
    partitions: int = 12
    replication: int = 0
    min_insync: int = 0
    retention: timedelta = timedelta(days=7)
    max_message_bytes: int = 12 * 10**6
    max_messages: int = 0
    security: str = "plaintext"
    mechanism: str = "SCRAM-SHA-512"
    username: str = ""
    password_file: str = ""
    ca: str = ""
    cert: str = ""
    key: str = ""
    timeout: timedelta = timedelta(seconds=30)

    @property
    def patience(self) -> float:
        """Seconds."""
        return self.timeout.total_seconds()

    @property
    def dead_letters(self) -> Address:
        """The topic of what is no item. Operators look there rarely: few partitions, kept longer."""
        return replace(
            self,
            topic=f"{self.topic}.dead",
            partitions=1,
            retention=max(self.retention * 2, timedelta(days=30)),
            max_message_bytes=self.max_message_bytes + 64 * 1024,  # headers come along
        )

    def __str__(self) -> str:
        return f"{PREFIX}{','.join(self.servers)}/{self.topic}"


def parse_url(url: str) -> Address:
    """Read the URL; raises ``QueueError`` with one line, which holds no password."""
    place, _, query = url.removeprefix(PREFIX).partition("?")
    if "@" in place:
        raise QueueError(
            "a kafka:// URL holds no user and password: set kafka.username and kafka.password, or password_file=PATH"
        )
    hosts, slash, topic = place.partition("/")
    if not url.startswith(PREFIX) or not slash or not hosts:
        raise QueueError(f"not a Kafka queue: {url!r}; use kafka://host:port/topic")
    if not TOPIC.fullmatch(topic) or topic in (".", ".."):
        raise QueueError(f"{topic!r} in {url!r} is no topic's name: use letters, digits, dot, underscore, hyphen")
    servers = []
    for host in hosts.split(","):
        found = _HOST.fullmatch(host)
        if not found or not 0 < int(found[2] or PORT) < 65536:
            raise QueueError(f"{host!r} in {url!r} is no broker: use host:port")
        servers.append(f"{found[1]}:{found[2] or PORT}")
    if re.search(r"(^|&)(sasl_)?password=", query):
        raise QueueError("a kafka:// URL holds no password: set kafka.password, or password_file=PATH")
    return Address(tuple(servers), topic, **options.read(url, query, _READERS))


def client_settings(address: Address, credentials: Credentials) -> dict[str, Any]:
    """What every client of kafka-python is made with. Raises ``QueueError`` for files that can't be read."""
    settings: dict[str, Any] = {
        "bootstrap_servers": list(address.servers),
        "client_id": "wiredesk",
        "security_protocol": address.security.upper(),
        "request_timeout_ms": int(min(address.patience, 30) * 1000),
        "bootstrap_timeout_ms": int(address.patience * 1000),
        "reconnect_backoff_max_ms": 1000,
        "metadata_max_age_ms": 10_000,  # new partitions are noticed after this
    }
    for name, path in (("ca", address.ca), ("cert", address.cert), ("key", address.key)):
        if path and not os.access(path, os.R_OK):
            raise QueueError(f"{name}={path} can't be read: there is no such file, or no permission")
        if path:
            settings[f"ssl_{name}file"] = path
    if address.security.startswith("sasl"):
        username = credentials.username or address.username
        password = _password(address, credentials)
        if not username or not password:
            raise QueueError(
                f"security={address.security} needs a user and a password: set kafka.username and kafka.password "
                "(WIREDESK_KAFKA__PASSWORD in the environment), or username=NAME&password_file=PATH in the URL"
            )
        settings |= {
            "sasl_mechanism": address.mechanism,
            "sasl_plain_username": username,
            "sasl_plain_password": password,
        }
    return settings


def _password(address: Address, credentials: Credentials) -> str | None:
    if credentials.password:
        return credentials.password
    if not address.password_file:
        return None
    try:
        with open(address.password_file, encoding="utf-8") as file:
            return file.read().strip()
    except (OSError, UnicodeDecodeError) as e:
        raise QueueError(f"password_file={address.password_file} can't be read: {e}") from e
