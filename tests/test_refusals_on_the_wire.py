"""Whoever cannot prove who it is gets the right ABORT, over a real socket: nothing here is our client, but for the arithmetic of proofs."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

import trowamp
from trowamp import Router, auth, open_router, uris
from trowamp._listen import open_listener
from trowamp._stream import ByteTransport
from trowamp._url import parse_url
from trowamp.messages import Abort, Authenticate, Challenge, Hello, Message, Welcome
from trowamp.wire import get_serializer, rawsocket_server

from .auth.tools import PASSWORD, SECRET, SEED, TICKET, router_auth
from .serve_tools import Peer, open_socket_peer, rawsocket, websocket

ROLES: dict[str, Any] = {"caller": {}}
DENIED = uris.ERROR_AUTHENTICATION_DENIED
FAILED = uris.ERROR_AUTHENTICATION_FAILED
NONCE = bytes(range(32))
Method = Callable[[str], Any]
METHODS: dict[str, Method] = {
    "ticket": lambda secret: auth.Ticket("joe", secret or TICKET),
    "wampcra": lambda secret: auth.WampCra("joe", secret or SECRET),
    "wamp-scram": lambda secret: auth.Scram("joe", secret or PASSWORD),
    "scram": lambda secret: auth.CrossbarScram("joe", secret or PASSWORD),
    "cryptosign": lambda secret: auth.Cryptosign("joe", private_key=(secret or SEED).ljust(64, "0")),
}
with_proof = [name for name in METHODS if name != "ticket"]
every = pytest.mark.parametrize("name", METHODS)
"""The proofs of `joe`, right with "" and wrong with anything else."""


@asynccontextmanager
async def served(scheme: str = "rs", **options: Any) -> AsyncGenerator[Router, None]:
    async with open_router(listen=[f"{scheme}://127.0.0.1:0"], **{"auth": router_auth(), **options}) as router:
        yield router


def attempt_of(name: str, secret: str = "") -> Any:
    return METHODS[name](secret).begin(NONCE)


def hello(attempt: Any, realm: str = "realm1", **changes: Any) -> Hello:
    details = {"roles": ROLES, "authid": attempt.authid, "authextra": attempt.authextra()}
    return Hello(realm, {**details, "authmethods": [attempt.method], **changes})


def answer_of(attempt: Any, challenge: Message) -> Authenticate:
    assert isinstance(challenge, Challenge)
    answer = attempt.answer(challenge)
    found = answer.run() if isinstance(answer, auth.Work) else answer
    assert isinstance(found, Authenticate)
    return found


async def exchanged(router: Router, *messages: Hello | Callable[[Message], Authenticate]) -> Message:
    """Say HELLO, answer challenges, and return what the router says last."""
    url = router.urls[0]
    async with open_socket_peer(url, websocket if url.startswith("ws") else rawsocket) as peer:
        reply: Message | None = None
        for message in messages:
            if callable(message):
                assert reply is not None
                peer.send(message(reply))
            else:
                peer.send(message)
            reply = await peer.next_message()
        assert reply is not None
        if isinstance(reply, Abort):
            await peer.is_cut_off()
        return reply


async def refused(router: Router, *messages: Hello | Callable[[Message], Authenticate]) -> tuple[str, str]:
    abort = await exchanged(router, *messages)
    assert isinstance(abort, Abort), abort
    assert (abort.args, abort.kwargs) == (None, None)  # three elements, as every client expects (SES-R4)
    return abort.reason, abort.details["message"]


@every
@pytest.mark.parametrize("scheme", ["rs", "ws"])
async def test_the_right_proof_is_accepted(name: str, scheme: str) -> None:
    attempt = attempt_of(name)
    async with served(scheme) as router:
        welcome = await exchanged(router, hello(attempt), lambda challenge: answer_of(attempt, challenge))
        assert isinstance(welcome, Welcome)
        assert (welcome.details["authid"], welcome.details["authmethod"]) == ("joe", name)


@every
@pytest.mark.parametrize("scheme", ["rs", "ws"])
async def test_a_wrong_secret_is_denied(name: str, scheme: str) -> None:
    attempt = attempt_of(name, "ab")
    async with served(scheme) as router:
        reason, text = await refused(router, hello(attempt), lambda challenge: answer_of(attempt, challenge))
        assert reason == DENIED
        assert text == "no such identity, or the proof of it is wrong"


@every
@pytest.mark.checklist("AU-R5")
async def test_an_unknown_user_is_denied_in_the_same_words_after_the_same_steps(name: str) -> None:
    async with served() as router:
        told = []
        for authid in ("joe", "nobody"):
            attempt = attempt_of(name, "ab")
            asked = hello(attempt, authid=authid)
            told.append(await refused(router, asked, lambda challenge, a=attempt: answer_of(a, challenge)))  # type: ignore[misc]
        assert told[0] == told[1]


@pytest.mark.parametrize("name", with_proof)
@pytest.mark.parametrize("change", ["flipped", "cut", "empty"])
async def test_a_wrong_signature_is_refused(name: str, change: str) -> None:
    attempt = attempt_of(name)

    def forged(challenge: Message) -> Authenticate:
        answer = answer_of(attempt, challenge)
        flipped = ("0" if answer.signature[0] != "0" else "1") + answer.signature[1:]
        signature = {"flipped": flipped, "cut": answer.signature[:-4], "empty": ""}[change]
        return Authenticate(signature, answer.extra)

    async with served() as router:
        reason, text = await refused(router, hello(attempt), forged)
        assert reason in ({DENIED} if change == "flipped" else {DENIED, FAILED})
        assert SECRET not in text
        assert PASSWORD not in text


@pytest.mark.parametrize("name", with_proof)
@pytest.mark.checklist("CRA-R2", "CS-R1", "SC-R1")
async def test_a_replayed_answer_is_refused(name: str) -> None:
    recorded: list[Authenticate] = []
    attempt = attempt_of(name)

    def record(challenge: Message) -> Authenticate:
        recorded.append(answer_of(attempt, challenge))
        return recorded[0]

    async with served() as router:
        assert isinstance(await exchanged(router, hello(attempt), record), Welcome)
        reason, _ = await refused(router, hello(attempt), lambda challenge: recorded[0])
        assert reason in {DENIED, FAILED}


async def test_an_unknown_method_is_refused() -> None:
    asked = Hello("realm1", {"roles": ROLES, "authid": "joe", "authmethods": ["telepathy"]})
    async with served() as router:
        assert (await refused(router, asked))[0] == uris.ERROR_NO_MATCHING_AUTH_METHOD


async def test_no_method_is_refused_where_anonymity_is_not_allowed() -> None:
    async with served() as router:
        reason, _ = await refused(router, Hello("realm1", {"roles": ROLES}))
        assert reason == uris.ERROR_AUTHENTICATION_REQUIRED


@every
async def test_an_unknown_realm_is_refused_before_anything_is_asked(name: str) -> None:
    async with served() as router:
        reason, _ = await refused(router, hello(attempt_of(name), realm="nowhere"))
        assert reason == uris.ERROR_NO_SUCH_REALM


async def test_an_illegal_realm_is_refused() -> None:
    async with served() as router:
        reason, _ = await refused(router, Hello("no realm", {"roles": ROLES}))
        assert reason in {uris.ERROR_INVALID_URI, uris.ERROR_NO_SUCH_REALM}


async def test_an_answer_that_nobody_asked_for_breaks_the_protocol() -> None:
    async with served() as router, open_socket_peer(router.urls[0]) as peer:
        peer.send(Authenticate("x", {}))
        abort = await peer.next_message()
        assert isinstance(abort, Abort)
        assert abort.reason == uris.ERROR_PROTOCOL_VIOLATION


# ---- the other way round: routers that our client does not accept


def without_proof(message: Message, name: str, proof: Any) -> Message:
    """Take the router's proof out of WELCOME, or put something else in its place."""
    if isinstance(message, Welcome):
        key = "verifier" if name == "wamp-scram" else "scram_server_signature"
        assert message.details["authextra"].pop(key)
        message.details["authextra"] |= {} if proof is None else {key: proof}
    return message


@pytest.mark.parametrize("name", ["wamp-scram", "scram"])
@pytest.mark.parametrize("proof", [None, "", "v=AAAA", 7])
@pytest.mark.checklist("SC-C4", "AU-C2")
async def test_a_router_without_a_proper_signature_is_aborted(name: str, proof: Any) -> None:
    """The real router with its last word changed on the way."""
    aborts: list[Abort] = []
    listener = await open_listener(parse_url("rs://127.0.0.1:0"), tls=None)
    async with served() as router, open_socket_peer(router.urls[0]) as behind, trio.open_nursery() as nursery:

        async def in_between(transport: ByteTransport) -> None:
            client = Peer(transport, rawsocket_server([get_serializer("json")]))
            for _ in range(2):
                behind.send(await client.next_message())
                reply = await behind.next_message()
                client.send(without_proof(reply, name, proof))
            aborts.append(await client.expect(Abort))

        nursery.start_soon(listener.serve, in_between)
        with pytest.raises(trowamp.JoinError) as caught:
            async with trowamp.open_session(listener.url.text, realm="realm1", auth=METHODS[name]("")):
                pass
        nursery.cancel_scope.cancel()
    await listener.aclose()
    assert caught.value.reason == uris.ERROR_CANNOT_AUTHENTICATE
    assert [abort.reason for abort in aborts] == [uris.ERROR_CANNOT_AUTHENTICATE]
    assert PASSWORD not in json.dumps(aborts[0].details)


async def test_too_many_wrong_proofs_are_refused_unheard_even_if_the_next_one_is_right() -> None:
    async with served(limits=trowamp.RouterOptions(max_failed_attempts=2)) as router:
        for _ in range(2):
            wrong = attempt_of("ticket", "wrong")
            await refused(router, hello(wrong), lambda challenge, a=wrong: answer_of(a, challenge))  # type: ignore[misc]
        assert await refused(router, hello(attempt_of("ticket"))) == (
            FAILED,
            "too many failed attempts; try again later",
        )
        other = hello(attempt_of("ticket"), authid="somebody else")
        assert isinstance(await exchanged(router, other), Challenge)
