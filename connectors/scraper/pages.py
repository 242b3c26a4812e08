"""Fetches a page: robots.txt, pacing, caps, and a gate for what is no page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.http import Caps, FetchError, HostGate, HttpClient, Response, Robots

PAGE_TYPES = ("text/html", "application/xhtml+xml", "text/plain")
ACCEPT = "text/html,application/xhtml+xml,text/plain;q=0.8,*/*;q=0.1"

# How files begin that are now and then served as text/html, or with no type at all.
SIGNATURES = {
    b"%PDF-": "application/pdf",
    b"\x89PNG": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"PK\x03\x04": "application/zip",
    b"\x1f\x8b": "application/gzip",
    b"\x00\x00\x00\x18ftyp": "video/mp4",
    b"\x00\x00\x00\x20ftyp": "video/mp4",
    b"ID3": "audio/mpeg",
    b"wOF2": "font/woff2",
}


@dataclass(frozen=True)
class Web:
    """What fetching pages needs; the gate is shared by all that fetch."""

    client: HttpClient
    robots: Robots
    gate: HostGate


async def fetch_page(
    web: Web, url: str, caps: Caps | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """The page at ``url``, its status a success. Raises ``FetchError``, with the reason ``content_type`` for what is
    no HTML, XHTML or plain text, whatever it says that it is."""
    response = await web.client.get(
        url,
        headers={"Accept": ACCEPT, **(headers or {})},
        caps=caps,
        gate=web.gate,
        permit=web.robots.permit,
        accept_types=PAGE_TYPES,
    )
    response.raise_for_status()
    kind = next((kind for start, kind in SIGNATURES.items() if response.body.startswith(start)), None)
    if kind is not None:
        served = response.media_type or "no type"
        raise FetchError("content_type", f"{response.final_url}: {kind} served as {served}", status=response.status)
    return response
