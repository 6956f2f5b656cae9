"""Every scenario on every event loop, over both framings, against `trowamp router`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.program import Program, environment_of
from tests.compat.flavours import FLAVOURS, Addresses, addresses, cases
from tests.compat.kit import over_rawsocket
from tests.driver import Scenario
from tests.proofs import PROOFS
from tests.scenarios import SCENARIOS

ROUTER = """
[router]
listen = ["ws://127.0.0.1:0/ws"]

[router.limits]
max_message_size = 16777216
max_failed_attempts = 1000

[router.auth]
anonymous_role = "anonymous"

[router.auth.principals]
alice = { role = "user", ticket = "open sesame" }
bob = { role = "user", wampcra = "grüezi" }
dave = { role = "user", cryptosign = ["03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"] }

[router.auth.principals.berta]
role = "user"

[router.auth.principals.berta.wampcra]  # of "salty"
key = "7HHejPo2Tn2WRzXltuIDA1GlQisPVVebc5ZMkDCKhkU="
salt = "pepper"
iterations = 1000
keylen = 32

[router.auth.principals.claire]
role = "reader"

[router.auth.principals.claire.scram]  # of "pepper"
kdf = "argon2id13"
memory = 512
iterations = 64
salt = "xM+U51tgZ+gdcyUESKOMEA=="
stored_key = "+Q76o8W5Qcf6PkC5qfQKvTMqXBpDdCjCXahdZSkfH/E="
server_key = "FFQzALTpgJijMTtWz5Et4bJVqPkfIfDpPkh7e3kn8Fg="

[[router.roles]]
name = "anonymous"
rules = [{ uri = "", match = "prefix", allow = ["call", "register", "publish", "subscribe"] }]

[[router.roles]]
name = "user"
rules = [{ uri = "", match = "prefix", allow = ["call", "register", "publish", "subscribe"] }]

[[router.roles]]
name = "reader"
rules = [{ uri = "com.example.public.", match = "prefix", allow = ["call", "subscribe"] }]
"""


@pytest.fixture(scope="module")
def router(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    folder = tmp_path_factory.mktemp("router")
    (folder / "router.toml").write_text(ROUTER, encoding="utf-8")
    with closing(Program(("router", "--config", "router.toml"), environment_of(project, {}), folder)) as program:
        url = program.says("listening on ").removeprefix("listening on ")
        urls = {"ws": url, "rs": over_rawsocket(url)}
        with addresses(urls.__getitem__, urls.__getitem__, "wamp.error.authentication_denied") as found:
            yield found


@pytest.mark.parametrize(("scenario", "flavour", "framing", "serializer"), cases(SCENARIOS))
def test_what_a_scenario_tells_is_so(
    router: Addresses, scenario: Scenario, flavour: str, framing: str, serializer: str
) -> None:
    assert FLAVOURS[flavour](scenario, router.place(flavour, framing, serializer)) is None


@pytest.mark.parametrize(("scenario", "flavour", "framing", "serializer"), cases(dict.fromkeys(PROOFS, ())))
def test_who_one_is_can_be_proved(
    router: Addresses, scenario: Scenario, flavour: str, framing: str, serializer: str
) -> None:
    assert FLAVOURS[flavour](scenario, router.place(flavour, framing, serializer)) is None
