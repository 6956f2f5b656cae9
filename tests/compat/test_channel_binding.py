"""A proof of a key that is bound to the TLS connection: both sides have the same id of it, and nobody else has."""

from __future__ import annotations

from typing import Any

import pytest
from nacl.signing import SigningKey
from trowamp_compat.wamp import message, role

from tests.compat.kit import Kit, Run, on_both, until
from tests.compat.websocket.test_sockets import Tls, listening, module_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Twisted's own, towards pyOpenSSL

SEED = "01" * 32
CHALLENGE = bytes(range(32))
ROLES = {"broker": role.RoleBrokerFeatures(), "dealer": role.RoleDealerFeatures()}


class Asking:
    """The router's side, which asks for a signature."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.hello: Any = None
        self.signature = ""

    def onOpen(self, transport: Any) -> None:
        self.transport = transport

    def onMessage(self, received: Any) -> None:
        if isinstance(received, message.Hello):
            self.hello = received
            extra = {"challenge": CHALLENGE.hex(), "channel_binding": self.hello.authextra["channel_binding"]}
            self.transport.send(message.Challenge("cryptosign", extra))
        elif isinstance(received, message.Authenticate):
            self.signature = received.signature
            self.transport.send(message.Welcome(1, ROLES, realm=self.hello.realm, authmethod="cryptosign"))
        elif isinstance(received, message.Goodbye):
            self.transport.send(message.Goodbye())

    def onClose(self, was_clean: bool) -> None:
        self.transport = None


@on_both
@pytest.mark.autobahn("S-38")
@pytest.mark.parametrize("framing", ["ws", "rs"])
def test_a_key_signs_the_challenge_together_with_the_id_of_the_connection(
    run: Run, framing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(kit: Kit) -> None:
        tls = Tls(kit, monkeypatch)
        router = Asking()
        seen: list[Any] = []

        def main(session: Any) -> None:
            seen.append(session.transport.transport_details.channel_id)
            seen.append(router.transport.transport_details.channel_id)

        if framing == "ws":
            factory = module_of(kit).WampWebSocketServerFactory(router)
        else:
            factory = kit.rawsocket.WampRawSocketServerFactory(router)
        async with listening(kit, factory, tls.server(kit)) as port:
            endpoint = {"type": "tcp", "host": "127.0.0.1", "port": port, "tls": tls.client(kit)}
            options = {"authid": "joe", "privkey": SEED, "authextra": {"channel_binding": "tls-unique"}}
            component = kit.component.Component(
                main,
                transports={"url": f"{framing}s://localhost:{port}/", "endpoint": endpoint, "max_retries": 0},
                authentication={"cryptosign": options},
            )
            await component.start(kit.loop)
            await until(kit, lambda: router.transport is None)
        (at_client, at_router) = seen
        assert at_client == at_router
        channel_id = at_client["tls-unique"]
        signed = bytes(a ^ b for a, b in zip(CHALLENGE, channel_id, strict=True))
        key = SigningKey(bytes.fromhex(SEED)).verify_key
        assert router.hello.authextra == {"channel_binding": "tls-unique", "pubkey": bytes(key).hex()}
        assert key.verify(signed, bytes.fromhex(router.signature)[:64]) == signed

    run(scenario)


@on_both
@pytest.mark.autobahn("S-38")
def test_without_tls_nothing_is_signed_that_should_be_bound(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router = Asking()
        async with listening(kit, kit.rawsocket.WampRawSocketServerFactory(router)) as port:
            component = kit.component.Component(
                transports={"url": f"rs://127.0.0.1:{port}", "max_retries": 0},
                authentication={"cryptosign": {"privkey": SEED, "authextra": {"channel_binding": "tls-unique"}}},
            )
            with pytest.raises(Exception, match=r"channel id|cannot_authenticate"):
                await component.start(kit.loop)
            await until(kit, lambda: router.transport is None)
        assert (router.signature, router.hello.authmethods) == ("", ["cryptosign"])

    run(scenario)
