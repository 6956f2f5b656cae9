"""R16, R17: nobody gets in by guessing, replaying or listening to the clock, and no secret is ever written anywhere."""

from __future__ import annotations

import gc
import logging
import os
import secrets
import statistics
import time
import traceback
from datetime import UTC, datetime
from typing import Any

import pytest
from nacl.signing import SigningKey

from tests.faults.goals import check, scaled
from tests.router.harness import Client, World
from trowamp import ConnectError, JoinError, RouterAuth, open_router, open_session
from trowamp.auth import (
    Attempt,
    Challenge,
    ClientAuthenticator,
    Cryptosign,
    Principals,
    Scram,
    Sources,
    Ticket,
    WampCra,
    principals_from_mapping,
    router_authenticators,
)
from trowamp.auth._scram import ScramCredential
from trowamp.auth._scram_dialects import SPECIFICATION
from trowamp.auth._scram_keys import PBKDF2, Costs
from trowamp.messages import Abort, Authenticate, Message
from trowamp.messages import Challenge as ChallengeMessage

GUESSES = 10_000
NONCES = 1_000_000
SAMPLES = 2_000
METHODS = ("ticket", "wampcra")
PEOPLE = {"joe": {"role": "user", "ticket": "sesame-1", "wampcra": "sesame-2"}}


def guarded_world(**options: Any) -> World:
    """Return a router with people that authenticate."""
    directory = Principals(principals_from_mapping(PEOPLE), b"x" * 32)
    sources = Sources(os.urandom, lambda: datetime.now(UTC))
    return World(authenticators=router_authenticators(directory, sources, methods=METHODS), **options)


def knock(world: World, method: str, authid: str) -> tuple[Client, list[Message]]:
    client = world.connect("json")
    client.hello(authmethods=[method], authid=authid)
    return client, client.received()


def guess(world: World, method: str, authid: str, word: str) -> list[Message]:
    """Guess once; return everything that the router said."""
    client, said = knock(world, method, authid)
    if isinstance(said[0], ChallengeMessage):
        client.send(Authenticate(word, {}))
        said += client.received()
    client.drop()
    return said


def test_ten_thousand_guesses_are_refused_and_few_are_heard() -> None:
    world = guarded_world()
    count = scaled(GUESSES)
    heard = accepted = 0
    for number in range(count):
        said = guess(world, METHODS[number % 2], "joe", f"guess {number}")
        heard += len(said) == 2
        accepted += not isinstance(said[-1], Abort)
        world.pass_time(60 / count)
    check("R16", "wrong guesses accepted", accepted, "==", 0)
    check("R16", "guesses of one identity heard in a minute", heard, "<=", 20)


def shape(said: list[Message]) -> list[Any]:
    """Return what messages look like, without what is random in them."""
    return [
        (type(message).__name__, sorted(message.extra) if isinstance(message, ChallengeMessage) else message.to_wire())
        for message in said
    ]


@pytest.mark.parametrize("method", METHODS)
def test_an_unknown_identity_looks_like_a_wrong_secret(method: str) -> None:
    world = guarded_world()
    known, unknown = guess(world, method, "joe", "wrong"), guess(world, method, "nobody", "wrong")
    assert len(known) == 2
    assert shape(known) == shape(unknown)


@pytest.mark.parametrize("method", METHODS)
def test_an_unknown_identity_takes_as_long_as_a_wrong_secret(method: str) -> None:
    world = guarded_world(max_failed_attempts=10**9)
    took: dict[str, list[float]] = {"joe": [], "nobody": []}
    gc.disable()
    try:
        for _ in range(scaled(SAMPLES)):
            for authid, times in took.items():
                began = time.perf_counter()
                guess(world, method, authid, "wrong")
                times.append(time.perf_counter() - began)
    finally:
        gc.enable()
    known, unknown = (statistics.median(times) for times in took.values())
    difference = abs(known - unknown) / known
    check("R16", f"difference of medians, unknown identity and wrong secret: {method}", difference, "<=", 0.1)


def test_a_recorded_answer_and_a_reflected_challenge_are_worth_nothing() -> None:
    world = guarded_world()
    client, (challenge,) = knock(world, "wampcra", "joe")
    assert isinstance(challenge, ChallengeMessage)
    client.send(Authenticate(challenge.extra["challenge"], {}))
    assert isinstance(client.received()[-1], Abort)


def test_no_challenge_comes_twice() -> None:
    directory = Principals(principals_from_mapping(PEOPLE), b"x" * 32)
    (method,) = router_authenticators(
        directory, Sources(os.urandom, lambda: datetime(2026, 1, 1, tzinfo=UTC)), methods=["wampcra"]
    )
    seen = set()
    for _ in range(NONCES):
        outcome = method.begin(Attempt("realm1", {"authid": "joe"}, {}, 1))
        assert isinstance(outcome, Challenge)
        seen.add(hash(outcome.extra["challenge"]))  # two alike have the same one, and two others hardly ever
    check("R16", "challenges, all different", len(seen), "==", NONCES)


# ---- canaries


def canary() -> str:
    return f"canary{secrets.token_hex(8)}"


class Cage:
    """People with secrets that must never be seen, and everything that was said."""

    def __init__(self) -> None:
        self.ticket, self.secret, self.password, self.wrong = (canary() for _ in range(4))
        self.key = secrets.token_hex(32)
        self.credential = ScramCredential.of(SPECIFICATION, self.password, os.urandom(16), Costs(PBKDF2, 4096)).write()
        self.seen: list[str] = []

    @property
    def canaries(self) -> list[str]:
        keys = [value for name, value in self.credential.items() if name.endswith("_key")]
        assert keys
        return [self.ticket, self.secret, self.password, self.wrong, self.key, *keys]

    @property
    def people(self) -> dict[str, Any]:
        public_key = SigningKey(bytes.fromhex(self.key)).verify_key.encode().hex()
        return {
            "joe": {"role": "user", "ticket": self.ticket, "wampcra": self.secret, "cryptosign": [public_key]},
            "ann": {"role": "user", "wamp-scram": self.credential},
        }

    def right(self) -> list[ClientAuthenticator]:
        key = Cryptosign("joe", private_key=self.key)
        return [Ticket("joe", self.ticket), WampCra("joe", self.secret), Scram("ann", self.password), key]

    def wrong_ones(self) -> list[ClientAuthenticator]:
        key = Cryptosign("joe", private_key=secrets.token_hex(32))
        return [Ticket("joe", self.wrong), WampCra("joe", self.wrong), Scram("ann", self.wrong), key]

    def look(self, thing: object) -> None:
        """Note everything that something shows of itself."""
        self.seen += [repr(thing), str(thing)]
        if isinstance(thing, BaseException):
            self.seen += traceback.format_exception(thing)
            self.seen += [repr(value) for value in vars(thing).values()]

    def escaped(self) -> list[str]:
        return [text for text in self.seen for secret in self.canaries if secret in text]


async def test_no_secret_is_ever_written(caplog: pytest.LogCaptureFixture) -> None:
    cage = Cage()
    with caplog.at_level(logging.DEBUG):
        auth = RouterAuth(principals=cage.people)
        cage.look(auth)
        async with open_router(["realm1"], ["ws://127.0.0.1:0/"], auth=auth) as router:
            cage.look(router)
            for method in (*cage.right(), *cage.wrong_ones()):
                cage.look(method)
                cage.look(method.begin(os.urandom(32)))
                try:
                    async with open_session(router.urls[0], realm="realm1", auth=method) as session:
                        cage.look(session)
                        cage.look(session.details)
                        cage.look(await session.call("wamp.session.get", session.id))
                except JoinError as error:
                    cage.look(error)
            for broken in ({"joe": {"role": "user", "ticket": [cage.ticket]}}, {"joe": {"wampcra": cage.secret}}):
                with pytest.raises((ValueError, TypeError)) as caught:
                    principals_from_mapping(broken)
                cage.look(caught.value)
            with pytest.raises(ConnectError) as refused:
                async with open_session("ws://127.0.0.1:1/", realm="realm1", auth=cage.right()):
                    raise AssertionError("nobody is there")
            cage.look(refused.value)
    cage.seen += [record.getMessage() for record in caplog.records] + [caplog.text]
    assert len(cage.seen) > 50
    check("R17", "secrets in logs, reprs, exceptions and messages", len(cage.escaped()), "==", 0)


def test_an_escaped_canary_is_found() -> None:
    cage = Cage()
    assert cage.escaped() == []
    cage.look(ValueError(f"the secret {cage.secret} is wrong"))
    assert cage.escaped()
