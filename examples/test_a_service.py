"""How a program that speaks WAMP is tested: fixtures of trowamp's pytest plugin, no socket, no waiting.

pytest examples/test_a_service.py                                        # against a router in memory
pytest examples/test_a_service.py --wamp-router=ws://127.0.0.1:8080/ws   # the same test against a live one
"""

import pytest

import trowamp


async def add2(x: int, y: int) -> int:
    return x + y


@pytest.mark.trio
async def test_the_service_adds(trowamp_session: trowamp.Session) -> None:
    await trowamp_session.register("com.example.add2", add2)
    assert await trowamp_session.call("com.example.add2", 2, 3) == 5


@pytest.mark.trio
async def test_text_cannot_be_added_to_numbers(trowamp_session: trowamp.Session) -> None:
    await trowamp_session.register("com.example.add2", add2)
    with pytest.raises(trowamp.ApplicationError, match="runtime_error"):
        await trowamp_session.call("com.example.add2", 2, "three")
