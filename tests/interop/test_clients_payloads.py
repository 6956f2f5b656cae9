"""Payloads that the router cannot read: Autobahn's key ring and ours, opposite to each other, and wampy.js passing payloads through."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from tests.payloads.keys import CALLEE, CALLER, OTHER
from trowamp import ApplicationError, DecryptionFailed, Event, Invocation, NoPayloadCodec, Result, SessionView
from trowamp.payloads import Key, KeyRing, Passthru

from .test_clients import REALM, Meeting, NewClient, client, meeting, of, ways

__all__ = ["client", "meeting"]  # fixtures

OPEN = "com.example.open"
SECRET = "com.example.secret."
F = f"{SECRET}f"
TOPIC = f"{SECRET}topic"
VALUE: dict[str, Any] = {"text": "grüß göttin 🐌", "numbers": [0, -1, 2**53, 0.5], "nothing": None, "list": [[1], []]}

CALLERS = Key(originator_private=CALLER.private, responder_public=CALLEE.public)
CALLEES = Key(originator_public=CALLER.public, responder_private=CALLEE.private)
THEIRS = {
    "calls": {"originator_priv": CALLER.private, "responder_pub": CALLEE.public},
    "serves": {"originator_pub": CALLER.public, "responder_priv": CALLEE.private},
    "wrong": {"originator_priv": OTHER.private, "responder_priv": OTHER.private},
}

autobahn = of("way", ways("autobahn-asyncio", "autobahn-twisted"))


async def give_keys(meeting: Meeting, role: str, *beginnings: str) -> None:
    await meeting.client.do("keys", keys=dict.fromkeys(beginnings or (SECRET,), THEIRS[role]))


def ours(meeting: Meeting, key: Key | str, *beginnings: str) -> Any:
    """Open a session of ours with a key ring that speaks Autobahn's dialect."""
    ring = KeyRing(dict.fromkeys(beginnings or (SECRET,), key), dialect="autobahn")
    return meeting.router.open_session(realm=REALM, payload_codec=ring)


def loudly(session: SessionView) -> SessionView:
    return session.with_options(acknowledge=True)


@autobahn
async def test_they_call_us_in_secret(meeting: Meeting) -> None:
    def echo(*args: Any, call: Invocation, **kwargs: Any) -> Result:
        assert call.is_encrypted
        assert call.details["enc_algo"] == "cryptobox"
        return Result(*args, **kwargs)

    async def count(number: int, call: Invocation) -> int:
        for part in range(number):
            await call.progress(part)
        return number

    def refuse() -> None:
        raise ApplicationError(f"{SECRET}error.refused", "why", detail=VALUE)

    await give_keys(meeting, "calls")
    async with ours(meeting, CALLEES) as session:
        for name, procedure in (("f", echo), ("count", count), ("refuse", refuse)):
            await session.register(SECRET + name, procedure)
        for args, kwargs in (([], {}), ([1], {}), ([1, VALUE, b"\0\xff"], VALUE)):
            result = await meeting.client.call(F, *args, **kwargs)
            assert (result["args"], result["kwargs"]) == (args, kwargs)
        await meeting.client.do("start", key="parts", procedure=f"{SECRET}count", args=[3], progress=True)
        result = await meeting.client.do("finish", key="parts")
        assert ([part["args"] for part in result["parts"]], result["args"]) == ([[0], [1], [2]], [3])
        with pytest.raises(ApplicationError) as caught:
            await meeting.client.call(f"{SECRET}refuse")
        assert caught.value.uri == f"{SECRET}error.refused"
        assert (caught.value.args, caught.value.kwargs) == (("why",), {"detail": VALUE})
    await meeting.check_all_is_well()


@autobahn
async def test_we_call_them_in_secret(meeting: Meeting) -> None:
    await give_keys(meeting, "serves", SECRET, "com.example.error.")
    for name in ("echo", "count", "fail", "algorithm"):
        await meeting.client.do("register", procedure=SECRET + name, kind=name)
    async with ours(meeting, CALLERS, SECRET, "com.example.error.") as session:
        assert await session.call(f"{SECRET}echo") is None
        expected = Result(1, VALUE, b"\0\xff", **VALUE)
        assert await session.call(f"{SECRET}echo", 1, VALUE, b"\0\xff", **VALUE) == expected
        assert await session.call(f"{SECRET}algorithm", 1) == "cryptobox"
        async with session.open_call(f"{SECRET}count", 3) as call:
            assert ([part async for part in call], await call.result()) == ([0, 1, 2], 3)
        with pytest.raises(ApplicationError) as caught:
            await session.call(f"{SECRET}fail")
        assert caught.value.uri == "com.example.error.refused"
        assert (caught.value.args, caught.value.kwargs) == (("why",), {"detail": 42})
        assert caught.value.details["enc_algo"] == "cryptobox"
    await meeting.check_all_is_well()


@autobahn
async def test_events_in_secret_both_ways(meeting: Meeting) -> None:
    heard: list[Event] = []
    await give_keys(meeting, "calls")
    async with ours(meeting, CALLEES) as session:
        async with session.open_subscription(SECRET, match="prefix") as events:
            await meeting.client.do("publish", topic=TOPIC, args=[1, VALUE], kwargs={"a": VALUE}, acknowledge=True)
            heard.append(await anext(events))
    await meeting.client.do("leave")
    await meeting.client.do("join", url=meeting.router.urls[0], realm=REALM, serializer=meeting.way.serializer)
    await give_keys(meeting, "serves")
    await meeting.client.do("subscribe", topic=TOPIC)
    async with ours(meeting, CALLERS) as session:
        await loudly(session).publish(TOPIC, 1, VALUE, a=VALUE)
        (event,) = await meeting.client.do("events", count=1)
    assert [(event.args, event.kwargs, event.is_encrypted) for event in heard] == [((1, VALUE), {"a": VALUE}, True)]
    assert (event["args"], event["kwargs"]) == ([1, VALUE], {"a": VALUE})


@autobahn
async def test_what_has_no_key_is_as_ever(meeting: Meeting) -> None:
    await give_keys(meeting, "calls")
    async with ours(meeting, CALLEES) as session:
        await session.register(OPEN, is_encrypted)
        assert (await meeting.client.call(OPEN))["args"] == [False]
        assert (await meeting.client.call("wamp.session.count"))["args"] == [3]
    await meeting.check_all_is_well()


def is_encrypted(call: Invocation) -> bool:
    return call.is_encrypted


@autobahn
async def test_keys_that_do_not_fit_are_told_to_the_caller(meeting: Meeting) -> None:
    await give_keys(meeting, "wrong")
    await meeting.client.do("register", procedure=F, kind="echo")
    async with ours(meeting, CALLEES) as callee, ours(meeting, CALLERS) as caller:
        await callee.register(f"{SECRET}g", lambda: 1)
        with pytest.raises(ApplicationError) as caught:
            await meeting.client.call(f"{SECRET}g")
        assert caught.value.uri == "wamp.error.encryption.decrypt_error"
        with pytest.raises(DecryptionFailed):
            await caller.call(F)
    await meeting.check_all_is_well()


@autobahn
async def test_without_a_key_ring_nothing_can_be_read(meeting: Meeting) -> None:
    await meeting.client.do("register", procedure=F, kind="echo")
    async with ours(meeting, CALLERS) as caller:
        with pytest.raises(NoPayloadCodec):
            await caller.call(F)
    await give_keys(meeting, "calls")
    await meeting.session.register(f"{SECRET}g", lambda *args: 1)
    subscription = await meeting.session.subscribe(TOPIC, print)
    with pytest.raises(ApplicationError) as caught:
        await meeting.client.call(f"{SECRET}g")
    assert caught.value.uri == "wamp.error.no_payload_codec"
    await meeting.client.do("publish", topic=TOPIC, args=[1], acknowledge=True)
    await meeting.loudly.publish("com.example.barrier")
    with trio.fail_after(5):
        while not subscription.statistics().undecodable:
            await trio.lowlevel.checkpoint()
    await meeting.check_all_is_well()


@of("way", ways("autobahn-asyncio"))
async def test_they_talk_to_each_other_in_secret_through_our_router(meeting: Meeting, new_client: NewClient) -> None:
    other = new_client("autobahn-twisted")
    url = meeting.router.urls[meeting.way.framing == "rs"]
    await other.do("join", url=url, realm=REALM, serializer="msgpack" if meeting.way.serializer == "json" else "json")
    await give_keys(meeting, "calls", SECRET, "com.example.error.")
    await other.do("keys", keys=dict.fromkeys((SECRET, "com.example.error."), THEIRS["serves"]))
    for kind in ("echo", "fail", "algorithm"):
        await other.do("register", procedure=SECRET + kind, kind=kind)
    await other.do("subscribe", topic=TOPIC)
    result = await meeting.client.call(f"{SECRET}echo", 1, VALUE, b"\0\xff", **VALUE)
    assert (result["args"], result["kwargs"]) == ([1, VALUE, b"\0\xff"], VALUE)
    assert (await meeting.client.call(f"{SECRET}algorithm"))["args"] == ["cryptobox"]
    with pytest.raises(ApplicationError) as caught:
        await meeting.client.call(f"{SECRET}fail")
    assert (caught.value.uri, caught.value.kwargs) == ("com.example.error.refused", {"detail": 42})
    await meeting.client.do("publish", topic=TOPIC, args=[VALUE], acknowledge=True)
    (event,) = await other.do("events", count=1)
    assert event["args"] == [VALUE]
    await other.do("leave")
    while meeting.router.statistics().deadlines:  # noqa: ASYNC110  # the other closes its connection when it likes
        await trio.sleep(0.01)
    await meeting.check_all_is_well()


# ---- payloads that are only passed through

NATIVE, MSGPACK, CBOR = ("mqtt", "native"), ("x_mine", "msgpack"), ("wamp", "cbor")
binary = of(
    "way", ways("wampy", serializers=["msgpack", "cbor"])
)  # over JSON it shows octets as the text that hides them


@of(("scheme", "serializer"), [NATIVE, MSGPACK, CBOR])
@binary
async def test_they_pass_payloads_through_to_us(meeting: Meeting, scheme: str, serializer: str) -> None:
    seen: list[dict[str, Any]] = []

    def echo(*args: Any, call: Invocation, **kwargs: Any) -> Result:
        seen.append(call.details)
        return Result(*args, **kwargs)

    form = {"ppt_scheme": scheme, "ppt_serializer": serializer}
    await meeting.session.register(OPEN, echo)
    await meeting.client.do("start", key="call", procedure=OPEN, args=[1, "two"], kwargs={"three": [3]}, **form)
    result = await meeting.client.do("finish", key="call")
    assert (result["args"], result["kwargs"]) == ([1, "two"], {"three": [3]})
    assert seen == [form]
    async with meeting.session.open_subscription(OPEN) as events:
        await meeting.client.do("publish", topic=OPEN, args=[1, "two"], kwargs={"three": [3]}, **form)
        event = await anext(events)
        assert (event.args, event.kwargs, event.details) == ((1, "two"), {"three": [3]}, form)
    await meeting.check_all_is_well()


@of(("scheme", "serializer"), [NATIVE, MSGPACK, CBOR])
@binary
async def test_we_pass_payloads_through_to_them(meeting: Meeting, scheme: str, serializer: str) -> None:
    view = meeting.session.with_options(payload_codec=Passthru(scheme, serializer=serializer), acknowledge=True)
    await meeting.client.do("register", procedure=OPEN, kind="echo")
    await meeting.client.do("subscribe", topic=OPEN)
    assert await view.call(OPEN, 1, "two", three=[3]) == Result(1, "two", three=[3])
    await view.publish(OPEN, 1, "two", three=[3])
    (event,) = await meeting.client.do("events", count=1)
    assert (event["args"], event["kwargs"]) == ([1, "two"], {"three": [3]})
    await meeting.check_all_is_well()


@pytest.mark.differs("wampy.js passthru")
@of("way", ways("wampy"))
async def test_wampy_reads_and_writes_json_that_is_passed_through_as_text(meeting: Meeting) -> None:
    form = {"ppt_scheme": "mqtt", "ppt_serializer": "json"}
    await meeting.client.do("register", procedure="com.example.g", kind="echo")
    view = meeting.session.with_options(payload_codec=Passthru("mqtt", serializer="json"))
    with pytest.raises(ApplicationError) as caught:
        await view.call("com.example.g", 1)
    assert caught.value.uri == "wamp.error.invocation_exception"
    assert caught.value.args == ("Can not serialize/deserialize payload",)
    async with meeting.session.open_subscription(OPEN) as events:
        await meeting.client.do("publish", topic=OPEN, args=["grüß"], **form)
        assert (await anext(events)).args == ("grüß",)
    await meeting.check_all_is_well()
