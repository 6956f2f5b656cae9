"""Each authentication method, from the options of a component to the session that a router lets in, or does not."""

from __future__ import annotations

from typing import Any

import pytest
from trowamp_compat.wamp.exception import ApplicationError
from trowamp_compat.wamp.router import Router

from tests.auth.tools import PASSWORD, PRINCIPALS, SECRET, SEED, TICKET
from tests.compat.kit import Kit, Run, on_both, until
from tests.compat.websocket.test_sockets import listening
from trowamp import RouterAuth

METHODS: dict[str, tuple[str, Any]] = {
    "ticket": ("ticket", TICKET),
    "wampcra": ("secret", SECRET),
    "cryptosign": ("privkey", SEED),
    "scram": ("password", PASSWORD),
}
# Options that are documented, and what the router asks for fulfils or not.
EXPECTED: dict[str, dict[str, Any]] = {"scram": {"kdf": "argon2id-13", "memory": 512, "nonce": "A" * 24}}
REFUSED: dict[str, list[dict[str, Any]]] = {"scram": [{"kdf": "pbkdf2"}]}


class Silent:
    """A logger that says nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


@on_both
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.autobahn("S-7", "S-36", "S-37", "S-38", "S-39", "S-40", "C-19", "C-20")
def test_who_has_the_secret_is_let_in_and_nobody_else(run: Run, method: str) -> None:
    option, secret = METHODS[method]
    common = {"authid": "joe", "authrole": "user", "authextra": {"colour": "red"}, option: secret}
    wrong = {**common, option: "02" * 32}

    async def scenario(kit: Kit) -> None:
        router = Router(["realm1"], auth=RouterAuth(principals=PRINCIPALS))
        async with listening(kit, kit.rawsocket.WampRawSocketServerFactory(router)) as port:

            async def attempt(options: dict[str, Any]) -> list[Any]:
                joined: list[Any] = []

                def main(session: Any) -> None:
                    joined.extend([session.authid, session.authrole, session.authmethod])

                component = kit.component.Component(
                    main,
                    {"url": f"rs://127.0.0.1:{port}", "max_retries": 0},
                    authentication={method: options},
                )
                component.log = Silent()
                await component.start(kit.loop)
                return joined

            for options in (common, {**common, **EXPECTED.get(method, {})}):
                assert await attempt(options) == ["joe", "user", method]
            refused = [wrong, *({**common, **more} for more in REFUSED.get(method, []))]
            for options in refused:
                with pytest.raises(ApplicationError) as caught:
                    await attempt(options)
                assert caught.value.error.startswith(("wamp.error.auth", "wamp.error.cannot_authenticate"))
            await until(kit, lambda: router.statistics().connections == 0)

    run(scenario)
