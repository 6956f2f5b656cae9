"""TLS of components: it is spoken whenever the URL or the endpoint says so, and whoever is at the other end has to prove it."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from trowamp_compat.wamp.router import Router

from tests.compat.kit import Kit, Run, on_both

HOST = "127.0.0.1"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def certificate(authority: trustme.CA) -> trustme.LeafCert:
    return authority.issue_cert(HOST, "localhost")


@pytest.fixture
def trust_root(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


async def listen(kit: Kit, certificate: trustme.LeafCert, *, with_tls: bool = True) -> tuple[int, Any]:
    """Run a router behind TLS; return its port, and what closes it."""
    factory = kit.rawsocket.WampRawSocketServerFactory(Router(["realm1"]))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    if kit.name == "asyncio":
        server = await kit.loop.create_server(factory, HOST, 0, ssl=context if with_tls else None)
        return server.sockets[0].getsockname()[1], server.close
    if not with_tls:
        listening = kit.loop.listenTCP(0, factory, interface=HOST)
    else:
        from twisted.internet.ssl import DefaultOpenSSLContextFactory
        from twisted.protocols.tls import TLSMemoryBIOFactory

        with certificate.private_key_and_cert_chain_pem.tempfile() as path:
            server_tls: Any = DefaultOpenSSLContextFactory(path, path)  # type: ignore[no-untyped-call]
        factory = TLSMemoryBIOFactory(
            server_tls, False, factory, kit.loop
        )  # listenSSL takes the installed reactor's clock
        listening = kit.loop.listenTCP(0, factory, interface=HOST)
    return listening.getHost().port, listening.stopListening


async def attempt(kit: Kit, config: dict[str, Any]) -> Any:
    """Join once; return whether the connection is secure, or the error."""
    seen: list[bool] = []

    def main(session: Any) -> None:
        seen.append(session.transport.transport_details.is_secure)

    component = kit.component.Component(main, transports={**config, "max_retries": 0})
    try:
        await component.start(kit.loop)
    except Exception as error:  # noqa: BLE001  # the outcome
        return error
    return seen[0]


@on_both
@pytest.mark.autobahn("S-24", "C-27", "W-1")
def test_tls_is_spoken_with_the_trust_of_the_endpoint(
    run: Run, certificate: trustme.LeafCert, trust_root: str, authority: trustme.CA
) -> None:
    async def scenario(kit: Kit) -> None:
        port, close = await listen(kit, certificate)
        endpoint = {"type": "tcp", "host": HOST, "port": port}
        url = f"rss://localhost:{port}"
        if kit.name == "asyncio":
            context = ssl.create_default_context()
            authority.configure_trust(context)
            objects: list[Any] = [context]
        else:
            from twisted.internet.ssl import Certificate, CertificateOptions, optionsForClientTLS

            trust = Certificate.loadPEM(authority.cert_pem.bytes())
            objects = [optionsForClientTLS("localhost", trustRoot=trust), CertificateOptions(trustRoot=trust)]
        for tls in ({"hostname": "localhost", "trust_root": trust_root}, {"trust_root": trust_root}, *objects):
            assert await attempt(kit, {"type": "rawsocket", "url": url, "endpoint": {**endpoint, "tls": tls}}) is True
        close()

    run(scenario)


@on_both
@pytest.mark.autobahn("W-1", "C-27")
@pytest.mark.parametrize("with_endpoint", [False, True])
def test_a_router_that_nobody_vouches_for_and_one_without_tls_are_refused(
    run: Run, certificate: trustme.LeafCert, with_endpoint: bool
) -> None:
    async def scenario(kit: Kit) -> None:
        for with_tls in (True, False):
            port, close = await listen(kit, certificate, with_tls=with_tls)
            config: dict[str, Any] = {"type": "rawsocket", "url": f"rss://localhost:{port}"}
            if with_endpoint:
                config["endpoint"] = {"type": "tcp", "host": HOST, "port": port, "timeout": 2}
            assert isinstance(await attempt(kit, config), Exception)
            close()

    run(scenario)
