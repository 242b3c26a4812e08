"""Blobs as objects of an S3 bucket, or of any store that speaks its protocol."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from connectors.blobs import BlobError, BlobMissing, BlobTooLarge, BlobUnavailable, checked

OPTIONS = ("region", "endpoint", "anonymous")


class S3Store:
    """See ``connectors.blobs.BlobStore``. A blob is ``s3://bucket/prefix/<space>/<name>``."""

    def __init__(self, url: str, space: str):
        from pyarrow import fs

        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        for name in options:
            if name not in OPTIONS:
                raise BlobError(f"unknown option {name!r} in {url!r}: known are {', '.join(OPTIONS)}")
        if not parts.netloc or "@" in parts.netloc:
            raise BlobError(f"{url.split('@')[-1]!r}: use s3://bucket/prefix (credentials come from the environment)")
        self._root = "/".join(part for part in (parts.netloc, parts.path.strip("/"), space) if part)
        settings: dict[str, Any] = {"request_timeout": 30, "connect_timeout": 10}
        if "region" in options:
            settings["region"] = options["region"]
        if "endpoint" in options:
            endpoint = urlsplit(options["endpoint"])
            if endpoint.scheme not in ("http", "https") or not endpoint.netloc:
                raise BlobError(f"endpoint={options['endpoint']!r} in {url!r}: use https://host:port")
            settings |= {"endpoint_override": endpoint.netloc, "scheme": endpoint.scheme}
        if options.get("anonymous") == "true":
            settings["anonymous"] = True
        try:
            self._s3 = fs.S3FileSystem(**settings)
        except OSError as e:
            raise BlobError(f"{url!r}: {e}") from e
        self._missing = fs.FileType.NotFound
        self._select = fs.FileSelector

    def put(self, name: str, data: bytes) -> str:
        path = f"{self._root}/{checked(name)}"
        try:
            with self._s3.open_output_stream(path) as file:  # an object appears when it is whole
                file.write(data)
        except OSError as e:
            raise BlobUnavailable(f"s3://{path} can't be written: {_brief(e)}") from e
        return f"s3://{path}"

    def get(self, name: str, most: int) -> bytes:
        path = f"{self._root}/{checked(name)}"
        try:
            info = self._s3.get_file_info(path)
            if info.type == self._missing:
                raise BlobMissing(name)
            if info.size > most:
                raise BlobTooLarge(name)
            with self._s3.open_input_file(path) as file:
                return file.read()
        except FileNotFoundError:
            raise BlobMissing(name) from None
        except OSError as e:
            raise BlobUnavailable(f"s3://{path} can't be read: {_brief(e)}") from e

    def sweep(self, before: datetime) -> int:
        try:
            found = self._s3.get_file_info(self._select(self._root, allow_not_found=True, recursive=True))
            old = [info.path for info in found if info.is_file and info.mtime < before]
            for path in old:
                self._s3.delete_file(path)
        except OSError as e:
            raise BlobUnavailable(f"s3://{self._root} can't be swept: {_brief(e)}") from e
        return len(old)


def _brief(error: OSError) -> str:
    return " ".join(str(error).split())[:300]
