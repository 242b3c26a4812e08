"""What a ``bigquery:`` URL says: ``bigquery://project/dataset?location=EU``.

Credentials are the environment's, as for any Google client. ``endpoint`` names another service that speaks BigQuery's
REST (an emulator); it is asked without credentials.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from connectors.warehouse import WarehouseError

PREFIX = "bigquery://"
OPTIONS = ("endpoint", "location", "patience")


@dataclass(frozen=True)
class Location:
    """``patience``: seconds to try again while the service can't be had."""

    project: str
    dataset: str
    location: str | None = None
    endpoint: str | None = None
    patience: float = 60.0


def parse_url(url: str) -> Location:
    """Read the URL; raises ``WarehouseError``."""
    parts = urlsplit(url)
    dataset = parts.path.strip("/")
    if not url.startswith(PREFIX) or not parts.netloc or not re.fullmatch(r"\w+", dataset):
        raise WarehouseError(f"{url!r} names no dataset: use bigquery://project/dataset")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = [name for name in options if name not in OPTIONS]
    if unknown:
        raise WarehouseError(f"unknown option {unknown[0]!r} in {url!r}: known are {', '.join(OPTIONS)}")
    patience = options.get("patience", "60")
    if not re.fullmatch(r"\d+(\.\d+)?", patience):
        raise WarehouseError(f"option patience={patience!r} in {url!r}: seconds are a number, as in 2.5")
    return Location(parts.netloc, dataset, options.get("location"), options.get("endpoint"), float(patience))
