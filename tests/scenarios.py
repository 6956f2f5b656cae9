"""What a session can do, told once: the same text for Trio, asyncio and Twisted, for WebSocket and RawSocket, for our router and for others.

A driver (`driver.py`) makes the sessions. After each scenario the driver looks whether they still
hold anything, and whether they leave in good order.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from tests.driver import LOST, About, Driver, GivenUp, Gone, NotJoined, Peer, Refused, Scenario, Several
from tests.payloads.keys import SECRET

F = "com.example.f"
TOPIC = "com.example.topic"
ACKNOWLEDGED = {"acknowledge": True}
TO_ALL = {"acknowledge": True, "exclude_me": False}

SCENARIOS: dict[Scenario, tuple[str, ...]] = {}  # each with the numbered statements about Autobahn's API that it shows


def scenario(*ids: str) -> Callable[[Scenario], Scenario]:
    """Count a coroutine function as a scenario."""

    def count(told: Scenario) -> Scenario:
        SCENARIOS[told] = ids
        return told

    return count


async def barrier(*peers: Peer) -> None:
    """Make a round trip on each: what the router sent before is there."""
    for peer in peers:
        await peer.publish("com.example.barrier", options=ACKNOWLEDGED)


async def two(driver: Driver) -> tuple[Peer, Peer]:
    return await driver.join(), await driver.join()


async def refused(awaitable: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        await awaitable
    return caught.value


def echo(*args: Any, **kwargs: Any) -> Several:
    return Several(args, kwargs)


# ---- calls


@scenario("S-45", "S-46", "S-48", "S-53")
async def a_call_is_answered(driver: Driver) -> None:
    caller, callee = await two(driver)

    async def add(x: int, y: int = 0) -> int:
        return x + y

    await callee.register(F, echo)
    await callee.register("com.example.add", add)
    assert (caller.serializer, callee.serializer) == (driver.place.serializer, driver.place.serializer)
    value = {"text": "grüß göttin \0 🐌", "numbers": [0, -1, 2**63, -(2**63), 0.5], "nothing": None, "yes": True}
    assert await caller.call(F, value) == value
    assert await caller.call(F) is None
    assert await caller.call(F, None) is None
    assert await caller.call(F, 1, a=[2]) == Several((1,), {"a": [2]})
    assert await caller.call(F, 1, 2) == Several((1, 2), {})
    assert await caller.call("com.example.add", 2, 3) == 5
    assert await caller.call("com.example.add", 2, y=5) == 7


@scenario("S-45", "S-46")
async def a_session_calls_itself(driver: Driver) -> None:
    peer = await driver.join()
    await peer.register(F, echo)
    assert await peer.call(F, b"\0", [1]) == Several((b"\0", [1]), {})


@scenario("S-45")
async def calls_run_side_by_side(driver: Driver) -> None:
    caller, callee = await two(driver)
    everybody_is_here = driver.signal()
    numbers: set[int] = set()

    async def meet(number: int) -> int:
        numbers.add(number)
        if len(numbers) == 100:
            everybody_is_here.set()
        await everybody_is_here.wait()
        return number * 2

    await callee.register(F, meet)
    calls = [caller.begin(F, number) for number in range(100)]
    assert [await call.result() for call in calls] == [number * 2 for number in range(100)]


@scenario()
async def a_procedure_serves_as_many_calls_at_once_as_it_said(driver: Driver) -> None:
    caller, callee = await two(driver)
    began, go_on = driver.signal(), driver.signal()
    running: list[int] = []
    most: list[int] = []

    async def work(number: int) -> int:
        running.append(number)
        most.append(len(running))
        if len(running) == 2:
            began.set()
        await go_on.wait()
        running.remove(number)
        return number

    await callee.register(F, work, concurrency=2)
    calls = [caller.begin(F, number) for number in range(6)]
    await began.wait()
    await barrier(caller, callee)
    go_on.set()
    assert [await call.result() for call in calls] == list(range(6))
    assert max(most) == 2


@scenario("S-47")
async def results_come_in_parts(driver: Driver) -> None:
    caller, callee = await two(driver)

    async def count(n: int, about: About) -> Several:
        for number in range(n):
            await about.progress(number)
        return Several((1, b"\x00\xff"), {"c": "ä"})

    await callee.register(F, count, tells=True)
    assert await caller.stream(F, 50) == (list(range(50)), Several((1, b"\x00\xff"), {"c": "ä"}))
    assert await caller.stream(F, 0) == ([], Several((1, b"\x00\xff"), {"c": "ä"}))


@scenario()
async def an_error_arrives_as_it_was_raised(driver: Driver) -> None:
    caller, callee = await two(driver)

    def fail() -> None:
        raise Refused("com.example.error.out_of_stock", "apples", 7, until="monday")

    await callee.register(F, fail)
    error = await refused(caller.call(F))
    assert (error.uri, error.args, error.kwargs) == (
        "com.example.error.out_of_stock",
        ("apples", 7),
        {"until": "monday"},
    )


@scenario()
async def a_bug_in_a_procedure_is_an_error_of_its_caller_only(driver: Driver) -> None:
    caller, callee = await two(driver)

    async def fail() -> None:
        raise ValueError("the password is 1234")

    await callee.register(F, fail)
    for _ in range(2):
        assert (await refused(caller.call(F))).uri == "wamp.error.runtime_error"


@scenario()
async def errors_of_the_router_have_its_uris(driver: Driver) -> None:
    caller, callee = await two(driver)
    assert (await refused(caller.call("com.example.nobody"))).uri == "wamp.error.no_such_procedure"
    unregister = await callee.register(F, echo)
    assert (await refused(caller.register(F, echo))).uri == "wamp.error.procedure_already_exists"
    await unregister()
    assert (await refused(caller.call(F))).uri == "wamp.error.no_such_procedure"
    await caller.register(F, echo)
    assert await callee.call(F, 1) == 1


async def cancelled(driver: Driver, **options: Any) -> bool:
    """Cancel a call that is being served; return whether its procedure was told, and all went on as before."""
    caller, callee = await two(driver)
    began, go_on, ended = driver.signal(), driver.signal(), driver.signal()
    finished: list[str] = []

    async def work() -> str:
        began.set()
        try:
            await go_on.wait()
            finished.append("work")
        finally:
            ended.set()
        return "late"

    await callee.register(F, work)
    call = caller.begin(F, options=options)
    await began.wait()
    call.cancel()
    with pytest.raises(GivenUp):
        await call.result()
    await barrier(caller, callee)
    go_on.set()
    await ended.wait()
    await barrier(callee, caller)
    return not finished


@scenario()
async def a_procedure_sees_that_its_call_was_cancelled(driver: Driver) -> None:
    assert await cancelled(driver)


@scenario()
async def a_procedure_is_interrupted_when_its_call_is_killed(driver: Driver) -> None:
    assert await cancelled(driver, cancel_mode="kill")


@scenario()
async def a_procedure_is_interrupted_while_its_caller_goes_on(driver: Driver) -> None:
    assert await cancelled(driver, cancel_mode="killnowait")


@scenario()
async def a_procedure_does_not_learn_of_a_call_that_is_skipped(driver: Driver) -> None:
    assert not await cancelled(driver, cancel_mode="skip")


@scenario()
async def a_call_that_takes_too_long_ends_on_time(driver: Driver) -> None:
    caller, callee = await two(driver)
    began, never, ended = driver.signal(), driver.signal(), driver.signal()

    async def sleep() -> None:
        began.set()
        try:
            await never.wait()
        finally:
            ended.set()

    await callee.register(F, sleep)
    timeout = 0.05
    while not began.is_set:  # on a busy machine it may take longer until a call is there
        error = await refused(caller.call(F, options={"timeout": timeout}))
        assert error.uri == "wamp.error.timeout"
        timeout *= 2
    await ended.wait()
    await barrier(caller, callee)


@scenario()
async def a_callee_that_leaves_fails_the_calls_it_was_serving(driver: Driver) -> None:
    caller, callee = await two(driver)
    began, never = driver.signal(), driver.signal()

    async def sleep() -> None:
        began.set()
        await never.wait()

    await callee.register(F, sleep)
    call = caller.begin(F)
    await began.wait()
    await callee.leave()
    await refused(call.result())
    assert (await refused(caller.call(F))).uri == "wamp.error.no_such_procedure"


@scenario()
async def sessions_share_a_procedure(driver: Driver) -> None:
    one, other = await two(driver)
    for invoke, served_by in {
        "roundrobin": ["one", "other"] * 3,
        "first": ["one"] * 6,
        "last": ["other"] * 6,
    }.items():
        await one.register(f"{F}.{invoke}", lambda: "one", invoke=invoke)
        await other.register(f"{F}.{invoke}", lambda: "other", invoke=invoke)
        assert [await one.call(f"{F}.{invoke}") for _ in range(6)] == served_by
    for peer, name in (one, "one"), (other, "other"):
        await peer.register(f"{F}.random", functools.partial(str, name), invoke="random")
    assert {await one.call(f"{F}.random") for _ in range(40)} == {"one", "other"}


@scenario("S-57")
async def procedures_can_be_patterns(driver: Driver) -> None:
    caller, callee = await two(driver)

    def where(*args: Any, about: About) -> list[Any]:
        return [about.uri, *args]

    await callee.register("com.example..get", where, match="wildcard", tells=True)
    await callee.register("com.example.tree", where, match="prefix", tells=True)
    await callee.register("com.example.tree.oak", lambda: "exact")
    assert await caller.call("com.example.lamp.get", 1) == ["com.example.lamp.get", 1]
    assert await caller.call("com.example.tree.elm", 2) == ["com.example.tree.elm", 2]
    assert await caller.call("com.example.tree.oak") == "exact"


@scenario()
async def the_best_pattern_serves_the_call(driver: Driver) -> None:
    caller, callee = await two(driver)
    for uri in ("com..b.c", "com.a..c", "com.a...", "com.."):
        await callee.register(uri, functools.partial(str, uri), match="wildcard")
    assert await caller.call("com.a.b.c") == "com.a..c"
    for uri in ("com", "com.a"):
        await callee.register(uri, functools.partial(str, uri), match="prefix")
    assert await caller.call("com.a.b.c") == "com.a"


# ---- events


class Heard(list[tuple[tuple[Any, ...], dict[str, Any]]]):
    """A handler that keeps the payload of its events."""

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        self.append((args, kwargs))


@scenario("S-55", "S-61", "S-77")
async def an_event_reaches_its_publisher_only_if_that_is_asked_for(driver: Driver) -> None:
    publisher, subscriber = await two(driver)
    own, others = Heard(), Heard()
    unsubscribe = await publisher.subscribe(TOPIC, own)
    await subscriber.subscribe(TOPIC, others)
    publication = await publisher.publish(TOPIC, 1, [None, {"a": True}], options=TO_ALL, b=2.5)
    assert publication is not None
    assert publication > 0
    assert await publisher.publish(TOPIC, 2) is None
    await barrier(publisher, subscriber)
    assert own == [((1, [None, {"a": True}]), {"b": 2.5})]
    assert others == [*own, ((2,), {})]
    await unsubscribe()
    await publisher.publish(TOPIC, 3, options=TO_ALL)
    await barrier(publisher, subscriber)
    assert (len(own), others[2:]) == (1, [((3,), {})])


@scenario()
async def events_reach_who_subscribed_to_a_pattern(driver: Driver) -> None:
    publisher, subscriber = await two(driver)
    by_wildcard: list[tuple[str, str]] = []
    by_prefix: list[tuple[str, str]] = []

    def concert(title: str, about: About) -> None:
        by_wildcard.append((about.uri, title))

    def anything(title: str, about: About) -> None:
        by_prefix.append((about.uri, title))

    await subscriber.subscribe("com.example..on_concert", concert, match="wildcard", tells=True)
    await subscriber.subscribe("com.example", anything, match="prefix", tells=True)
    for topic in ("com.example.at.on_concert", "com.example.it.on_concert", "com.example.fr.on_strike"):
        await publisher.publish(topic, "Tosca")
    await publisher.publish("org.example.it.on_concert", "Aida")
    await barrier(publisher, subscriber)
    assert by_wildcard == [("com.example.at.on_concert", "Tosca"), ("com.example.it.on_concert", "Tosca")]
    assert by_prefix[:3] == [*by_wildcard, ("com.example.fr.on_strike", "Tosca")]


@scenario()
async def a_publisher_chooses_who_hears(driver: Driver) -> None:
    one, other = await two(driver)
    heard: list[tuple[str, Any]] = []
    await one.subscribe(TOPIC, lambda what: heard.append(("one", what)))
    await other.subscribe(TOPIC, lambda what: heard.append(("other", what)))
    publications: dict[str, dict[str, Any]] = {
        "plain": ACKNOWLEDGED,
        "to me too": TO_ALL,
        "eligible": {**TO_ALL, "eligible": [one.id]},
        "excluded": {**TO_ALL, "exclude": [one.id]},
        "excluded by role": {**TO_ALL, "exclude_authrole": ["anonymous"]},
        "eligible by name": {**ACKNOWLEDGED, "eligible_authid": [other.authid]},
    }
    for what, options in publications.items():
        assert await one.publish(TOPIC, what, options=options)
        await barrier(one, other)
    assert sorted(heard) == [
        ("one", "eligible"),
        ("one", "to me too"),
        ("other", "eligible by name"),
        ("other", "excluded"),
        ("other", "plain"),
        ("other", "to me too"),
    ]


@scenario()
async def events_stay_in_order(driver: Driver) -> None:
    publisher, subscriber = await two(driver)
    heard = Heard()
    await subscriber.subscribe(TOPIC, heard)
    for number in range(300):
        await publisher.publish(TOPIC, number, double=number * 2)
    await barrier(publisher, subscriber)
    assert heard == [((number,), {"double": number * 2}) for number in range(300)]


@scenario()
async def who_unsubscribed_hears_no_more(driver: Driver) -> None:
    publisher, subscriber = await two(driver)
    first, second = Heard(), Heard()
    unsubscribe = await subscriber.subscribe(TOPIC, first)
    unsubscribe_again = await subscriber.subscribe(TOPIC, second)
    for end in (unsubscribe_again, unsubscribe, None):
        await publisher.publish(TOPIC, options=ACKNOWLEDGED)
        await barrier(subscriber)
        if end is not None:
            await end()
    assert (len(first), len(second)) == (2, 1)


@scenario()
async def an_event_is_kept_for_who_comes_later(driver: Driver) -> None:
    publisher, subscriber = await two(driver)
    topic = f"com.example.kept.{driver.place.name}"
    heard: list[tuple[str, bool]] = []

    def keep(what: str, about: About) -> None:
        heard.append((what, about.retained))

    await publisher.publish(topic, "kept", options={**ACKNOWLEDGED, "retain": True})
    await subscriber.subscribe(topic, keep, get_retained=True, tells=True)
    await barrier(subscriber)
    assert heard == [("kept", True)]


# ---- payloads


@scenario()
async def octets_stay_octets(driver: Driver) -> None:
    caller, callee = await two(driver)
    octets = bytes(range(256))
    await callee.register(F, echo)
    assert await caller.call(F, octets, inside=[{"a": octets}, b""]) == Several(
        (octets,), {"inside": [{"a": octets}, b""]}
    )


@scenario()
async def large_payloads_arrive_whole(driver: Driver) -> None:
    caller, callee = await two(driver)
    text = "".join(map(chr, range(32, 127))) * (1024 * 1024 // 95 + 1)
    octets = bytes(range(256)) * 4096
    heard = Heard()
    await callee.register(F, echo)
    await callee.subscribe(TOPIC, heard)
    small = caller.begin(F, 1)
    assert await caller.call(F, text) == text
    assert await small.result() == 1
    await caller.publish(TOPIC, octets, note="grüß göttin \0 🐌", options=ACKNOWLEDGED)
    await barrier(callee)
    assert heard == [((octets,), {"note": "grüß göttin \0 🐌"})]


@scenario()
async def what_is_secret_is_so_to_the_router(driver: Driver) -> None:
    caller, callee, stranger = await driver.join(key="caller"), await driver.join(key="callee"), await driver.join()
    payload = Several(("grüß", 2.5, None, [1, {"a": []}]), {"deep": {"b": True}})
    told: list[bool] = []
    heard = Heard()

    async def count(number: int, about: About) -> Several:
        told.append(about.is_encrypted)
        for part in range(number):
            await about.progress(part)
        return payload

    def refuse() -> None:
        raise Refused(f"{SECRET}error", *payload.args, **payload.kwargs)

    await callee.register(f"{SECRET}f", count, tells=True)
    await callee.register(f"{SECRET}refuse", refuse)
    await callee.subscribe(f"{SECRET}topic", heard)
    assert await caller.call(f"{SECRET}f", 0) == payload
    assert await caller.stream(f"{SECRET}f", 3) == ([0, 1, 2], payload)
    error = await refused(caller.call(f"{SECRET}refuse"))
    assert (error.uri, error.args, error.kwargs) == (f"{SECRET}error", *payload)
    await caller.publish(f"{SECRET}topic", *payload.args, options=ACKNOWLEDGED, **payload.kwargs)
    await barrier(callee)
    assert (heard, told) == ([tuple(payload)], [True, True])
    await stranger.register(f"{SECRET}strange", echo)
    assert (await refused(caller.call(f"{SECRET}strange", 1))).uri == "wamp.error.no_payload_codec"


# ---- sessions


@scenario()
async def who_leaves_is_gone(driver: Driver) -> None:
    caller, callee = await two(driver)
    await callee.register(F, echo)
    await callee.leave()
    with pytest.raises(Gone):
        await callee.call(F)
    assert (await refused(caller.call(F))).uri == "wamp.error.no_such_procedure"
    again = await driver.join()
    await again.register(F, echo)
    assert await caller.call(F, 1) == 1


@scenario()
async def the_router_ends_a_session_with_a_reason(driver: Driver) -> None:
    one, other = await two(driver)
    await other.call("wamp.session.kill", one.id, reason="com.example.close.bedtime", message="it is late")
    assert await one.ended() == "com.example.close.bedtime"
    with pytest.raises(Gone):
        await one.call(F)


@scenario()
async def a_connection_that_breaks_fails_what_waits_for_it(driver: Driver) -> None:
    fragile, callee = await driver.join(is_fragile=True), await driver.join()
    began, never, ended = driver.signal(), driver.signal(), driver.signal()

    async def sleep() -> None:
        began.set()
        try:
            await never.wait()
        finally:
            ended.set()

    await callee.register(F, sleep)
    call = fragile.begin(F)
    await began.wait()
    driver.place.cut()
    with pytest.raises(Gone):
        await call.result()
    await ended.wait()
    assert await fragile.ended() == LOST
    with pytest.raises(Gone):
        await fragile.call(F)


@scenario()
async def a_realm_that_is_not_there_is_refused(driver: Driver) -> None:
    with pytest.raises(NotJoined, match=r"^wamp\.error\.no_such_realm$"):
        await driver.join("nowhere")


@scenario()
async def the_router_tells_of_its_sessions_and_what_they_registered(driver: Driver) -> None:
    one = await driver.join()
    joined, left = Heard(), Heard()
    await one.subscribe("wamp.session.on_join", joined)
    await one.subscribe("wamp.session.on_leave", left)
    other = await driver.join()
    await other.register("com.example.meta", echo)
    assert {one.id, other.id} <= set(await one.call("wamp.session.list"))
    assert await one.call("wamp.session.count") >= 2
    assert (await one.call("wamp.session.get", other.id))["authid"] == other.authid
    registration = await one.call("wamp.registration.lookup", "com.example.meta")
    assert await one.call("wamp.registration.match", "com.example.meta") == registration
    assert (await one.call("wamp.registration.get", registration))["uri"] == "com.example.meta"
    assert await one.call("wamp.registration.list_callees", registration) == [other.id]
    await other.leave()
    await barrier(one)
    assert await one.call("wamp.registration.lookup", "com.example.meta") is None
    assert [args[0]["session"] for args, _ in joined] == [other.id]
    assert [args[0] for args, _ in left] == [other.id]


# What looks different in each serializer.
PAYLOADS: frozenset[Scenario] = frozenset(
    {
        a_call_is_answered,
        a_session_calls_itself,
        results_come_in_parts,
        an_error_arrives_as_it_was_raised,
        an_event_reaches_its_publisher_only_if_that_is_asked_for,
        octets_stay_octets,
        large_payloads_arrive_whole,
        what_is_secret_is_so_to_the_router,
    }
)
