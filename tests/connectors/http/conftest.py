"""A web of the tests' own: servers on 127.0.0.1 that say exactly what a test wants said, names that lead to them, and
clients that may connect to them and to nothing else. No packet leaves the machine."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from connectors.http import FetchError, HttpClient, HttpSettings

HANGS_AFTER = 30.0
"""Seconds; a test that takes so long has shown a hang."""


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    asyncio.run(asyncio.wait_for(pyfuncitem.obj(**arguments), HANGS_AFTER))
    return True


@dataclass(frozen=True)
class Request:
    path: str
    headers: Mapping[str, str]
    peer: tuple[str, int]


Handler = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """``port``, and what it was asked for."""

    port: int = 0
    requests: list[Request] = field(default_factory=list)

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.requests]


class Names(AbstractResolver):
    """A resolver: name -> its addresses; of a list of lists, one list an answer, the last one again and again."""

    def __init__(self, names: Mapping[str, Sequence[Any]]):
        self.names = {name: answers if isinstance(answers[0], list) else [answers] for name, answers in names.items()}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        if host not in self.names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        answers = self.names[host]
        answer = answers[min(self.asked.count(host), len(answers) - 1)]
        self.asked.append(host)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in answer
        ]

    async def close(self) -> None:
        pass


class Web:
    """What the ``web`` fixture offers."""

    Names = Names

    @staticmethod
    def reply(status: int = 200, body: bytes = b"", headers: Sequence[tuple[str, str]] = ()) -> bytes:
        """The bytes of a well-formed response; a Content-Length is added unless ``headers`` frame the body."""
        lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in headers)]
        if not {name.lower() for name, _ in headers} & {"content-length", "transfer-encoding"}:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body

    @staticmethod
    def redirect(location: str, status: int = 302, headers: Sequence[tuple[str, str]] = ()) -> bytes:
        return Web.reply(status, headers=[("Location", location), *headers])

    @staticmethod
    @contextlib.asynccontextmanager
    async def serve(
        routes: Mapping[str, bytes | Handler] | Handler, host: str = "127.0.0.1", ssl: Any = None
    ) -> AsyncIterator[Server]:
        """Serve path -> bytes to send, or what is to be done; other paths are 404. One handler takes all paths."""
        state = Server()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while True:
                    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                    headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head[1:] if line)}
                    request = Request(head[0].split(" ")[1], headers, writer.get_extra_info("peername"))
                    state.requests.append(request)
                    route = routes if callable(routes) else routes.get(request.path, Web.reply(404))
                    if isinstance(route, bytes):
                        writer.write(route)
                        await writer.drain()
                    else:
                        await route(request, writer)
                        break
            writer.close()

        server = await asyncio.start_server(answer, host, 0, ssl=ssl)
        state.port = server.sockets[0].getsockname()[1]
        try:
            yield state
        finally:
            server.close()

    @staticmethod
    def client(*servers: Server, names: Mapping[str, Sequence[Any]] | None = None, **settings: Any) -> HttpClient:
        """A client that may connect to these servers only, and resolves these names only."""
        settings.setdefault("allowed", tuple(f"127.0.0.1:{server.port}" for server in servers))
        return HttpClient(HttpSettings(**settings), resolver=Names(names or {}))

    @staticmethod
    @contextlib.asynccontextmanager
    async def visit(
        routes: Mapping[str, bytes | Handler] | Handler, **client: Any
    ) -> AsyncIterator[tuple[Server, HttpClient]]:
        """A server and a client for it."""
        async with Web.serve(routes) as server, Web.client(server, **client) as opened:
            yield server, opened

    @staticmethod
    async def reason(client: HttpClient, url: str, **options: Any) -> str:
        """The reason that fetching ``url`` fails for."""
        with pytest.raises(FetchError) as caught:
            await client.get(url, **options)
        assert caught.value.detail
        return caught.value.reason


@pytest.fixture
def web() -> type[Web]:
    return Web


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PEM file with a key and a certificate for safe.test that only itself vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "safe.test")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("safe.test")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    unlocked = serialization.NoEncryption()
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, unlocked) + made.public_bytes(pem),
    )
    return path
