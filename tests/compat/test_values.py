"""Values that programs for Autobahn send, and that are no values of WAMP: each serializer sends what Autobahn sends, or refuses them at once."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum, IntEnum, IntFlag, StrEnum
from typing import Any

import pytest
from trowamp_compat.wamp.exception import SerializationError
from trowamp_compat.wamp.serializer import create_transport_serializer

from tests.compat.kit import Kit, Run, join, on_both, transport
from trowamp.messages import Result
from trowamp.wire import get_serializer

SERIALIZERS = ("json", "msgpack", "cbor")


class Colour(IntEnum):
    RED = 1


class Access(IntFlag):
    READ = 4


class Word(StrEnum):
    YES = "yes"


class Plain(Enum):
    X = "x"


EVERYWHERE: list[tuple[Any, Any]] = [
    (Colour.RED, 1),
    (Access.READ, 4),
    (Word.YES, "yes"),
    ({Word.YES: [Colour.RED]}, {"yes": [1]}),
]
IN_JSON: list[tuple[Any, Any]] = [
    ({1: 2}, {"1": 2}),
    ({2**70: 1}, {"1180591620717411303424": 1}),
    ({None: 1}, {"null": 1}),
    ({True: 1, False: 2}, {"true": 1, "false": 2}),
    ({1.5: 1}, {"1.5": 1}),
    ({Colour.RED: {7: None}}, {"1": {"7": None}}),
    (Decimal("1.5"), "1.5"),
    ([Decimal("-0.10")], ["-0.10"]),
]
NOWHERE: list[Any] = [{(1, 2): 3}, {b"k": 1}, Plain.X, {Plain.X: 1}, {1, 2}, 2**65, float("nan"), {Decimal(1): 1}]


@on_both
@pytest.mark.parametrize("serializer", SERIALIZERS)
@pytest.mark.parametrize("kind", ["websocket", "rawsocket"])
def test_what_autobahn_sends_is_sent_and_what_no_receiver_would_know_is_refused(
    run: Run, router_url: str, kind: str, serializer: str
) -> None:
    async def scenario(kit: Kit) -> None:
        session = await join(kit, transport(router_url, kind, serializer))
        await session.register(lambda *args, **kwargs: args[0], "com.example.echo")
        sent = EVERYWHERE + (IN_JSON if serializer == "json" else [])
        for value, received in sent:
            got = await session.call("com.example.echo", value)
            assert (got, type(got)) == (received, type(received))
        refused = NOWHERE + ([] if serializer == "json" else [value for value, _ in IN_JSON])
        for value in refused:
            with pytest.raises(SerializationError):
                session.call("com.example.echo", value)
        await session.leave()

    run(scenario)


@on_both
@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_results_and_events_are_sent_likewise(run: Run, router_url: str, serializer: str) -> None:
    async def scenario(kit: Kit) -> None:
        session = await join(kit, transport(router_url, serializer=serializer))
        await session.register(lambda: Colour.RED, "com.example.colour")
        assert type(await session.call("com.example.colour")) is int
        session.publish("com.example.topic", {"colour": Colour.RED}, word=Word.YES)
        assert session.is_attached()
        await session.leave()

    run(scenario)


@pytest.mark.parametrize("name", [*SERIALIZERS, *(f"{name}.batched" for name in SERIALIZERS)])
def test_serializer_objects_send_the_same(name: str) -> None:
    octets, _ = create_transport_serializer(name).serialize(Result(1, {}, [Colour.RED], {Word.YES: 2}))
    (message,) = get_serializer(name).decode_all(octets)
    assert (message.args, message.kwargs) == ([1], {"yes": 2})  # type: ignore[attr-defined]
