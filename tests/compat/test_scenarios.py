"""One story, told on every event loop, over every transport and serializer: what a session can do, against `trowamp router`."""

from __future__ import annotations

from typing import Any

import pytest
from trowamp_compat.wamp.exception import ApplicationError
from trowamp_compat.wamp.types import CallOptions, CallResult, PublishOptions, RegisterOptions

from tests.compat.kit import Kit, Run, join, on_all, transport, until

TRANSPORTS = pytest.mark.parametrize("kind", ["rawsocket", "websocket"])
SERIALIZERS = pytest.mark.parametrize("serializer", ["json", "msgpack", "cbor"])


@on_all
@TRANSPORTS
@SERIALIZERS
@pytest.mark.autobahn("S-45", "S-46", "S-47", "S-48", "S-53", "S-55", "S-57", "S-61", "S-77")
def test_a_session_calls_registers_subscribes_and_publishes(
    run: Run, router_url: str, kind: str, serializer: str
) -> None:
    assert run(everything, transport(router_url, kind, serializer), f"com.example.{serializer}") == "left"


async def everything(kit: Kit, config: dict[str, Any], prefix: str) -> str:
    session = await join(kit, config)
    events: list[Any] = []
    progress: list[Any] = []

    async def add(x: int, y: int = 0) -> int:
        return x + y

    def several(n: int, details: Any = None) -> CallResult:
        for i in range(n):
            details.progress(i)
        return CallResult(1, b"\x00\xff", c="ä")

    def fail() -> None:
        raise ApplicationError("com.example.error.broken", 1, why="so")

    registration = await session.register(add, f"{prefix}.add")
    await session.register(several, f"{prefix}.several", RegisterOptions(details_arg="details"))
    await session.register(fail, f"{prefix}.fail")
    await session.register(lambda: None, f"{prefix}.nothing")
    assert await session.call(f"{prefix}.add", 2, 3) == 5
    assert await session.call(f"{prefix}.add", 2, y=5) == 7
    assert await session.call(f"{prefix}.nothing") is None
    result = await session.call(f"{prefix}.several", 2, options=CallOptions(on_progress=progress.append))
    assert (result.results, result.kwresults, progress) == ((1, b"\x00\xff"), {"c": "ä"}, [0, 1])
    with pytest.raises(ApplicationError) as caught:
        await session.call(f"{prefix}.fail")
    assert (caught.value.error, caught.value.args, caught.value.kwargs) == (
        "com.example.error.broken",
        (1,),
        {"why": "so"},
    )

    subscription = await session.subscribe(lambda *args, **kwargs: events.append((args, kwargs)), f"{prefix}.topic")
    to_all = PublishOptions(acknowledge=True, exclude_me=False)
    publication = await session.publish(f"{prefix}.topic", 1, [None, {"a": True}], b=2.5, options=to_all)
    await until(kit, lambda: events)
    assert (publication.id > 0, events) == (True, [((1, [None, {"a": True}]), {"b": 2.5})])
    assert session.publish(f"{prefix}.topic", 2) is None
    assert await subscription.unsubscribe() == 0
    await registration.unregister()
    with pytest.raises(ApplicationError, match="no_such_procedure"):
        await session.call(f"{prefix}.add", 2, 3)

    ended = kit.face.create_future()
    session.on("disconnect", lambda session, was_clean: kit.face.resolve(ended, was_clean))
    await session.leave()
    assert await ended is True
    return "left"
