"""Proving to a real Crossbar.io who we are, by every method that it knows; and being told when the proof is wrong."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import trio

import trowamp
from trowamp import Session
from trowamp.auth import ClientAuthenticator, CrossbarScram, Cryptosign, Scram, Ticket, WampCra

from .crossbar_node import REALM, SERIALIZERS, CrossbarNode

KEY = bytes(range(32))
RIGHT: dict[str, tuple[ClientAuthenticator, str, str]] = {
    "ticket": (Ticket("alice", "open sesame"), "alice", "user"),
    "wampcra": (WampCra("bob", "grüezi"), "bob", "user"),
    "wampcra salted": (WampCra("berta", "salty"), "berta", "user"),
    "cryptosign": (Cryptosign("dave", private_key=KEY), "dave", "user"),
    "cryptosign by the key alone": (Cryptosign(private_key=KEY), "dave", "user"),
    "scram": (CrossbarScram("carol", "pepper"), "carol", "reader"),
}
WRONG: dict[str, ClientAuthenticator] = {
    "ticket": Ticket("alice", "open sesam"),
    "ticket of nobody": Ticket("mallory", "open sesame"),
    "wampcra": WampCra("bob", "gruezi"),
    "wampcra of nobody": WampCra("mallory", "grüezi"),
    "wampcra salted": WampCra("berta", "Salty"),
    "cryptosign": Cryptosign("dave", private_key=KEY[::-1]),
    "scram": CrossbarScram("carol", "peppar"),
    "scram of nobody": CrossbarScram("mallory", "pepper"),
}


@pytest.fixture(params=["ws", "rs"])
def framing(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def join(
    node: CrossbarNode, framing: str, auth: Any, serializers: tuple[str, ...] = SERIALIZERS, **options: Any
) -> AbstractAsyncContextManager[Session]:
    return trowamp.open_session(node.auth_url(framing), realm=REALM, auth=auth, serializers=serializers, **options)


async def check_refused(node: CrossbarNode, framing: str, auth: Any) -> str:
    with pytest.raises(trowamp.JoinError) as caught, trio.fail_after(20):
        async with join(node, framing, auth):
            raise AssertionError("was let in")
    assert trowamp.is_fatal(caught.value)
    return caught.value.reason


@pytest.mark.differs("A1")
@pytest.mark.parametrize("serializer", SERIALIZERS)
@pytest.mark.parametrize("method", RIGHT)
async def test_a_right_proof_is_accepted(crossbar: CrossbarNode, framing: str, method: str, serializer: str) -> None:
    auth, authid, authrole = RIGHT[method]
    with trio.fail_after(20):
        async with join(crossbar, framing, auth, (serializer,)) as session:
            details = session.details
            assert (details.authid, details.authrole, details.authmethod) == (
                authid,
                authrole,
                method.split(maxsplit=1)[0],
            )
            if authrole == "user":
                await session.register("com.example.whoami", lambda: authid)
                assert await session.call("com.example.whoami") == authid


@pytest.mark.differs("E2")
@pytest.mark.parametrize("method", WRONG)
async def test_a_wrong_proof_is_refused(crossbar: CrossbarNode, framing: str, method: str) -> None:
    """Crossbar says `not_authorized` where the specification has `authentication_denied` and `authentication_failed`."""
    assert await check_refused(crossbar, framing, WRONG[method]) == "wamp.error.not_authorized"


@pytest.mark.differs("S13")
async def test_a_method_that_is_not_offered_is_refused(crossbar: CrossbarNode, framing: str) -> None:
    assert await check_refused(crossbar, framing, None) == "wamp.error.no_auth_method"


@pytest.mark.differs("A1")
async def test_the_first_known_method_is_taken(crossbar: CrossbarNode, framing: str) -> None:
    """Crossbar goes through the offer and refuses it at the first method that it has never heard of: its own has to come before that."""
    offer = [CrossbarScram("carol", "pepper"), Scram("carol", "pepper")]
    async with join(crossbar, framing, offer) as session:
        assert session.details.authmethod == "scram"
    assert await check_refused(crossbar, framing, offer[::-1]) == "wamp.error.not_authorized"
    assert await check_refused(crossbar, framing, offer[1]) == "wamp.error.not_authorized"


async def test_what_a_role_may_not_do_is_refused(crossbar: CrossbarNode, framing: str) -> None:
    async with join(crossbar, framing, RIGHT["scram"][0]) as session:
        with pytest.raises(trowamp.NotAuthorized):
            await session.register("com.example.public.f", print)
        with pytest.raises(trowamp.NotAuthorized):
            await session.subscribe("com.example.secret", print)
        with pytest.raises(trowamp.NotAuthorized):
            await session.with_options(acknowledge=True).publish("com.example.public.topic")
        await session.publish("com.example.public.topic")  # what nobody acknowledges nobody refuses
        await session.subscribe("com.example.public.topic", print)
        with pytest.raises(trowamp.NoSuchProcedure):
            await session.call("com.example.public.f")
