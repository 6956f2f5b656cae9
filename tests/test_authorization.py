"""trowamp/_authorization.py: rules, and an authorizer that decides where they say so, through real sessions."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from trowamp import (
    AuthorizationFailed,
    NotAuthorized,
    Role,
    Router,
    RouterAuth,
    RouterOptions,
    Rule,
    Session,
    auth,
    open_router,
)

PRINCIPALS = {
    "ann": {"role": "admin", "ticket": "a"},
    "bob": {"role": "user", "ticket": "b"},
}
ADMIN = Role(name="admin", rules=[Rule(uri="*", allow=["call", "register", "publish", "subscribe"])])
ASKED = Role(name="user", rules=[Rule(uri="*", ask=["call", "register", "publish", "subscribe"])])


@asynccontextmanager
async def running(authorizer: Any, *, user: Role = ASKED, timeout: float = 10.0) -> AsyncGenerator[Router, None]:
    options = RouterOptions(roles=[ADMIN, user], authorizer_timeout=timeout)
    async with open_router(auth=RouterAuth(principals=PRINCIPALS), authorizer=authorizer, limits=options) as router:
        yield router


@asynccontextmanager
async def session_of(router: Router, authid: str) -> AsyncGenerator[Session, None]:
    method = auth.Ticket(authid=authid, ticket=authid[0])
    async with router.open_session(realm="realm1", auth=method) as session:
        yield session


async def add2(x: int, y: int) -> int:
    return x + y


async def test_rules_hold_without_an_authorizer() -> None:
    user = Role(name="user", rules=[Rule(uri="free.*", allow=["call"])])
    async with running(None, user=user) as router, session_of(router, "ann") as ann, session_of(router, "bob") as bob:
        await ann.register("free.add2", add2)
        await ann.register("taken.add2", add2)
        assert await bob.call("free.add2", 1, 2) == 3
        with pytest.raises(NotAuthorized, match="no right to call"):
            await bob.call("taken.add2", 1, 2)


@pytest.mark.checklist("AZ-R5")
async def test_an_async_function_decides() -> None:
    asked = []

    async def decide(session: dict[str, Any], uri: str, action: str, options: dict[str, Any]) -> Any:
        await trio.lowlevel.checkpoint()
        asked.append((session["realm"], session["authid"], session["authrole"], uri, action, options.get("match")))
        return {"allow": uri.startswith("free"), "cache": True}

    async with running(decide) as router, session_of(router, "ann") as ann, session_of(router, "bob") as bob:
        await ann.register("free.add2", add2)
        assert [await bob.call("free.add2", 1, 2) for _ in range(3)] == [3, 3, 3]
        with pytest.raises(NotAuthorized):
            await bob.subscribe("secret", print, match="prefix")
    assert asked == [
        ("realm1", "bob", "user", "free.add2", "call", None),
        ("realm1", "bob", "user", "secret", "subscribe", "prefix"),
    ]


async def test_a_procedure_decides() -> None:
    async def decide(session: dict[str, Any], uri: str, action: str, options: dict[str, Any]) -> bool:
        return session["authid"] == "bob" and (uri, action) == ("free.add2", "call")

    async with running("com.example.authorize") as router, session_of(router, "ann") as ann:
        async with session_of(router, "bob") as bob:
            await ann.register("free.add2", add2)
            with pytest.raises(AuthorizationFailed):
                await bob.call("free.add2", 1, 2)  # there is no such procedure yet
            await ann.register("com.example.authorize", decide)
            assert await bob.call("free.add2", 1, 2) == 3
            with pytest.raises(NotAuthorized):
                await bob.register("free.add3", add2)
            await bob.publish("free.topic")  # nobody hears of the denial


@pytest.mark.checklist("AZ-R2")
@pytest.mark.parametrize("failure", ["raises", "means nothing", "hangs"])
async def test_an_authorizer_that_fails_denies_and_is_logged(
    caplog: pytest.LogCaptureFixture, autojump_clock: trio.testing.MockClock, failure: str
) -> None:
    async def decide(session: dict[str, Any], uri: str, action: str, options: dict[str, Any]) -> Any:
        if failure == "raises":
            raise RuntimeError("out of order")
        if failure == "hangs":
            await trio.sleep_forever()
        return "perhaps"

    async with running(decide, timeout=3) as router, session_of(router, "bob") as bob:
        with caplog.at_level(logging.ERROR), pytest.raises(AuthorizationFailed):
            await bob.call("a")
        with pytest.raises(AuthorizationFailed):
            await bob.call("a")
    assert any("authorizer" in record.message and "bob" in record.message for record in caplog.records)


async def test_much_that_waits_behind_a_question_arrives_in_order() -> None:
    release = trio.Event()
    heard: list[int] = []

    async def decide(session: dict[str, Any], uri: str, action: str, options: dict[str, Any]) -> bool:
        await release.wait()
        return True

    user = Role(name="user", rules=[Rule(uri="topic", ask=["publish"], cache=True)])
    async with running(decide, user=user) as router, session_of(router, "ann") as ann, session_of(router, "bob") as bob:
        await ann.subscribe("topic", lambda number, text: heard.append(number))
        async with trio.open_nursery() as nursery:

            async def publish() -> None:
                for number in range(2000):
                    await bob.publish("topic", number, "x" * 1000)
                await bob.with_options(acknowledge=True).publish("topic", 2000, "")

            nursery.start_soon(publish)
            await trio.testing.wait_all_tasks_blocked()
            assert heard == []
            release.set()
        with trio.fail_after(10):
            while len(heard) < 2001:
                await trio.testing.wait_all_tasks_blocked()
    assert heard == list(range(2001))


async def test_a_session_that_leaves_while_it_waits_harms_nobody() -> None:
    asked, release = trio.Event(), trio.Event()

    async def decide(session: dict[str, Any], uri: str, action: str, options: dict[str, Any]) -> bool:
        asked.set()
        await release.wait()
        return True

    async with running(decide) as router, session_of(router, "ann") as ann:
        async with trio.open_nursery() as nursery:

            async def ask() -> None:
                async with session_of(router, "bob") as bob:
                    await bob.call("a")

            nursery.start_soon(ask)
            await asked.wait()
            nursery.cancel_scope.cancel()
        release.set()
        await trio.testing.wait_all_tasks_blocked()
        assert await ann.call("wamp.session.count") == 1


async def test_rules_that_ask_need_an_authorizer() -> None:
    with pytest.raises(ValueError, match="role 'user' ask an authorizer"):
        async with running(None):
            raise AssertionError("the router runs")
