"""Clients and routers authenticate each other, whole: every method, tables of principals, authenticators that decide."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
import trio

import trowamp
from tests.auth.tools import CHEAP_ARGON2, PASSWORD, ROUTER_SEED, SECRET, SEED, TICKET, router_auth
from trowamp import Router, RouterAuth, RouterOptions, Session, auth, open_router, uris
from trowamp.auth import Claim, ClientAuthenticator
from trowamp.auth._scram import ScramCredential
from trowamp.auth._scram_dialects import SPECIFICATION
from trowamp.messages import Authenticate, Challenge

ROUTER_KEY = auth.Cryptosign(private_key=ROUTER_SEED).public_key
RIGHT: dict[str, Callable[[], ClientAuthenticator]] = {
    "ticket": lambda: auth.Ticket("joe", TICKET),
    "wampcra": lambda: auth.WampCra("joe", SECRET),
    "wamp-scram": lambda: auth.Scram("joe", PASSWORD),
    "scram": lambda: auth.CrossbarScram("joe", PASSWORD),
    "cryptosign": lambda: auth.Cryptosign("joe", private_key=SEED, router_key=ROUTER_KEY),
}
WRONG: dict[str, Callable[[str], ClientAuthenticator]] = {
    "ticket": lambda authid: auth.Ticket(authid, "wrong"),
    "wampcra": lambda authid: auth.WampCra(authid, "wrong"),
    "wamp-scram": lambda authid: auth.Scram(authid, "wrong"),
    "scram": lambda authid: auth.CrossbarScram(authid, "wrong"),
    "cryptosign": lambda authid: auth.Cryptosign(authid, private_key=b"x" * 32),
}
every = pytest.mark.parametrize("name", RIGHT)


async def joined(router: Router, *methods: ClientAuthenticator, **options: Any) -> trowamp.SessionDetails:
    """Join, leave, and return who one was."""
    async with router.open_session(realm="realm1", auth=methods, **options) as session:
        return session.details


async def refused(router: Router, *methods: ClientAuthenticator, **options: Any) -> trowamp.JoinError:
    """Fail to join, and return why."""
    with pytest.raises(trowamp.JoinError) as caught:
        await joined(router, *methods, **options)
    return caught.value


# ---- every method


@every
@pytest.mark.checklist("AU-R1", "AU-R3")
async def test_who_proves_to_be_joe_is_joe(name: str) -> None:
    async with open_router(auth=router_auth()) as router:
        details = await joined(router, RIGHT[name]())
        assert (details.authid, details.authrole, details.authmethod, details.authprovider) == (
            "joe",
            "user",
            name,
            "static",
        )


@every
@pytest.mark.checklist("AU-R5")
async def test_a_wrong_proof_and_an_unknown_identity_are_told_the_same(name: str) -> None:
    async with open_router(auth=router_auth()) as router:
        errors = [await refused(router, WRONG[name](authid)) for authid in ("joe", "jim")]
        assert isinstance(errors[0], trowamp.AuthenticationDenied)
        assert str(errors[0]) == str(errors[1])
        assert errors[0].details == errors[1].details


@every
async def test_one_authenticator_serves_many_sessions_at_a_time(name: str) -> None:
    method = RIGHT[name]()
    details: list[trowamp.SessionDetails] = []
    async with open_router(auth=router_auth()) as router:

        async def join() -> None:
            details.append(await joined(router, method))

        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(join)
    assert [found.authid for found in details] == ["joe"] * 5


@every
async def test_a_component_authenticates_itself_each_time_it_connects(name: str) -> None:
    details: list[trowamp.SessionDetails] = []
    async with open_router(auth=router_auth()) as router:
        app = trowamp.Component(router.transport, realm="realm1", auth=RIGHT[name]())

        @app.on_join
        async def note(session: Session, found: trowamp.SessionDetails) -> None:
            details.append(found)

        for _ in range(2):
            async with trio.open_nursery() as nursery:
                await nursery.start(app.run)
                nursery.cancel_scope.cancel()
    assert [found.authmethod for found in details] == [name, name]


async def test_authenticators_can_be_given_as_options_of_the_router() -> None:
    table = auth.Principals(auth.principals_from_mapping({"joe": {"role": "user", "ticket": TICKET}}), b"s" * 32)
    async with open_router(limits=RouterOptions(authenticators=[auth.TicketAuthenticator(table)])) as router:
        assert (await joined(router, auth.Ticket("joe", TICKET))).authrole == "user"


async def test_authenticators_of_ones_own_come_beside_the_others() -> None:
    class Word:
        method = "word"

        def begin(self, attempt: auth.Attempt) -> auth.Challenge:
            return auth.Challenge({"asked": "first"})

        def answer(self, attempt: auth.Attempt, signature: str, extra: dict[str, Any]) -> auth.Accept | auth.Challenge:
            if signature == "first":
                return auth.Challenge({"asked": "second"})
            return auth.Accept(authid="ali", role="thief")

    class Say:
        method = "word"
        authid = authrole = None

        def begin(self, nonce: bytes) -> Say:
            return self

        def authextra(self) -> dict[str, Any]:
            return {}

        def answer(self, challenge: Challenge) -> Authenticate:
            return Authenticate(challenge.extra["asked"], {})

        def check_welcome(self, authextra: dict[str, Any]) -> None: ...

    limits = RouterOptions(authenticators=[Word()])
    async with open_router(auth=router_auth(), limits=limits) as router:
        assert (await joined(router, Say())).authid == "ali"  # after two rounds
        assert (await joined(router, auth.Ticket("joe", TICKET))).authid == "joe"


# ---- several methods


@pytest.mark.checklist("AU-R2")
async def test_the_clients_first_method_that_the_router_has_is_used() -> None:
    async with open_router(auth=router_auth(principals={"joe": {"role": "user", "wampcra": SECRET}})) as router:
        details = await joined(router, *(make() for make in RIGHT.values()))
        assert details.authmethod == "wampcra"
    async with open_router(auth=router_auth(anonymous_role="guest")) as router:
        details = await joined(router, *(RIGHT[name]() for name in ("scram", "wamp-scram", "ticket")))
        assert details.authmethod == "scram"


@pytest.mark.checklist("AU-R2")
@pytest.mark.parametrize(
    ("methods", "used"), [(["wamp-scram", "scram"], "wamp-scram"), (["scram", "wamp-scram"], "scram")]
)
async def test_both_dialects_of_scram_can_be_offered(methods: list[str], used: str) -> None:
    async with open_router(auth=router_auth()) as router:
        assert (await joined(router, *(RIGHT[name]() for name in methods))).authmethod == used


@pytest.mark.checklist("AN-R1", "AU-R2")
async def test_anonymous_sessions_are_let_in_when_there_is_a_role_for_them() -> None:
    async with open_router(auth=router_auth(anonymous_role="guest")) as router:
        for methods in ((), (auth.Anonymous(),), (auth.Anonymous("joe", "user"),)):
            details = await joined(router, *methods)
            assert (details.authrole, details.authmethod) == ("guest", "anonymous")
            assert details.authid not in (None, "joe")


@pytest.mark.checklist("AN-R1", "AU-R2")
async def test_without_such_a_role_they_are_not() -> None:
    async with open_router(auth=router_auth()) as router:
        assert isinstance(await refused(router), trowamp.AuthenticationRequired)
        assert isinstance(await refused(router, auth.Anonymous()), trowamp.NoMatchingAuthMethod)


@pytest.mark.checklist("TK-B1", "AU-R2")
async def test_a_method_that_needs_an_identity_says_so_when_nothing_else_is_offered() -> None:
    class Nameless(auth.Ticket):
        def __init__(self) -> None:
            super().__init__("", "x")
            self.authid = None

    async with open_router(auth=router_auth()) as router:
        assert (await refused(router, Nameless())).message == "ticket needs an authid"


@every
async def test_a_principal_joins_its_realms_only(name: str) -> None:
    principals = {"joe": {**router_auth().principals["joe"], "realms": ["realm2"]}}
    async with open_router(["realm1", "realm2"], auth=router_auth(principals=principals)) as router:
        assert isinstance(await refused(router, RIGHT[name]()), trowamp.AuthenticationDenied)
        async with router.open_session(realm="realm2", auth=RIGHT[name]()) as session:
            assert session.details.authid == "joe"


@pytest.mark.checklist("AU-R4")
async def test_a_challenge_that_is_not_answered_ends_the_handshake(autojump_clock: trio.testing.MockClock) -> None:
    def sleep() -> Authenticate:
        trio.from_thread.run(trio.sleep, 60)
        raise AssertionError("the handshake should be over")

    class Silent(auth.Ticket):
        def answer(self, challenge: Challenge) -> Any:
            return auth.Work(sleep)

    async with open_router(auth=router_auth(), handshake_timeout=3) as router:
        with pytest.raises((trowamp.JoinError, trowamp.ConnectError)):
            await joined(router, Silent("joe", "x"))
        assert router.statistics().sessions == 0


async def test_what_is_wrong_with_a_principal_is_told_before_the_router_runs() -> None:
    with pytest.raises(ValueError, match=r"unknown key principals\.joe\.tikket \(did you mean ticket\?\)"):
        async with open_router(auth=RouterAuth(principals={"joe": {"role": "user", "tikket": "x"}})):
            raise AssertionError("the router runs")


async def test_a_secret_that_could_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match="32 octets or more"):
        async with open_router(auth=RouterAuth(secret=b"short")):
            raise AssertionError("the router runs")


async def test_work_that_takes_long_stops_nobody() -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await trio.lowlevel.checkpoint()
            ticks += 1

    credential = ScramCredential.of(SPECIFICATION, PASSWORD, b"s" * 16, CHEAP_ARGON2).write()
    principals = {"joe": {"role": "user", "wamp-scram": credential}}
    async with open_router(auth=RouterAuth(principals=principals)) as router, trio.open_nursery() as nursery:
        nursery.start_soon(tick)
        await joined(router, auth.Scram("joe", PASSWORD))
        nursery.cancel_scope.cancel()
    assert ticks > 100


# ---- clients that refuse routers


@pytest.mark.parametrize("name", ["wamp-scram", "scram", "cryptosign"])
@pytest.mark.checklist("SC-C4", "CS-C3", "AU-C2")
async def test_a_router_that_proves_nothing_is_left_even_if_anonymity_would_do(name: str) -> None:
    async with open_router() as router:
        error = await refused(router, RIGHT[name](), auth.Anonymous())
        assert error.reason == uris.ERROR_CANNOT_AUTHENTICATE


# ---- authenticators that decide


Decide = Callable[[Claim], Awaitable[Mapping[str, Any] | None]]


def deciding(decide: Decide | str, **more: Any) -> RouterAuth:
    return RouterAuth(authenticator=decide, **more)


@pytest.mark.checklist("DA-R1")
async def test_a_function_is_told_what_the_client_says_of_itself() -> None:
    claims: list[Claim] = []

    async def decide(claim: Claim) -> Mapping[str, Any]:
        claims.append(claim)
        return {"role": "user", "ticket": claim.ticket == TICKET, "extra": {"shoes": 44}}

    async with open_router(auth=deciding(decide)) as router:
        details = await joined(router, auth.Ticket("joe", TICKET), authrole="boss", authextra={"x": 1})
        assert (details.authid, details.authrole, details.authprovider) == ("joe", "user", "dynamic")
        assert details.authextra == {"shoes": 44}
        assert isinstance(await refused(router, auth.Ticket("joe", "wrong")), trowamp.AuthenticationDenied)
    claim = claims[0]
    assert (claim.method, claim.realm, claim.authid, claim.authrole) == ("ticket", "realm1", "joe", "boss")
    assert (claim.ticket, claim.authextra, claim.transport["type"]) == (TICKET, {"x": 1}, "memory")
    assert claim.session_id == details.session_id


@every
@pytest.mark.checklist("DA-R1")
async def test_a_function_may_know_principals_of_every_method(name: str) -> None:
    async def decide(claim: Claim) -> Mapping[str, Any] | None:
        return router_auth().principals.get(claim.authid or "")

    async with open_router(auth=deciding(decide, private_key=ROUTER_SEED)) as router:
        assert (await joined(router, RIGHT[name]())).authid == "joe"
        assert isinstance(await refused(router, WRONG[name]("joe")), trowamp.AuthenticationDenied)


@every
@pytest.mark.checklist("AU-R5", "DA-R1")
async def test_whom_a_function_does_not_know_is_refused_like_a_wrong_proof(name: str) -> None:
    async def decide(claim: Claim) -> None:
        return None

    async with open_router(auth=deciding(decide)) as router:
        error = await refused(router, WRONG[name]("jim"))
        assert str(error) == "no such identity, or the proof of it is wrong (wamp.error.authentication_denied)"


@pytest.mark.checklist("DA-R1")
async def test_a_function_may_choose_identity_and_realm() -> None:
    async def decide(claim: Claim) -> Mapping[str, Any]:
        return {"role": "user", "authid": "j17", "realm": "realm2", "ticket": True}

    async with open_router(["realm1", "realm2"], auth=deciding(decide)) as router:
        details = await joined(router, auth.Ticket("joe", "x"))
        assert (details.authid, details.realm) == ("j17", "realm2")


@pytest.mark.checklist("DA-R1")
async def test_a_function_may_say_why_not() -> None:
    async def decide(claim: Claim) -> None:
        raise trowamp.ApplicationError("com.example.unpaid", "pay your bill first", amount=5)

    async with open_router(auth=deciding(decide)) as router:
        error = await refused(router, auth.Ticket("joe", "x"))
        assert (error.reason, error.message) == ("com.example.unpaid", "pay your bill first")


@pytest.mark.parametrize("answer", [5, "user", {}, {"role": 5}, {"role": "user", "wampcra": 5}, {"rolle": "user"}])
async def test_an_answer_that_makes_no_sense_is_logged_and_the_client_refused(
    answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def decide(claim: Claim) -> Any:
        return answer

    async with open_router(auth=deciding(decide)) as router:
        error = await refused(router, auth.Ticket("joe", "canary"))
        assert (error.reason, error.message) == (
            uris.ERROR_AUTHENTICATION_FAILED,
            "the router could not find out who may join",
        )
    assert "the authenticator failed for <Claim by ticket: 'joe' in 'realm1'>" in caplog.text
    assert "canary" not in caplog.text


async def test_a_function_that_fails_ends_neither_the_router_nor_other_sessions(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def decide(claim: Claim) -> None:
        raise RuntimeError("the database is down")

    async with open_router(auth=deciding(decide, anonymous_role="guest")) as router:
        async with router.open_session(realm="realm1") as session:
            assert isinstance(await refused(router, auth.Ticket("joe", "x")), trowamp.AuthenticationFailed)
            await session.publish("com.example.still", "here")
    assert "the database is down" in caplog.text


async def test_principals_of_the_table_are_not_asked_about() -> None:
    async def decide(claim: Claim) -> None:
        raise AssertionError("asked")

    async with open_router(auth=router_auth(authenticator=decide)) as router:
        assert (await joined(router, auth.Ticket("joe", TICKET))).authprovider == "static"


async def test_the_methods_that_are_decided_about_can_be_chosen() -> None:
    async def decide(claim: Claim) -> Mapping[str, Any]:
        return {"role": "user", "ticket": True}

    async with open_router(auth=deciding(decide, methods=["ticket"])) as router:
        assert isinstance(await refused(router, auth.WampCra("joe", "x")), trowamp.NoMatchingAuthMethod)
        assert (await joined(router, auth.WampCra("joe", "x"), auth.Ticket("joe", "x"))).authmethod == "ticket"


async def test_a_decision_that_takes_too_long_is_a_refusal(autojump_clock: trio.testing.MockClock) -> None:
    cancelled = trio.Event()

    async def decide(claim: Claim) -> None:
        try:
            await trio.sleep_forever()
        finally:
            cancelled.set()

    async with open_router(auth=deciding(decide), handshake_timeout=3) as router:
        with pytest.raises((trowamp.AuthenticationFailed, trowamp.ConnectError)):
            await joined(router, auth.Ticket("joe", "x"))
        await cancelled.wait()
        assert router.statistics().sessions == 0


async def test_a_client_that_does_not_wait_ends_the_question(autojump_clock: trio.testing.MockClock) -> None:
    asked, cancelled = trio.Event(), trio.Event()

    async def decide(claim: Claim) -> None:
        asked.set()
        try:
            await trio.sleep_forever()
        finally:
            cancelled.set()

    async with open_router(auth=deciding(decide)) as router, trio.open_nursery() as nursery:
        nursery.start_soon(joined, router, auth.Ticket("joe", "x"))
        await asked.wait()
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await cancelled.wait()


# ---- procedures that decide


AUTHENTICATE = "com.example.authenticate"


@pytest.mark.checklist("DA-R1")
async def test_a_procedure_decides_about_those_who_are_not_in_the_table() -> None:
    calls: list[tuple[Any, ...]] = []

    async def authenticate(realm: str, authid: str, details: dict[str, Any]) -> dict[str, Any] | None:
        calls.append((realm, authid, details))
        return {"role": "user", "ticket": details["ticket"] == "sesame"} if authid == "jim" else None

    async with open_router(auth=router_auth(authenticator=AUTHENTICATE)) as router:
        async with router.open_session(realm="realm1", auth=RIGHT["ticket"]()) as service:
            await service.register(AUTHENTICATE, authenticate)
            details = await joined(router, auth.Ticket("jim", "sesame"), authextra={"x": 1})
            assert (details.authid, details.authrole) == ("jim", "user")
            assert isinstance(await refused(router, auth.Ticket("jim", "x")), trowamp.AuthenticationDenied)
            assert isinstance(await refused(router, auth.Ticket("jon", "x")), trowamp.AuthenticationDenied)
    (realm, authid, said) = calls[0]
    assert (realm, authid) == ("realm1", "jim")
    assert said.pop("session") == details.session_id
    assert said.pop("transport")["type"] == "memory"
    assert said == {"authmethod": "ticket", "ticket": "sesame", "authextra": {"x": 1}}


@pytest.mark.checklist("DA-R1")
async def test_a_procedure_may_live_in_a_realm_of_its_own() -> None:
    principals = {"service": {"role": "service", "realms": ["admin"], "ticket": TICKET}}
    options = RouterAuth(principals=principals, authenticator=AUTHENTICATE, realm="admin")
    async with open_router(["realm1", "admin"], auth=options) as router:
        async with router.open_session(realm="admin", auth=auth.Ticket("service", TICKET)) as service:
            await service.register(AUTHENTICATE, lambda realm, authid, details: {"role": realm, "wampcra": "s"})
            assert (await joined(router, auth.WampCra("jim", "s"))).authrole == "realm1"


@pytest.mark.checklist("DA-R1")
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (trowamp.ApplicationError("com.example.unpaid", "pay"), "com.example.unpaid"),
        (trowamp.ApplicationError(uris.ERROR_NO_SUCH_ROLE, "x"), uris.ERROR_NO_SUCH_ROLE),
        (trowamp.ApplicationError("wamp.error.canceled"), uris.ERROR_AUTHENTICATION_FAILED),
        (RuntimeError("canary"), uris.ERROR_AUTHENTICATION_FAILED),
    ],
)
async def test_what_a_procedure_raises_is_a_verdict_or_a_failure(error: Exception, reason: str) -> None:
    def authenticate(realm: str, authid: str, details: dict[str, Any]) -> None:
        raise error

    async with open_router(auth=router_auth(authenticator=AUTHENTICATE)) as router:
        async with router.open_session(realm="realm1", auth=RIGHT["ticket"]()) as service:
            await service.register(AUTHENTICATE, authenticate)
            refusal = await refused(router, auth.Ticket("jim", "x"))
    assert refusal.reason == reason
    assert "canary" not in str(refusal)


async def test_a_procedure_that_is_not_there_yet_is_a_technical_failure() -> None:
    async with open_router(auth=router_auth(authenticator=AUTHENTICATE)) as router:
        assert isinstance(await refused(router, auth.Ticket("jim", "x")), trowamp.AuthenticationFailed)


async def test_the_routers_own_session_is_opened_once_and_again_when_it_is_lost() -> None:
    callers: list[int] = []

    def authenticate(
        realm: str, authid: str, details: dict[str, Any], invocation: trowamp.Invocation
    ) -> dict[str, Any]:
        return {"role": "user", "ticket": True}

    async with open_router(auth=router_auth(authenticator=AUTHENTICATE)) as router:
        async with router.open_session(realm="realm1", auth=RIGHT["ticket"]()) as service:
            await service.register(AUTHENTICATE, authenticate)
            async with trio.open_nursery() as nursery:
                for _ in range(5):
                    nursery.start_soon(joined, router, auth.Ticket("jim", "x"))
            assert router.statistics().sessions == 2
            own = router._shell._services._sessions["realm1"]
            callers.append(own.details.session_id)
            assert (own.details.authrole, own.details.authmethod) == ("router", "local")
            own._shell.lose("cut off for the test")
            await trio.testing.wait_all_tasks_blocked()
            assert (await joined(router, auth.Ticket("jim", "x"))).authid == "jim"
            callers.append(router._shell._services._sessions["realm1"].details.session_id)
    assert len(set(callers)) == 2


# ---- secrets stay secret


@every
async def test_no_secret_is_in_logs_errors_or_reprs(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    right, wrong = RIGHT[name](), WRONG[name]("joe")
    options = router_auth()
    async with open_router(auth=options) as router:
        await joined(router, right)
        error = await refused(router, wrong)
        shown = [
            repr(thing) for thing in (right, wrong, right.begin(bytes(32)), options, router, router._shell.core, error)
        ]
        shown += [str(error), str(error.details), caplog.text, repr(router._shell.core._gate.__dict__)]
        shown += traceback.TracebackException.from_exception(error, capture_locals=True).format()
    text = "\n".join(shown)
    for secret in (TICKET, SECRET, PASSWORD, SEED, ROUTER_SEED, "wrong", str(b"x" * 32), (b"x" * 32).hex()):
        assert secret not in text.replace("proof of it is wrong", "")


def test_the_message_that_carries_a_ticket_does_not_show_it() -> None:
    assert "canary" not in repr(Authenticate("canary", {}))
