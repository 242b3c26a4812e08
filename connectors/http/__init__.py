"""The HTTP door: guarded, bounded GETs, robots.txt, and pacing. Everything that fetches goes through here.

async with HttpClient(HttpSettings(contact="https://example.org/bot")) as client:
    robots, gate = Robots(client), HostGate()
    page = await client.get(url, gate=gate, permit=robots.permit, accept_types=("text/html",))
    page.raise_for_status()
"""

from connectors.http.client import Caps, HttpClient, HttpSettings, Permit
from connectors.http.errors import FetchError
from connectors.http.pacing import HostGate, Pacing
from connectors.http.response import Redirect, Response, parse_retry_after
from connectors.http.robots import Robots, RobotsSettings, Verdict

__all__ = [
    "Caps",
    "FetchError",
    "HostGate",
    "HttpClient",
    "HttpSettings",
    "Pacing",
    "Permit",
    "Redirect",
    "Response",
    "Robots",
    "RobotsSettings",
    "Verdict",
    "parse_retry_after",
]
