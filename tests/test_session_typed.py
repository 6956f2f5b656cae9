"""Payloads with types: arguments become what the handler's annotations say, or the caller learns what is wrong and where."""

from __future__ import annotations

import enum
import functools
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import msgspec
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import trowamp
from trowamp.testing import open_component

from .sessions import open_pair

if TYPE_CHECKING:
    from trowamp import Invocation


class Item(msgspec.Struct):
    name: str
    price: float


@dataclass
class Order:
    customer: str
    items: list[Item]
    at: datetime | None = None


class Address(TypedDict):
    town: str


class Colour(enum.Enum):
    RED = "red"


class Opaque:
    pass


ORDER = {"customer": "joe", "items": [{"name": "tea", "price": 2}], "at": "2026-01-02T03:04:05Z"}
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
pytestmark = pytest.mark.trio


async def place(order: Order, *more: int, colour: Colour = Colour.RED, **notes: Address) -> str:
    return repr((order, more, colour, notes))


async def test_arguments_become_what_the_annotations_say() -> None:
    async with open_pair() as (_, caller, callee):
        await callee.register("com.example.place", place, check_types=True)
        at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        expected = repr((Order("joe", [Item("tea", 2.0)], at), (1, 2), Colour.RED, {"home": {"town": "Oslo"}}))
        answer = await caller.call("com.example.place", ORDER, 1, 2, colour="red", home={"town": "Oslo"})
        assert answer == expected


MISFITS = [
    (
        ({**ORDER, "items": [{"name": "tea", "price": "2"}]},),
        {},
        "argument order.items[0].price: expected `float`, got `str`",
    ),
    (({"customer": "joe"},), {}, "argument order: object missing required field `items`"),
    (("joe",), {}, "argument order: expected `object`, got `str`"),
    ((ORDER, 1, "2"), {}, "argument #3: expected `int`, got `str`"),
    ((ORDER,), {"colour": "green"}, "argument colour: invalid enum value 'green'"),
    ((ORDER,), {"home": {"town": 1}}, "argument home.town: expected `str`, got `int`"),
    ((), {}, "missing a required argument: 'order'"),
]


@pytest.mark.parametrize(("args", "kwargs", "problem"), MISFITS)
async def test_a_misfit_is_answered_with_argument_and_place(
    args: tuple[Any, ...], kwargs: dict[str, Any], problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_pair() as (_, caller, callee):
        await callee.register("com.example.place", place, check_types=True)
        with pytest.raises(trowamp.InvalidArgument) as raised:
            await caller.call("com.example.place", *args, **kwargs)
    assert raised.value.uri == "wamp.error.invalid_argument"
    assert raised.value.args == (problem,)
    assert caplog.records == []  # it is the caller's fault, and not the callee's


async def test_without_it_nothing_is_converted_or_checked() -> None:
    async with open_pair() as (_, caller, callee):
        await callee.register("com.example.place", place)
        assert await caller.call("com.example.place", 1) == repr((1, (), Colour.RED, {}))


def typed_echo(annotation: Any) -> Callable[[Any], Any]:
    def handler(value: Any) -> str:
        return repr(value)

    handler.__annotations__["value"] = annotation
    return handler


STRICT = [
    (int, 1, "1"),
    (int, True, None),
    (int, "1", None),
    (float, 1, "1.0"),
    (bytes, b"x", "b'x'"),
    (bytes, "eA==", None),
    (int | None, None, "None"),
    (None, 1, None),
    (dict[int, str], {"1": "a"}, "{1: 'a'}"),
    (tuple[int, str], [1, "a"], "(1, 'a')"),
    (set[int], [1], "{1}"),
    (object, "anything", "'anything'"),
    (Annotated[int, msgspec.Meta(gt=3)], 3, None),
    (datetime, "2026-01-01T12:00:00Z", repr(NOON)),
    (datetime, 1, None),
    (uuid.UUID, str(uuid.UUID(int=1)), repr(uuid.UUID(int=1))),
]


@pytest.mark.parametrize(("annotation", "value", "expected"), STRICT)
async def test_conversion_is_strict(annotation: Any, value: Any, expected: str | None) -> None:
    async with open_pair(check_types=True) as (_, caller, callee):
        await callee.register("com.example.echo", typed_echo(annotation))
        if expected is None:
            with pytest.raises(trowamp.InvalidArgument, match="^wamp.error.invalid_argument: argument value: "):
                await caller.call("com.example.echo", value)
        else:
            assert await caller.call("com.example.echo", value) == expected


RESULTS = [
    (Order("joe", [Item("tea", 2.0)], NOON), ORDER | {"at": "2026-01-01T12:00:00Z"}),
    (Colour.RED, "red"),
    ({1: {2}}, {"1": [2]}),
    (b"x", b"x"),
    (bytearray(b"x"), b"x"),
    (None, None),
    (trowamp.Result(Colour.RED, at=NOON), trowamp.Result("red", at="2026-01-01T12:00:00Z")),
]


@pytest.mark.parametrize(("result", "expected"), RESULTS)
async def test_what_a_procedure_returns_becomes_portable(result: Any, expected: Any) -> None:
    async with open_pair() as (_, caller, callee):
        await callee.register("com.example.get", lambda: result, check_types=True)
        assert await caller.call("com.example.get") == expected


async def test_progressive_results_become_portable() -> None:
    async def count(call: trowamp.Invocation) -> None:
        await call.progress(Item("tea", 2.0))

    async with open_pair() as (_, caller, callee):
        await callee.register("com.example.count", count, check_types=True)
        async with caller.open_call("com.example.count") as call:
            assert [part async for part in call] == [{"name": "tea", "price": 2.0}]


def nested(depth: int) -> list[Any]:
    outermost: list[Any] = []
    for _ in range(depth):
        outermost = [outermost]
    return outermost


@pytest.mark.parametrize("make", [Opaque, lambda: float("nan"), lambda: nested(5000)])
async def test_what_cannot_be_made_portable_is_told_by_the_serializer(make: Callable[[], Any]) -> None:
    async with open_pair() as (_, caller, callee):
        await callee.register("com.example.get", make, check_types=True)
        with pytest.raises(trowamp.ApplicationError) as raised:
            await caller.call("com.example.get")
        assert raised.value.uri == "wamp.error.invalid_payload"
        assert await caller.call("wamp.session.count") == 2


async def test_details_and_components_of_the_uri_are_not_converted() -> None:
    def get(first: int, name: int, title: int, call: Invocation) -> str:
        return repr((first, name, title, type(call).__name__))

    async with open_pair() as (_, caller, callee):
        await callee.register("com..<name>.get", get, check_types=True)
        assert await caller.call("com.a.b.get", 3) == repr(("a", "b", 3, "Invocation"))
        with pytest.raises(trowamp.InvalidArgument, match="argument title: expected `int`, got `str`"):
            await caller.call("com.a.b.get", "3")


class Shop:
    @trowamp.procedure("com.example.shop.price", check_types=True)
    def price(self, item: Item) -> float:
        return item.price

    def __call__(self, item: Item) -> str:
        return item.name


def named(prefix: str, item: Item) -> str:
    return prefix + item.name


@pytest.mark.parametrize("handler", [Shop(), functools.partial(named, "")])
async def test_any_callable_has_types(handler: Callable[..., Any]) -> None:
    async with open_pair(check_types=True) as (_, caller, callee):
        await callee.register("com.example.name", handler)
        assert await caller.call("com.example.name", {"name": "tea", "price": 1}) == "tea"


async def test_marked_methods_have_types() -> None:
    async with open_pair() as (_, caller, callee):
        await callee.add_object(Shop())
        assert await caller.call("com.example.shop.price", {"name": "tea", "price": 1}) == 1.0


async def test_a_handler_can_do_without_what_the_session_does() -> None:
    async with open_pair(check_types=True) as (_, caller, callee):
        await callee.register("com.example.place", place, check_types=False)
        assert await caller.call("com.example.place", 1) == repr((1, (), Colour.RED, {}))


async def unresolvable(x: Missing) -> None:  # type: ignore[name-defined]  # noqa: F821
    pass


async def opaque(x: list[dict[str, Opaque]]) -> None:
    pass


async def ambiguous(x: Order | Item) -> None:
    pass


REFUSED = [
    (unresolvable, r"the annotation 'Missing' of 'x' of unresolvable cannot be resolved"),
    (opaque, r"parameter 'x' of opaque has a type that payloads cannot be converted to: <class '.*Opaque'>"),
    (ambiguous, r"parameter 'x' of ambiguous has a type that payloads cannot be converted to: Type unions"),
]


@pytest.mark.parametrize(("handler", "words"), REFUSED)
async def test_a_type_that_cannot_be_converted_to_is_refused_when_it_is_declared(
    handler: Callable[..., Any], words: str
) -> None:
    app = trowamp.Component("rs://127.0.0.1:1", realm="realm1", check_types=True)
    for declare in (app.register, app.subscribe):
        with pytest.raises(TypeError, match=words):
            declare("com.example.x")(handler)
        declare("com.example.y", check_types=False)(handler)
    async with open_pair() as (_, _, callee):
        with pytest.raises(TypeError, match=words):
            await callee.register("com.example.x", handler, check_types=True)


async def test_what_a_caller_sends_is_converted_by_to_builtins_only() -> None:
    """As the how-to says."""
    order = Order("joe", [])
    async with open_pair() as (_, caller, callee):
        await callee.register("com.example.x", _customer, check_types=True)
        with pytest.raises(trowamp.SerializationError):
            await caller.call("com.example.x", order)
        assert await caller.call("com.example.x", msgspec.to_builtins(order)) == "joe"


def _customer(order: Order) -> str:
    return order.customer


# ---- events


@pytest.mark.parametrize("is_async", [False, True])
async def test_an_event_that_does_not_fit_is_logged_and_counted(
    is_async: bool, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[tuple[Order, str]] = []

    def take(order: Order, event: trowamp.Event) -> None:
        seen.append((order, event.topic))

    async def take_later(order: Order, event: trowamp.Event) -> None:
        take(order, event)

    async with open_pair() as (_, publisher, subscriber):
        handler = take_later if is_async else take
        subscription = await subscriber.subscribe("com.example.orders", handler, check_types=True)
        with caplog.at_level(logging.ERROR, "trowamp.subscription"):
            await publisher.publish("com.example.orders", {"customer": 1, "items": []})
            await publisher.publish("com.example.orders", {"customer": "joe", "items": []})
            await wait_all_tasks_blocked()
        assert seen == [(Order("joe", []), "com.example.orders")]
        statistics = subscription.statistics()
        assert (statistics.delivered, statistics.misfits) == (2, 1)
    (record,) = caplog.records
    assert "argument order.customer: expected `str`, got `int`" in record.getMessage()


# ---- components


async def test_a_component_has_types_for_all_its_handlers() -> None:
    app = trowamp.Component("rs://127.0.0.1:1", realm="realm1", check_types=True)

    @app.register("com.example.total")
    async def total(order: Order) -> float:
        return sum(item.price for item in order.items)

    async with trowamp.open_router() as router, open_component(app, router):
        async with router.open_session(realm="realm1") as caller:
            assert await caller.call("com.example.total", ORDER) == 2.0
            with pytest.raises(trowamp.InvalidArgument):
                await caller.call("com.example.total", {})


# ---- results


CONVERTED = [
    (ORDER, Order, Order("joe", [Item("tea", 2.0)], datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))),
    ([ORDER["at"]], list[datetime], [datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)]),
    (trowamp.Result(1, "a"), tuple[int, str], (1, "a")),
    (trowamp.Result(name="tea", price=1), Item, Item("tea", 1.0)),
    (None, int | None, None),
    (1, object, 1),
]


@pytest.mark.parametrize(("answer", "wanted", "expected"), CONVERTED)
async def test_a_result_becomes_what_is_asked_for(answer: Any, wanted: Any, expected: Any) -> None:
    async with open_pair() as (_, caller, callee):
        await callee.register("com.example.get", lambda: answer)
        view = caller.with_options(result_type=wanted)
        assert await view.with_options(timeout=5).call("com.example.get") == expected
        async with view.open_call("com.example.get") as call:
            assert await call.result() == expected


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({"customer": "joe", "items": [{"name": 1, "price": 1}]}, "result.items[0].name: expected `str`, got `int`"),
        (None, "result: expected `object`, got `null`"),
        (trowamp.Result(1, customer="joe"), "result: expected `object`, got `Result`"),
    ],
)
async def test_a_result_that_is_something_else_raises(answer: Any, problem: str) -> None:
    async with open_pair() as (_, caller, callee):
        await callee.register("com.example.get", lambda: answer)
        with pytest.raises(trowamp.UnexpectedResult) as raised:
            await caller.with_options(result_type=Order).call("com.example.get")
    assert (raised.value.procedure, raised.value.problem) == ("com.example.get", problem)
    assert str(raised.value) == f"com.example.get: {problem}"


async def test_a_result_type_that_nothing_converts_to_is_refused() -> None:
    async with open_pair() as (_, caller, _):
        with pytest.raises(TypeError, match="result_type has a type that payloads cannot be converted to"):
            caller.with_options(result_type=Opaque)


async def test_the_deadline_of_a_call_and_its_types_go_together() -> None:
    async with open_pair() as (_, caller, callee):
        await callee.register("com.example.slow", trio.sleep_forever, check_types=True)
        with pytest.raises(trowamp.CallTimeout):
            await caller.with_options(timeout=1, result_type=int).call("com.example.slow")
