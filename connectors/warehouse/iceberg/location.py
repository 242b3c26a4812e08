"""What an ``iceberg:`` URL says: the catalog, where the tables' files are, the namespace.

``iceberg:///folder`` keeps everything in a folder: the catalog in ``catalog.db`` (SQLite), the tables beside it.
``iceberg://NAME`` is a catalog as PyIceberg knows it: what its configuration (``.pyiceberg.yaml``, ``PYICEBERG_...``)
says of NAME, over which go the URL's own properties (``uri``, ``warehouse``, ``s3.endpoint``, ...). Secrets belong into
the configuration.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from connectors.warehouse import WarehouseError

PREFIX = "iceberg://"
NAMESPACE = "wiredesk"
CATALOG_FILE = "catalog.db"
PROPERTIES = frozenset({"type", "uri", "warehouse", "token", "credential", "scope", "prefix", "py-io-impl"})
"""Properties of PyIceberg's catalogs without a dot in their names; those with one (``s3.endpoint``) all go through."""


@dataclass(frozen=True)
class Location:
    """``patience``: seconds to wait for another writer. ``folder``: where the catalog's file is, if it has one here."""

    catalog: str
    namespace: str = NAMESPACE
    patience: float = 60.0
    folder: str | None = None
    properties: dict[str, str] = field(default_factory=dict, hash=False)

    @property
    def key(self) -> tuple[object, ...]:
        """What two URLs of one warehouse have in common."""
        return self.catalog, self.namespace, self.folder, tuple(sorted(self.properties.items()))


def parse_url(url: str) -> Location:
    """Read the URL; raises ``WarehouseError``."""
    parts = urlsplit(url)
    if not url.startswith(PREFIX) or not (parts.netloc or parts.path.strip("/")):
        raise WarehouseError(f"{url!r} names no catalog: use iceberg:///folder or iceberg://NAME?uri=...")
    if parts.netloc and parts.path.strip("/"):
        raise WarehouseError(f"{url!r} has a path after the catalog's name: use ?warehouse=... and ?namespace=...")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    namespace = options.pop("namespace", NAMESPACE)
    if not re.fullmatch(r"\w+(\.\w+)*", namespace):
        raise WarehouseError(f"namespace={namespace!r} in {url!r}: letters, digits and _ are needed")
    patience = _seconds(options.pop("patience", "60"), url)
    unknown = [name for name in options if "." not in name and name not in PROPERTIES]
    if unknown:
        known = ", ".join(sorted({"namespace", "patience", *PROPERTIES}))
        raise WarehouseError(f"unknown option {unknown[0]!r} in {url!r}: known are {known}, and those with a dot")
    if parts.netloc:
        return Location(parts.netloc, namespace, patience, None, options)
    folder = os.path.abspath(parts.path.removeprefix("/"))
    options.setdefault("warehouse", f"file://{folder}")
    options["uri"] = f"sqlite:///{folder}/{CATALOG_FILE}"
    return Location("wiredesk", namespace, patience, folder, options)


def _seconds(text: str, url: str) -> float:
    if not re.fullmatch(r"\d+(\.\d+)?", text):
        raise WarehouseError(f"option patience={text!r} in {url!r}: seconds are a number, as in 2.5")
    return float(text)
