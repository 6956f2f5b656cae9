"""R24 on asyncio and Twisted: TLS that is not to be trusted is refused, and a stream that is cut is a loss, never an end in good order."""

from __future__ import annotations

import random
import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.compat.kit import Kit
from tests.faults.goals import check, scaled, seed_of
from tests.faults.proxy import Plan, Way, open_proxy
from tests.reliability.test_tls_faults import HOST, old_tls
from tests.transports import authority, server_tls
from trowamp import open_router

from .memory import Framework, on_frameworks
from .threads import beside

CUTS = 16


def transport(url: str, trust: Path | None, host: str = HOST) -> dict[str, Any]:
    """Return the configuration of a transport that trusts the tests' authority, or those that everybody trusts."""
    port = int(url.rstrip("/").rpartition(":")[2])
    scheme = url.partition(":")[0]
    config: dict[str, Any] = {"url": f"{scheme}://{host}:{port}", "max_retries": 0}
    config["type"] = "websocket" if scheme.startswith("ws") else "rawsocket"
    if trust is not None:
        tls = {"hostname": host, "trust_root": str(trust)}
        config["endpoint"] = {"type": "tcp", "host": host, "port": port, "tls": tls, "timeout": 5}
    return config


class Visitors:
    """Components that try to get in; and what became of them."""

    def __init__(self, transports: list[dict[str, Any]]) -> None:
        self.joined = 0
        self.ends: list[BaseException | None] = []
        self.cleanly = 0
        self._transports = transports

    async def program(self, kit: Kit) -> None:
        """Try each transport, and call for ever where that leads in."""
        for config in self._transports:
            component = kit.component.Component(transports=config, realm="realm1")
            component.on("ready", self._ready)
            component.on("disconnect", lambda session, was_clean: self._note_end(was_clean))
            try:
                await component.start(kit.loop)
            except Exception as error:  # noqa: BLE001  # the outcome
                self.ends.append(error)
            else:
                self.ends.append(None)

    def _ready(self, session: Any) -> None:
        self.joined += 1
        self._call(session)

    def _call(self, session: Any) -> None:
        if session.is_attached():
            face = session._face
            face.when_done(session.call("wamp.session.count"), lambda _: self._call(session), lambda _: None)

    def _note_end(self, was_clean: bool) -> None:
        self.cleanly += was_clean


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    path = tmp_path / "authority.pem"
    authority().cert_pem.write_to_path(path)
    return path


@on_frameworks
@pytest.mark.parametrize(
    ("trusts", "server"),
    [
        pytest.param(False, server_tls(), id="an authority that nobody knows"),
        pytest.param(True, server_tls(expired=True), id="an expired certificate"),
        pytest.param(False, old_tls(), id="TLS 1.1"),
        pytest.param(True, None, id="no TLS at all"),
    ],
)
async def test_what_is_not_to_be_trusted_is_refused(
    framework: Framework, trusts: bool, server: ssl.SSLContext | None, trust: Path
) -> None:
    schemes = ("wss", "rss") if server is not None else ("ws", "rs")
    async with open_router(["realm1"], [f"{scheme}://127.0.0.1:0" for scheme in schemes], tls=server) as router:
        urls = [url.replace("ws:", "wss:").replace("rs:", "rss:") for url in router.urls]
        visitors = Visitors([transport(url, trust if trusts else None) for url in urls])
        async with beside(framework, visitors.program):
            pass
    refused = sum(isinstance(end, Exception) for end in visitors.ends)
    check("R24", f"untrustworthy TLS, refused on each framing, {framework}", refused, "==", 2)
    assert visitors.joined == 0


@on_frameworks
async def test_another_host_is_refused(framework: Framework, trust: Path) -> None:
    async with open_router(["realm1"], ["wss://127.0.0.2:0/"], tls=server_tls()) as router:
        visitors = Visitors([transport(router.urls[0], trust, host="127.0.0.2")])
        async with beside(framework, visitors.program):
            pass
    assert (visitors.joined, [isinstance(end, Exception) for end in visitors.ends]) == (0, [True])


@on_frameworks
@pytest.mark.parametrize("scheme", ["wss", "rss"])
async def test_a_stream_that_is_cut_is_never_an_end_in_good_order(
    framework: Framework, scheme: str, trust: Path
) -> None:
    chance = random.Random(seed_of(f"cut within TLS, {framework}"))
    plans = [
        Plan(down=Way(cut_at=chance.randrange(1, 8000), cut=("fin", "rst")[number % 2], slices=500))
        for number in range(scaled(CUTS))
    ]
    async with open_router(["realm1"], [f"{scheme}://127.0.0.1:0"], tls=server_tls()) as router:
        async with open_proxy(router.urls[0], lambda number: plans[number]) as proxy:
            visitors = Visitors([transport(proxy.url(scheme), trust)] * len(plans))
            async with beside(framework, visitors.program):
                pass
    where = f"{scheme}, {framework}"
    errors = sum(isinstance(end, Exception) for end in visitors.ends)
    check("R24", f"TLS streams cut, and each a failure, {where}", errors, "==", len(plans))
    check("R24", f"cut TLS streams taken for an end in good order, {where}", visitors.cleanly, "==", 0)
    check("R24", f"of those, cut within a session, {where}", visitors.joined, ">=", len(plans) / 8)
