"""Clients that we did not write prove to our router who they are, and are told when they do not."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
import trio

import trowamp
from trowamp import ApplicationError, Router, RouterAuth
from trowamp.auth import Cryptosign

from .remote_client import RemoteClient

NewClient = Callable[[str], RemoteClient]
Credentials = dict[str, dict[str, str]]

REALM = "realm1"
SEED = bytes(range(32))
PUBLIC_KEY = Cryptosign("dave", private_key=SEED).public_key
SALTED = base64.b64encode(hashlib.pbkdf2_hmac("sha256", b"salty", b"pepper", 1000, 32)).decode()
PRINCIPALS: dict[str, Any] = {
    "alice": {"role": "user", "ticket": "open sesame"},
    "bob": {"role": "user", "wampcra": "secret"},
    "berta": {"role": "user", "wampcra": {"key": SALTED, "salt": "pepper", "iterations": 1000, "keylen": 32}},
    "dave": {"role": "user", "cryptosign": [PUBLIC_KEY]},
    "carol": {
        "role": "user",
        "scram": {  # autobahn.wamp.auth.derive_scram_credential("carol", "pepper")
            "kdf": "argon2id13",
            "memory": 512,
            "iterations": 4096,
            "salt": base64.b64encode(bytes.fromhex("4c26d9074c27d89ede59270c0ac14b71")).decode(),
            "stored_key": base64.b64encode(
                bytes.fromhex("6da886bbf1118d6d3aafa255b8859e25de33964b56507b2de536a9d166389489")
            ).decode(),
            "server_key": base64.b64encode(
                bytes.fromhex("724f5c808831142013f416c88c25311eb4cfe075ebfca8b58c84a0b0aa96a9eb")
            ).decode(),
        },
    },
}
RIGHT: dict[str, Credentials] = {
    "ticket": {"ticket": {"authid": "alice", "ticket": "open sesame"}},
    "wampcra": {"wampcra": {"authid": "bob", "secret": "secret"}},
    "wampcra salted": {"wampcra": {"authid": "berta", "secret": "salty"}},
    "cryptosign": {"cryptosign": {"authid": "dave", "privkey": SEED.hex(), "pubkey": PUBLIC_KEY}},
    "scram": {"scram": {"authid": "carol", "password": "pepper"}},
}
WRONG: dict[str, Credentials] = {
    "ticket": {"ticket": {"authid": "alice", "ticket": "open sesam"}},
    "ticket of nobody": {"ticket": {"authid": "mallory", "ticket": "open sesame"}},
    "wampcra": {"wampcra": {"authid": "bob", "secret": "Secret"}},
    "wampcra of nobody": {"wampcra": {"authid": "mallory", "secret": "secret"}},
    "cryptosign": {"cryptosign": {"authid": "dave", "privkey": SEED[::-1].hex(), "pubkey": ""}},
    "scram": {"scram": {"authid": "carol", "password": "peppar"}},
}
CLIENTS = ("autobahn-asyncio", "autobahn-twisted", "xconn", "autobahn-js", "wampy")


def cases(table: dict[str, Credentials]) -> list[Any]:
    """Combine clients and credentials; SCRAM is for Autobahn|Python only."""
    return [
        pytest.param(client, auth, id=f"{client} {name}")
        for client in CLIENTS
        for name, auth in table.items()
        if "scram" not in auth or client in {"autobahn-asyncio", "autobahn-twisted"}
    ]


@pytest.fixture
def client(name: str, new_client: NewClient) -> RemoteClient:
    return new_client(name)


@pytest.fixture
async def router() -> AsyncGenerator[Router, None]:
    with trio.fail_after(20):
        async with trowamp.open_router(
            [REALM], ["ws://127.0.0.1:0/ws", "rs://127.0.0.1:0"], auth=RouterAuth(principals=PRINCIPALS)
        ) as router:
            yield router


@pytest.mark.parametrize(("name", "auth"), cases(RIGHT))
async def test_a_right_proof_is_accepted(client: RemoteClient, router: Router, name: str, auth: Credentials) -> None:
    (credentials,) = auth.values()
    for url in router.urls if name in CLIENTS[:3] else router.urls[:1]:
        for serializer in ("json", "cbor"):
            identity = await client.do("join", url=url, realm=REALM, serializer=serializer, auth=auth)
            if name != "wampy":  # it does not tell
                assert (identity["authid"], identity["authrole"]) == (credentials["authid"], "user")
            await client.do("leave")


@pytest.mark.parametrize(("name", "auth"), cases(WRONG))
async def test_a_wrong_proof_is_refused(client: RemoteClient, router: Router, name: str, auth: Credentials) -> None:
    (credentials,) = auth.values()
    if credentials.get("pubkey") == "":
        auth = {"cryptosign": {**credentials, "pubkey": Cryptosign("dave", private_key=SEED[::-1]).public_key}}
    with pytest.raises(ApplicationError) as caught:
        await client.do("join", url=router.urls[0], realm=REALM, serializer="json", auth=auth)
    # somebody who is not there may look like somebody who uses another method
    unsaid = {"wamp.error.no_matching_auth_method"} if credentials["authid"] == "mallory" else set()
    assert caught.value.uri in {"wamp.error.authentication_denied", *unsaid}
    assert router.statistics().sessions == 0
