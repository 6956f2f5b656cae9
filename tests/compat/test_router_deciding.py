"""A router inside a program asks the program: who may join, and what a session may do; principals and roles are those of `trowamp.open_router`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from trowamp_compat.wamp._transports import TransportConfig
from trowamp_compat.wamp.exception import ApplicationError
from trowamp_compat.wamp.router import Router
from trowamp_compat.wamp.types import ComponentConfig

import trowamp
from tests.compat.kit import Kit, Run, join, on_both, turn, until
from tests.compat.test_router import listen
from trowamp import RouterAuth
from trowamp.router import Role, RouterOptions, Rule

JOE = {"role": "user", "ticket": True}
ASKS = RouterOptions(roles=[Role(name="anonymous", rules=[Rule(uri="*", ask=["call", "register", "publish"])])])


def plainly(kit: Kit, function: Callable[..., Any]) -> Callable[..., Any]:
    return function


def in_a_coroutine(kit: Kit, function: Callable[..., Any]) -> Callable[..., Any]:
    async def asked(*args: Any) -> Any:
        await turn(kit)
        return function(*args)

    return asked


def in_a_future(kit: Kit, function: Callable[..., Any]) -> Callable[..., Any]:
    def asked(*args: Any) -> Any:
        future = kit.face.create_future()

        def answer() -> None:
            try:
                kit.face.resolve(future, function(*args))
            except Exception as error:  # noqa: BLE001  # it goes to whoever asks
                kit.face.reject(future, error)

        kit.face.call_soon(answer)
        return future

    return asked


in_every_way = pytest.mark.parametrize("way", [plainly, in_a_coroutine, in_a_future])
Way = Callable[[Kit, Callable[..., Any]], Any]


@asynccontextmanager
async def served(kit: Kit, router: Router) -> AsyncIterator[dict[str, Any]]:
    """Serve a router; yield how to connect to it."""
    factory = kit.rawsocket.WampRawSocketServerFactory(router)
    factory.reactor = kit.loop  # it is not the installed one
    place, close = await listen(kit, factory)
    try:
        yield {"type": "rawsocket", "url": f"rs://{place}", "serializer": "cbor"}
    finally:
        close()
        router.shutdown()
        await until(kit, lambda: router.statistics().connections == 0)


async def joined_by(kit: Kit, config: dict[str, Any], method: str, **options: Any) -> Any:
    """Join with an authentication method; return the session.

    Raises:
        PermissionError: The router says no; with its words.
    """
    ready = kit.face.create_future()

    def make() -> Any:
        session = kit.wamp.Session(ComponentConfig("realm1"))
        session.add_authenticator(method, **options)
        session.on("ready", lambda session: kit.face.resolve(ready, session))
        session.on("leave", lambda session, details: kit.face.reject(ready, PermissionError(str(details))))
        return session

    await kit.connect(TransportConfig(config), make)
    session = await ready
    session.off("leave")
    return session


@on_both
def test_principals_and_roles_are_those_of_the_router_of_trowamp(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        rules = [Rule(uri="com.example.*", allow=["call", "register"])]
        router = Router(
            ["realm1"],
            RouterOptions(roles=[Role(name="user", rules=rules)]),
            auth=RouterAuth(principals={"joe": {"role": "user", "wampcra": "secret"}}),
        )
        async with served(kit, router) as config:
            joe = await joined_by(kit, config, "wampcra", authid="joe", secret="secret")
            assert (joe.authid, joe.authrole, joe.authmethod) == ("joe", "user", "wampcra")
            await joe.register(lambda: 5, "com.example.five")
            assert await joe.call("com.example.five") == 5
            refused = joe.call("com.other.five")
            with pytest.raises(ApplicationError, match="not_authorized"):
                await refused
            with pytest.raises(PermissionError):
                await joined_by(kit, config, "wampcra", authid="joe", secret="wrong")
            with pytest.raises(PermissionError, match="no_matching_auth_method|authentication_failed|not_auth"):
                await joined_by(kit, config, "anonymous")

    run(scenario)


@on_both
@in_every_way
def test_an_authenticator_of_the_program_decides_who_may_join(run: Run, way: Way) -> None:
    async def scenario(kit: Kit) -> None:
        claims: list[Any] = []

        def decide(claim: Any) -> Any:
            claims.append(claim)
            if claim.authid == "sue":
                raise ApplicationError("com.example.error.closed", "come back tomorrow")
            if claim.authid == "bug":
                raise ZeroDivisionError
            return {**JOE, "ticket": claim.ticket == "right"} if claim.authid == "joe" else None

        router = Router(["realm1"], auth=RouterAuth(authenticator=way(kit, decide), methods=["ticket"]))
        async with served(kit, router) as config:
            joe = await joined_by(kit, config, "ticket", authid="joe", ticket="right")
            assert (joe.authid, joe.authrole, joe.authprovider) == ("joe", "user", "dynamic")
            assert (claims[0].realm, claims[0].authid, claims[0].method) == ("realm1", "joe", "ticket")
            for authid, ticket, reason in [
                ("joe", "wrong", "authentication_denied"),
                ("eve", "right", "authentication_denied"),
                ("sue", "right", "com.example.error.closed.*come back tomorrow"),
                ("bug", "right", "authentication_failed.*could not find out"),
            ]:
                with pytest.raises(PermissionError, match=reason):
                    await joined_by(kit, config, "ticket", authid=authid, ticket=ticket)

    run(scenario)


@on_both
def test_an_answer_that_is_no_principal_lets_nobody_in(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        for answer in ({"role": 7}, "joe"):
            auth = RouterAuth(
                authenticator=in_a_coroutine(kit, lambda claim, answer=answer: answer), methods=["ticket"]
            )
            async with served(kit, Router(["realm1"], auth=auth)) as config:
                with pytest.raises(PermissionError, match="could not find out"):
                    await joined_by(kit, config, "ticket", authid="joe", ticket="right")

    run(scenario)


@on_both
def test_a_procedure_can_be_the_authenticator_and_another_one_the_authorizer(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        asked: list[Any] = []

        def decide(realm: str, authid: str, details: dict[str, Any]) -> Any:
            asked.append((realm, authid, details["ticket"]))
            return {**JOE, "ticket": details["ticket"] == "right"}

        def allow(details: dict[str, Any], uri: str, action: str, options: dict[str, Any]) -> bool:
            asked.append((details["authid"], uri, action, options))
            return not uri.endswith("forbidden")

        roles = [
            Role(name="backend", rules=[Rule(uri="*", allow=["register"])]),
            Role(name="user", rules=[Rule(uri="*", ask=["call"])]),
        ]
        auth = RouterAuth(
            principals={"backend": {"role": "backend", "ticket": "of the backend"}},
            authenticator="com.example.authenticate",
            methods=["ticket"],
        )
        router = Router(["realm1"], RouterOptions(roles=roles), auth=auth, authorizer="com.example.authorize")
        async with served(kit, router) as config:
            with pytest.raises(PermissionError, match="could not find out"):
                await joined_by(kit, config, "ticket", authid="joe", ticket="right")
            backend = await joined_by(kit, config, "ticket", authid="backend", ticket="of the backend")
            await backend.register(decide, "com.example.authenticate")
            await backend.register(allow, "com.example.authorize")
            await backend.register(lambda: 5, "com.example.five")
            joe = await joined_by(kit, config, "ticket", authid="joe", ticket="right")
            assert await joe.call("com.example.five") == 5
            refused = joe.call("com.example.forbidden")
            with pytest.raises(ApplicationError, match="not_authorized"):
                await refused
            assert asked == [
                ("realm1", "joe", "right"),
                ("joe", "com.example.five", "call", {}),
                ("joe", "com.example.forbidden", "call", {}),
            ]

    run(scenario)


@on_both
@in_every_way
def test_an_authorizer_of_the_program_decides_what_a_session_may_do(run: Run, way: Way) -> None:
    async def scenario(kit: Kit) -> None:
        asked: list[Any] = []

        def allow(details: dict[str, Any], uri: str, action: str, options: dict[str, Any]) -> Any:
            asked.append((details["realm"], uri, action))
            if uri == "com.example.bug":
                raise ZeroDivisionError
            return {"allow": True, "cache": True} if uri == "com.example.five" else False

        router = Router(["realm1"], ASKS, authorizer=way(kit, allow))
        async with served(kit, router) as config:
            session = await join(kit, config)
            await session.register(lambda: 5, "com.example.five")
            assert [await session.call("com.example.five") for _ in range(3)] == [5, 5, 5]
            assert asked == [("realm1", "com.example.five", "register"), ("realm1", "com.example.five", "call")]
            for uri, reason in (("com.example.other", "not_authorized"), ("com.example.bug", "authorization_failed")):
                refused = session.call(uri)
                with pytest.raises(ApplicationError, match=reason):
                    await refused

    run(scenario)


@on_both
def test_an_authorizer_that_answers_at_once_may_be_asked_thousands_of_things_in_a_row(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router = Router(["realm1"], ASKS, authorizer=lambda *_: True)
        async with served(kit, router) as config:
            session = await join(kit, config)
            futures = [session.call("com.example.nothing") for _ in range(1000)]
            errors = await kit.face.gather(futures)
            assert len(errors) == 1000
            values = {getattr(each, "value", each).error for each in errors}
            assert values == {"wamp.error.no_such_procedure"}

    run(scenario)


@on_both
def test_an_authorizer_that_does_not_answer_in_time_is_given_up(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        never: list[Any] = []

        def ask(*_: Any) -> Any:
            never.append(kit.face.create_future(lambda future: never.append("cancelled")))
            return never[0]

        options = RouterOptions(roles=ASKS.roles, authorizer_timeout=0.1)
        async with served(kit, Router(["realm1"], options, authorizer=ask)) as config:
            session = await join(kit, config)
            waiting = session.call("com.example.five")
            with pytest.raises(ApplicationError, match="authorization_failed"):
                await waiting
            await until(kit, lambda: never[1:] == ["cancelled"])

    run(scenario)


@on_both
def test_who_goes_away_is_not_asked_about_any_more(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        asked: list[Any] = []
        dropped: list[Any] = []

        def ask(claim: Any) -> Any:
            asked.append(kit.face.create_future(dropped.append))
            return asked[0]

        router = Router(["realm1"], auth=RouterAuth(authenticator=ask, methods=["ticket"]))
        async with served(kit, router) as config:
            sessions: list[Any] = []

            def make() -> Any:
                session = kit.wamp.Session(ComponentConfig("realm1"))
                session.add_authenticator("ticket", authid="joe", ticket="right")
                sessions.append(session)
                return session

            await kit.connect(TransportConfig(config), make)
            await until(kit, lambda: asked)
            sessions[0].transport.abort()
            await until(kit, lambda: dropped)
            assert dropped == asked

    run(scenario)


@pytest.mark.parametrize("wrong", [{"role": "user"}, {"role": "user", "wampcra": 7}], ids=["no secret", "no text"])
def test_a_principal_that_is_none_is_refused_when_the_router_is_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="principals.joe"):
        Router(["realm1"], auth=RouterAuth(principals={"joe": wrong}))


def test_rules_that_ask_an_authorizer_need_one() -> None:
    with pytest.raises(ValueError, match="ask an authorizer, and there is none"):
        Router(["realm1"], ASKS)


@on_both
def test_who_is_refused_is_told_why_before_the_connection_ends(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        async with served(kit, Router(["realm2"])) as config:
            with pytest.raises(PermissionError, match="no_such_realm"):
                await joined_by(kit, config, "anonymous")

    run(scenario)


@on_both
def test_the_session_that_the_router_has_of_its_own_is_opened_again_when_it_was_lost(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        auth = RouterAuth(
            principals={"backend": {"role": "backend", "ticket": "of the backend"}},
            authenticator="com.example.authenticate",
            realm="realm1",
            methods=["ticket"],
        )
        router = Router(["realm1"], auth=auth)
        async with served(kit, router) as config:
            backend = await joined_by(kit, config, "ticket", authid="backend", ticket="of the backend")
            await backend.register(lambda realm, authid, details: JOE, "com.example.authenticate")
            for number in range(2, 4):
                joe = await joined_by(kit, config, "ticket", authid="joe", ticket="right")
                assert (joe.authid, router.statistics().sessions) == ("joe", number + 1)
                router._services["realm1"]._end(trowamp.SessionLost("cut off for the test"))
                assert router.statistics().sessions == number

    run(scenario)


@on_both
def test_an_authenticator_in_a_realm_that_does_not_exist_lets_nobody_in(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        auth = RouterAuth(authenticator="com.example.authenticate", realm="realm2", methods=["ticket"])
        router = Router(["realm1"], auth=auth)
        async with served(kit, router) as config:
            for _ in range(2):
                with pytest.raises(PermissionError, match="could not find out"):
                    await joined_by(kit, config, "ticket", authid="joe", ticket="right")
            assert router._services == {}

    run(scenario)
