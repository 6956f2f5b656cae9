"""`trowamp router`, the command in a process of its own, serves clients that we did not write, and tells them when it is ended."""

from __future__ import annotations

import pytest
import trio

import trowamp
from tests.faults.supervisor import open_router_process

from .test_clients import JAVASCRIPT, PYTHON, REALM, TOPIC, F, NewClient


@pytest.mark.parametrize("name", [*PYTHON, *JAVASCRIPT])
async def test_the_command_serves_them_and_ends_in_good_order(name: str, new_client: NewClient) -> None:
    client = new_client(name)
    with trio.fail_after(40):
        async with open_router_process() as router:
            await client.do("join", url=router.url("ws"), realm=REALM, serializer="json")
            with pytest.raises(trowamp.SessionClosed, match="system_shutdown"):
                async with trowamp.open_session(router.url("ws"), realm=REALM) as session:
                    await client.do("register", procedure=F, kind="echo")
                    assert await session.call(F, 1, "two") == trowamp.Result(1, "two")
                    await session.register("com.example.ours", lambda text: text.upper())
                    assert (await client.call("com.example.ours", "text"))["args"] == ["TEXT"]
                    await client.do("subscribe", topic=TOPIC)
                    await session.publish(TOPIC, 7)
                    (event,) = await client.do("events", count=1)
                    assert event["args"] == [7]
                    assert await router.terminate() == 0
                    await trio.sleep_forever()
            assert await client.do("gone") in {"wamp.close.system_shutdown", "disconnected", "closed"}
