"""The guard: no connection to a private, loopback, link-local or metadata address, however it is spelled.

A URL comes from a stranger's feed or redirect, and wiredesk runs inside somebody's network: so the address is judged
where the socket is made (``Guard.socket``), just before it connects to that very address. A name that resolves to
something else a moment later (DNS rebinding), an IP literal in any spelling and a redirect all pass there.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import socket
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class ForbiddenAddress(OSError):
    """The address is not one to connect to. An OSError, as that is what a connector expects of a socket."""


@dataclass(frozen=True)
class Forbidden:
    """A row of forbidden.toml."""

    network: Network
    what: str
    private: bool


@dataclass(frozen=True)
class Embedded:
    """IPv6 addresses that carry an IPv4 address from ``bit`` on (forbidden.toml)."""

    network: ipaddress.IPv6Network
    what: str
    bit: int


@functools.cache
def forbidden() -> tuple[Forbidden, ...]:
    """The table, the most specific network first."""
    rows = (Forbidden(ipaddress.ip_network(r["cidr"]), r["what"], r["private"]) for r in _table()["network"])
    return tuple(sorted(rows, key=lambda r: r.network.prefixlen, reverse=True))


@functools.cache
def embedded() -> tuple[Embedded, ...]:
    return tuple(Embedded(ipaddress.IPv6Network(r["cidr"]), r["what"], r["bit"]) for r in _table()["embedded"])


def _table() -> dict[str, Any]:
    return tomllib.loads(resources.files("connectors.http").joinpath("forbidden.toml").read_text("utf-8"))


def carried(address: Address) -> Address:
    """The IPv4 address inside an IPv4-mapped, NAT64 or 6to4 one; any other address as it is."""
    if isinstance(address, ipaddress.IPv6Address):
        for row in embedded():
            if address in row.network:
                return ipaddress.IPv4Address(int(address) >> (128 - 32 - row.bit) & 0xFFFFFFFF)
    return address


def parse_allowed(text: str) -> tuple[Network, int | None]:
    """Read an exemption: an address or network, with or without a port: ``10.1.0.0/16``, ``127.0.0.1:8080``,
    ``::1``, ``[::1]:8080``. Raises ValueError that says what is wrong."""
    host, port = text.strip(), None
    if host.startswith("["):
        host, _, rest = host[1:].partition("]")
        port = rest.removeprefix(":") or None
    elif host.count(":") == 1:
        host, port = host.split(":")
    try:
        network = ipaddress.ip_network(host, strict=False)
    except ValueError as e:
        raise ValueError(f"allowed address {text!r}: {e}; write a network, or address:port") from e
    if port is not None and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"allowed address {text!r}: {port!r} is not a port")
    return network, None if port is None else int(port)


class Guard:
    """Says which addresses may be connected to.

    ``allow_private``: open the private, loopback and link-local networks (not the metadata services).
    ``allowed``: exemptions, see ``parse_allowed``.
    """

    def __init__(self, allow_private: bool = False, allowed: tuple[str, ...] = ()):
        self.allow_private = allow_private
        self.allowed = tuple(parse_allowed(text) for text in allowed)

    def why_not(self, host: str, port: int) -> str | None:
        """Why this address, as text, may not be connected to; None when it may."""
        try:
            literal = ipaddress.ip_address(host)
        except ValueError:
            # A connector would resolve it again, past the guard.
            return f"{host!r} is not an address"
        address = carried(literal)
        if any(address in network and open_port in (None, port) for network, open_port in self.allowed):
            return None
        for row in forbidden():
            if address in row.network:
                if row.private and self.allow_private:
                    return None
                return f"{host} is {row.what} ({row.network})"
        return None

    def check(self, host: str, port: int) -> None:
        """Raise ``ForbiddenAddress`` unless it may be connected to."""
        if (why := self.why_not(host, port)) is not None:
            raise ForbiddenAddress(why)

    def socket(self, addr_info: tuple[Any, ...]) -> socket.socket:
        """aiohttp's ``socket_factory``: a socket for a getaddrinfo tuple, if its address may be connected to."""
        family, kind, proto, _, address = addr_info
        self.check(str(address[0]), int(address[1]))
        return socket.socket(family, kind, proto)


class GuardedResolver(AbstractResolver):
    """Leaves the forbidden addresses out of another resolver's answers, so that a name with a good address and a bad
    one is reached at the good one; a name with bad ones only raises ``ForbiddenAddress``."""

    def __init__(self, resolver: AbstractResolver, guard: Guard):
        self._resolver = resolver
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        answers = await self._resolver.resolve(host, port, family)
        judged = [(self._guard.why_not(a["host"], a["port"]), a) for a in answers]
        good = [answer for why, answer in judged if why is None]
        if judged and not good:
            raise ForbiddenAddress(f"{host} leads to {judged[0][0]}")
        if not good:
            raise OSError(f"{host} has no address")
        return good

    async def close(self) -> None:
        await self._resolver.close()


class SystemResolver(AbstractResolver):
    """The system's getaddrinfo in threads of its own: names that take long to fail hold back no others, as they would
    in asyncio's default pool of a few threads."""

    def __init__(self, threads: int):
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        ask = functools.partial(
            socket.getaddrinfo, host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
        infos = await asyncio.get_running_loop().run_in_executor(self._pool, ask)
        numeric = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        return [
            ResolveResult(hostname=host, host=str(address[0]), port=port, family=found, proto=proto, flags=numeric)
            for found, _, proto, _, address in infos
        ]

    async def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
