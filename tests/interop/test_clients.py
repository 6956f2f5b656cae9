"""Our router serves clients that we did not write: each of them as caller, callee, publisher and subscriber, opposite to a session of ours."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, NamedTuple

import pytest
import trio

import trowamp
from tests.sessions import in_flight, pending
from trowamp import ApplicationError, Event, Invocation, Result, Router, Session

from .remote_client import RemoteClient

REALM = "realm1"
F = "com.example.f"
TOPIC = "com.example.topic"
PATIENCE = 5.0  # seconds for a machine that is busy
SERIALIZERS = ("json", "msgpack", "cbor")
NewClient = Callable[[str], RemoteClient]


class Way(NamedTuple):
    """How a client reaches the router."""

    client: str
    framing: str
    serializer: str

    @property
    def is_python(self) -> bool:
        return self.client in {"autobahn-asyncio", "autobahn-twisted", "xconn"}

    @property
    def has_whole_ids(self) -> bool:
        """wampy.js writes ids as floating-point numbers over CBOR; then it cannot take back or name anything that has one."""
        return (self.client, self.serializer) != ("wampy", "cbor")

    @property
    def is_autobahn(self) -> bool:
        return self.client in {"autobahn-asyncio", "autobahn-twisted"}


def ways(
    *clients: str, framings: Sequence[str] = ("ws", "rs", "http"), serializers: Sequence[str] = SERIALIZERS
) -> list[Any]:
    """Combine clients with what they have.

    AutobahnJS has RawSocket and long-polling for JSON only, wampy.js neither, and the others have no long-polling.
    """
    found = [
        Way(client, framing, serializer)
        for client in clients
        for framing in framings
        for serializer in serializers
        if framing == "ws"
        or (framing == "rs" and client not in {"wampy", "autobahn-js"})
        or (client, serializer) == ("autobahn-js", "json")
    ]
    return [pytest.param(way, id=" ".join(way)) for way in found]


PYTHON = ("autobahn-asyncio", "autobahn-twisted", "xconn")
JAVASCRIPT = ("autobahn-js", "wampy")
CAN_PROGRESS = ("autobahn-asyncio", "autobahn-twisted", "autobahn-js", "wampy")
CAN_BE_INTERRUPTED = ("autobahn-asyncio", "autobahn-twisted")

of = pytest.mark.parametrize


class Meeting:
    """A router, a session of ours and a client of theirs in one realm."""

    def __init__(
        self, router: Router, session: Session, client: RemoteClient, way: Way, identity: dict[str, Any]
    ) -> None:
        self.router = router
        self.session = session
        self.client = client
        self.way = way
        self.identity = identity

    @property
    def loudly(self) -> trowamp.SessionView:
        return self.session.with_options(acknowledge=True)

    async def check_all_is_well(self) -> None:
        """Nobody has broken the protocol, and nothing is left over."""
        left: Any = None
        with trio.move_on_after(PATIENCE):
            while left != ({}, (0, 0)):  # what was interrupted takes a moment to stop
                await self.loudly.publish("com.example.barrier")
                left = pending(self.session), in_flight(self.router)
        assert left == ({}, (0, 0))
        assert self.router.statistics().violations == 0


@pytest.fixture
def client(way: Way, new_client: NewClient) -> RemoteClient:
    return new_client(way.client)


@pytest.fixture
async def meeting(way: Way, client: RemoteClient) -> AsyncGenerator[Meeting, None]:
    with trio.fail_after(20):
        listen = ["ws://127.0.0.1:0/ws", "rs://127.0.0.1:0"]
        async with trowamp.open_router([REALM], listen, idle_timeout=2) as router:
            url = router.urls[way.framing == "rs"]
            if way.framing == "http":
                url = url.replace("ws://", "http://")
            identity = await client.do("join", url=url, realm=REALM, serializer=way.serializer)
            async with router.open_session(realm=REALM) as session:
                yield Meeting(router, session, client, way, identity)
            if client.is_running:
                await client.do("leave")


everybody = of("way", ways(*PYTHON, *JAVASCRIPT))


# ---- calls


@everybody
async def test_they_call_us(meeting: Meeting) -> None:
    await meeting.session.register(F, Result)
    value = {"text": "grüß göttin 🐌", "numbers": [0, -1, 2**31, 0.5], "nothing": None, "yes": True, "list": [[1], []]}
    if meeting.way == ("xconn", "rs", "json"):
        value["text"] = "plain"  # xconn counts characters where RawSocket counts octets
    for args, kwargs in (([], {}), ([1], {}), ([1, "two"], {}), ([], {"a": 1}), ([value], value)):
        result = await meeting.client.call(F, *args, **kwargs)
        assert (result["args"], result["kwargs"]) == (args, kwargs)
    await meeting.check_all_is_well()


@everybody
async def test_we_call_them(meeting: Meeting) -> None:
    await meeting.client.do("register", procedure=F, kind="echo")
    value = {"text": "grüß göttin", "numbers": [0, -1, 2**31, 0.5], "nothing": None, "yes": True, "list": [[1], []]}
    if meeting.way == ("xconn", "rs", "json"):
        value["text"] = "plain"
    assert await meeting.session.call(F) is None
    assert await meeting.session.call(F, value) == value
    assert await meeting.session.call(F, 1, "two", **value) == Result(1, "two", **value)
    if meeting.way.has_whole_ids:
        await meeting.client.do("unregister", procedure=F)
        with pytest.raises(trowamp.NoSuchProcedure):
            await meeting.session.call(F)
    await meeting.check_all_is_well()


@everybody
async def test_errors_travel_both_ways(meeting: Meeting) -> None:
    def refuse() -> None:
        raise ApplicationError("com.example.error.refused", "why", detail=42)

    await meeting.session.register(F, refuse)
    for procedure, uri, args in (
        (F, "com.example.error.refused", ("why",)),
        ("com.nobody", "wamp.error.no_such_procedure", None),
    ):
        with pytest.raises(ApplicationError) as caught:
            await meeting.client.call(procedure)
        assert caught.value.uri == uri
        assert args in (None, caught.value.args)
    await meeting.client.do("register", procedure="com.example.g", kind="fail")
    with pytest.raises(ApplicationError) as caught:
        await meeting.session.call("com.example.g")
    assert (caught.value.uri, caught.value.args) == ("com.example.error.refused", ("why",))
    with pytest.raises(ApplicationError) as caught:
        await meeting.client.do("register", procedure=F, kind="echo")
    assert caught.value.uri == "wamp.error.procedure_already_exists"
    await meeting.check_all_is_well()


@everybody
async def test_octets_stay_octets(meeting: Meeting) -> None:
    """JSON hides octets in a string, which JavaScript's clients show as it is."""
    octets: Any = bytes(range(256))
    await meeting.session.register(F, Result)
    await meeting.client.do("register", procedure="com.example.g", kind="echo")
    assert await meeting.session.call("com.example.g", octets, a=[octets]) == Result(octets, a=[octets])
    if meeting.way.serializer != "json" or meeting.way.is_autobahn:
        assert (await meeting.client.call(F, octets))["args"] == [octets]
    await meeting.check_all_is_well()


@everybody
async def test_large_payloads_arrive_whole(meeting: Meeting) -> None:
    text = "0123456789" * 30_000
    await meeting.session.register(F, Result)
    await meeting.client.do("register", procedure="com.example.g", kind="echo")
    assert await meeting.session.call("com.example.g", text) == text
    assert (await meeting.client.call(F, text))["args"] == [text]
    await meeting.check_all_is_well()


@everybody
async def test_many_calls_are_under_way_at_once(meeting: Meeting) -> None:
    everybody_is_here = trio.Event()
    numbers = set()

    async def meet(number: int) -> int:
        numbers.add(number)
        if len(numbers) == 20:
            everybody_is_here.set()
        await everybody_is_here.wait()
        return number * 2

    async def call(number: int) -> None:
        assert await meeting.session.call("com.example.add", number, number) == 2 * number

    await meeting.session.register(F, meet)
    await meeting.client.do("register", procedure="com.example.add", kind="add")
    for number in range(20):
        await meeting.client.do("start", key=str(number), procedure=F, args=[number])
    assert [(await meeting.client.do("finish", key=str(number)))["args"] for number in range(20)] == [
        [2 * number] for number in range(20)
    ]
    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(call, number)
    await meeting.check_all_is_well()


@of("way", ways(*CAN_PROGRESS))
async def test_our_results_reach_them_in_parts(meeting: Meeting) -> None:
    async def count(number: int, call: Invocation) -> int:
        for part in range(number):
            await call.progress(part)
        return number

    await meeting.session.register(F, count)
    await meeting.client.do("start", key="parts", procedure=F, args=[3], progress=True)
    result = await meeting.client.do("finish", key="parts")
    assert ([part["args"] for part in result["parts"]], result["args"]) == ([[0], [1], [2]], [3])
    assert (await meeting.client.call(F, 3))["args"] == [3]
    await meeting.check_all_is_well()


@of("way", ways(*CAN_PROGRESS))
async def test_their_results_reach_us_in_parts(meeting: Meeting) -> None:
    """A callee that announces no call canceling is not asked for parts (PCR-R1): the final result has to do for AutobahnJS and wampy.js."""
    await meeting.client.do("register", procedure=F, kind="count")
    async with meeting.session.open_call(F, 3) as call:
        parts = [part async for part in call]
        assert (parts, await call.result()) == ([0, 1, 2] if meeting.way.is_autobahn else [], 3)
    assert await meeting.session.call(F, 3) == 3
    await meeting.check_all_is_well()


@pytest.mark.differs("wampy.js streams")
@of("way", ways("wampy", serializers=["json"]))
async def test_wampy_streams_arguments_without_having_announced_it(meeting: Meeting) -> None:
    async def collect(call: Invocation) -> list[int]:
        return [value async for value in call.inputs]

    await meeting.session.register(F, collect)
    with pytest.raises(ApplicationError, match="Connection closed"):
        await meeting.client.do("stream", procedure=F, values=[2, 3, 5])
    assert meeting.router.statistics().violations == 1


# ---- cancelling


@of("way", ways("autobahn-asyncio", "autobahn-twisted", "autobahn-js", "wampy"))
async def test_they_give_up_a_call_to_us(meeting: Meeting) -> None:
    """Autobahn names no mode, which means "killnowait" (R2); AutobahnJS breaks off with every mode but "kill", see below."""
    began, ended = trio.Event(), trio.Event()

    async def wait() -> None:
        began.set()
        try:
            await trio.sleep_forever()
        finally:
            ended.set()

    await meeting.session.register(F, wait)
    await meeting.client.do("start", key="long", procedure=F)
    await began.wait()
    await meeting.client.do("cancel", key="long", **({} if meeting.way.is_autobahn else {"mode": "kill"}))
    await ended.wait()
    with pytest.raises(ApplicationError, match="cancel"):
        await meeting.client.do("finish", key="long")
    await meeting.check_all_is_well()


@of("way", ways(*CAN_BE_INTERRUPTED))
@pytest.mark.parametrize("mode", ["kill", "killnowait"])
async def test_we_give_up_a_call_to_them(meeting: Meeting, mode: Any) -> None:
    await meeting.client.do("register", procedure=F, kind="wait")
    with trio.move_on_after(0.1) as scope:
        await meeting.session.with_options(cancel_mode=mode).call(F)
    assert scope.cancelled_caught
    assert await meeting.client.do("interrupted") == "CancelledError"
    with pytest.raises(trowamp.CallTimeout):
        await meeting.session.with_options(timeout=0.1, cancel_mode=mode).call(F)
    assert await meeting.client.do("interrupted") == "CancelledError"
    assert meeting.router.statistics().violations == 0


@of("way", ways(*JAVASCRIPT, "xconn"))
async def test_a_callee_that_cannot_be_interrupted_keeps_nobody_waiting(meeting: Meeting) -> None:
    await meeting.client.do("register", procedure=F, kind="wait")
    for mode in ("kill", "killnowait"):
        with trio.move_on_after(0.1) as scope:
            await meeting.session.with_options(cancel_mode=mode).call(F)
        assert scope.cancelled_caught
    await meeting.check_all_is_well()


@pytest.mark.differs("AutobahnJS cancel")
@of("way", ways("autobahn-js"))
async def test_autobahnjs_breaks_off_when_it_is_told_that_its_call_was_cancelled(meeting: Meeting) -> None:
    """It forgets a call that it cancels, unless the mode is "kill", and takes the router's answer for a violation."""
    await meeting.session.register(F, trio.sleep_forever)
    await meeting.client.do("start", key="long", procedure=F)
    await meeting.client.do("cancel", key="long")
    assert await meeting.client.do("gone")
    identity = await meeting.client.do(
        "join", url=meeting.router.urls[0], realm=REALM, serializer=meeting.way.serializer
    )
    assert identity["session"] != meeting.identity["session"]


@pytest.mark.differs("wampy.js ids")
@of("way", ways("wampy", serializers=["cbor"]))
async def test_wampy_breaks_the_protocol_when_it_writes_an_id_as_a_floating_point_number(meeting: Meeting) -> None:
    await meeting.client.do("register", procedure=F, kind="echo")
    with pytest.raises(ApplicationError, match="Connection closed"):
        await meeting.client.do("unregister", procedure=F)
    assert meeting.router.statistics().violations == 1


# ---- patterns and sharing


@everybody
async def test_patterns_of_theirs_match_what_we_do(meeting: Meeting) -> None:
    await meeting.client.do("register", procedure="com.example.tree", kind="whoami", match="prefix")
    await meeting.client.do("register", procedure="com..wild", kind="whoami", match="wildcard")
    disclosed = meeting.session.with_options(disclose_me=True)
    us = (meeting.session.id, meeting.session.details.authid, "anonymous")
    for procedure in ("com.example.tree.oak", "com.example.wild"):
        result = await disclosed.call(procedure)
        assert (result.args, result.kwargs) == (us, {"procedure": procedure})
    await meeting.client.do("subscribe", topic="com.example.on", match="prefix")
    await meeting.client.do("subscribe", topic="com..news", match="wildcard")
    for topic in ("com.example.on.off", "org.example.on", "com.example.news"):
        await meeting.loudly.publish(topic, topic)
    heard = await meeting.client.do("events", count=2)
    assert [(event["args"], event["topic"]) for event in heard] == [
        ([topic], topic) for topic in ("com.example.on.off", "com.example.news")
    ]
    await meeting.check_all_is_well()


@everybody
async def test_patterns_of_ours_match_what_they_do(meeting: Meeting) -> None:
    def get(name: str, call: Invocation) -> list[Any]:
        return [name, call.procedure]

    await meeting.session.register("com.example.<name>.get", get)
    assert (await meeting.client.call("com.example.lamp.get"))["args"] == [["lamp", "com.example.lamp.get"]]
    async with meeting.session.open_subscription("com.example.<country>.on_concert") as events:
        await meeting.client.do("publish", topic="com.example.at.on_concert", args=["Tosca"], acknowledge=True)
        event = await anext(events)
        assert (event.topic, event.args) == ("com.example.at.on_concert", ("Tosca",))
    await meeting.check_all_is_well()


@everybody
async def test_they_and_we_share_a_procedure(meeting: Meeting) -> None:
    def add(x: int, y: int) -> int:
        return 1000

    await meeting.session.register(F, add, invoke="roundrobin")
    await meeting.client.do("register", procedure=F, kind="add", invoke="roundrobin")
    assert [await meeting.session.call(F, 1, 2) for _ in range(4)] == [1000, 3, 1000, 3]
    await meeting.check_all_is_well()


# ---- events


@everybody
async def test_we_hear_what_they_publish(meeting: Meeting) -> None:
    heard: list[Event] = []

    def hear(*args: Any, event: Event, **kwargs: Any) -> None:
        heard.append(event)

    await meeting.session.subscribe(TOPIC, hear)
    await meeting.client.do("subscribe", topic=TOPIC)
    publish = functools.partial(
        meeting.client.do, "publish", topic=TOPIC, args=[1, "two"], kwargs={"three": [3]}, acknowledge=True
    )
    await meeting.client.do("publish", topic=TOPIC, args=[1, "two"], kwargs={"three": [3]})
    await publish(disclose_me=True)
    if (
        meeting.way.client == "wampy"
    ):  # it writes ids as floating-point numbers, and never says that it wants to hear itself
        await publish()
    else:
        await publish(eligible=[meeting.session.id])
        await publish(exclude_me=False, exclude=[meeting.session.id])
        (own,) = await meeting.client.do("events", count=1)
        assert own["args"] == [1, "two"]
    await meeting.check_all_is_well()
    assert [(event.args, event.kwargs) for event in heard] == [((1, "two"), {"three": [3]})] * 3
    if not meeting.way.is_autobahn:  # it has no option for that
        assert [event.publisher for event in heard] == [None, meeting.identity["session"], None]


@everybody
async def test_they_hear_what_we_publish(meeting: Meeting) -> None:
    await meeting.client.do("subscribe", topic=TOPIC)
    for number in range(50):
        await meeting.session.publish(TOPIC, number, double=number * 2)
    await meeting.session.with_options(disclose_me=True).publish(TOPIC, "who")
    await meeting.session.with_options(exclude=[meeting.identity["session"]]).publish(TOPIC, "not you")
    events = await meeting.client.do("events", count=51)
    assert [(event["args"], event["kwargs"]) for event in events[:50]] == [
        ([number], {"double": number * 2}) for number in range(50)
    ]
    assert events[50]["publisher"] == meeting.session.id
    if meeting.way.has_whole_ids:
        await meeting.client.do("unsubscribe", topic=TOPIC)
    await meeting.loudly.publish(TOPIC, "nobody")
    await meeting.check_all_is_well()


BATCHED = ("json.batched", "msgpack.batched", "cbor.batched")


@pytest.mark.differs("T1")
@of("way", ways("autobahn-asyncio", "autobahn-twisted", framings=["ws"], serializers=BATCHED))
async def test_batches_go_both_ways(meeting: Meeting) -> None:
    """Autobahn splits JSON at another octet than the specification says; who was sent a batch answers alike."""
    await meeting.session.register(F, Result)
    await meeting.client.do("register", procedure="com.example.g", kind="echo")
    await meeting.client.do("subscribe", topic=TOPIC)
    for number in range(50):
        await meeting.session.publish(TOPIC, number)
    assert [event["args"] for event in await meeting.client.do("events", count=50)] == [
        [number] for number in range(50)
    ]
    assert (await meeting.client.call(F, 1, a="two"))["kwargs"] == {"a": "two"}
    assert await meeting.session.call("com.example.g", 1, a="two") == Result(1, a="two")
    await meeting.check_all_is_well()


# ---- beginnings and ends


@of("way", ways(*PYTHON, *JAVASCRIPT, serializers=("json",)))
async def test_who_disconnects_without_a_word_leaves_nothing_behind(meeting: Meeting) -> None:
    await meeting.client.do("register", procedure=F, kind="echo")
    await meeting.client.do("subscribe", topic=TOPIC)
    meeting.client.close()
    while meeting.router.statistics().sessions > 1:  # noqa: ASYNC110  # the kernel tells the router, and nobody tells us
        await trio.sleep(0.001)
    statistics = meeting.router.statistics()
    assert (statistics.registrations, statistics.subscriptions, statistics.violations) == (0, 0, 0)


@of("way", ways(*PYTHON, *JAVASCRIPT))
async def test_they_are_told_when_the_router_stops(client: RemoteClient, way: Way) -> None:
    with trio.fail_after(20):
        async with trowamp.open_router([REALM], [f"{way.framing}://127.0.0.1:0/"]) as router:
            await client.do("join", url=router.urls[0], realm=REALM, serializer=way.serializer)
        assert await client.do("gone") in {"wamp.close.system_shutdown", "disconnected", "closed"}
