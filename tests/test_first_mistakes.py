"""What nearly everybody gets wrong once: the error has to say what to do instead."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from tests.transports import client_tls, server_tls
from trowamp import Component, ConnectError, JoinError, Session, open_router, open_session

REALM = "realm1"
URL = "ws://127.0.0.1:8080/ws"
OPENERS: dict[str, Callable[[], Any]] = {
    "open_session": lambda: open_session(URL, realm=REALM),
    "open_router": lambda: open_router([REALM]),
}


async def awaited(opening: Any) -> None:
    await opening


async def used(opening: Any) -> None:
    await opening.call("com.example.f")


async def entered_without_async(opening: Any) -> None:
    with opening:
        pytest.fail("it cannot be entered like that")


@pytest.mark.parametrize("mistake", [awaited, used, entered_without_async])
@pytest.mark.parametrize("name", OPENERS)
async def test_what_is_opened_for_a_block_says_so_when_it_is_used_otherwise(
    name: str, mistake: Callable[[Any], Awaitable[None]]
) -> None:
    words = re.escape(f"{name}() is for the length of a block: async with {name}(…) as …:")
    with pytest.raises((TypeError, AttributeError), match=words):
        await mistake(OPENERS[name]())


async def test_sessions_of_a_router_and_subscriptions_say_so_too() -> None:
    async with open_router([REALM]) as router:
        with pytest.raises(TypeError, match=r"^open_session\(\) is for the length of a block"):
            await router.open_session(realm=REALM)  # type: ignore[misc]  # the mistake
        async with router.open_session(realm=REALM) as session:
            with pytest.raises(TypeError, match=r"^open_subscription\(\) is for the length of a block"):
                await session.open_subscription("com.example.t")  # type: ignore[misc]  # the mistake


@pytest.mark.parametrize("name", OPENERS)
def test_the_loop_of_asyncio_is_told_from_trio_s(name: str) -> None:
    async def main() -> None:
        async with OPENERS[name]():
            pytest.fail("there is no Trio")

    with pytest.raises(RuntimeError, match=rf"^{name}\(\) runs on Trio: start the program with trio\.run\(main\)$"):
        asyncio.run(main())


def handler() -> int:
    return 1


async def with_session(do: Callable[[Session], Any]) -> None:
    async with open_router([REALM]) as router, router.open_session(realm=REALM) as session:
        await do(session)


@pytest.mark.parametrize(
    ("do", "words"),
    [
        (lambda session: session.register(handler, "com.example.f"), "a URI is a str, not function; it comes first"),
        (lambda session: session.subscribe(handler, "com.example.t"), "a URI is a str, not function; it comes first"),
        (lambda session: session.register("com.example.f", handler()), "a handler must be callable, not int"),
    ],
    ids=["register swapped", "subscribe swapped", "result of a call"],
)
async def test_handlers_in_the_wrong_place_are_told_of(do: Callable[[Session], Any], words: str) -> None:
    with pytest.raises(TypeError, match=f"^{words}"):
        await with_session(do)


def opening(url: str, **options: Any) -> AbstractAsyncContextManager[Session]:
    return open_session(url, **{"realm": REALM, **options})


async def failure_at(listening: str, scheme: str, **options: Any) -> str:
    """Return why a session cannot be opened with another scheme than the router's."""
    tls = server_tls() if listening.startswith(("wss", "rss")) else None
    async with open_router([REALM], [listening], tls=tls) as router:
        url = scheme + router.urls[0].partition(":")[2]
        with pytest.raises(ConnectError) as caught:
            async with opening(url, **options):
                pytest.fail("one speaks TLS and the other does not")
    return str(caught.value)


@pytest.mark.parametrize(
    ("listening", "scheme", "hint"),
    [
        ("ws://127.0.0.1:0/ws", "wss:", "; if it has no TLS, its URL begins with ws://"),
        ("rs://127.0.0.1:0", "rss:", "; if it has no TLS, its URL begins with rs://"),
        ("wss://127.0.0.1:0/ws", "ws:", "; if it wants TLS, its URL begins with wss://"),
        ("rss://127.0.0.1:0", "rs:", "; if it wants TLS, its URL begins with rss://"),
    ],
)
async def test_who_speaks_tls_alone_is_told_the_other_scheme(listening: str, scheme: str, hint: str) -> None:
    assert (await failure_at(listening, scheme, tls=client_tls())).endswith(hint)


async def test_a_realm_that_cannot_be_is_named() -> None:
    async with open_router([REALM], ["ws://127.0.0.1:0/ws"]) as router:
        with pytest.raises(JoinError, match="not a legal name of a realm: 'my realm'"):
            async with opening(router.urls[0], realm="my realm"):
                pytest.fail("there is no such realm")


async def test_one_serializer_is_a_list_of_one() -> None:
    with pytest.raises(TypeError, match=re.escape("serializers is a list: serializers=['json']")):
        async with opening(URL, serializers="json"):
            pytest.fail("it is no list")


async def test_a_component_does_not_try_again_what_is_never_right() -> None:
    with pytest.raises(TypeError, match="serializers is a list"):
        await Component(URL, realm=REALM, serializers="json", max_retries=3, initial_retry_delay=60).run()
