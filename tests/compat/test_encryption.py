"""Payloads that the router cannot read: a key ring as the payload codec of sessions."""

from __future__ import annotations

from typing import Any

import pytest
from trowamp_compat.wamp.cryptobox import Key, KeyRing
from trowamp_compat.wamp.exception import ApplicationError
from trowamp_compat.wamp.types import CallResult, ComponentConfig, PublishOptions, RegisterOptions, SubscribeOptions

from tests.compat.kit import Kit, Run, join, on_both, transport, until

TO_ALL = PublishOptions(acknowledge=True, exclude_me=False)


def rings() -> tuple[KeyRing, KeyRing]:
    """Return a key ring for who calls and publishes, and one for who is called and subscribes."""
    (caller, caller_public), (callee, callee_public) = KeyRing().generate_key(), KeyRing().generate_key()
    at_caller, at_callee = KeyRing(), KeyRing()
    at_caller.set_key("com.secret.", Key(originator_priv=caller, responder_pub=callee_public))
    at_callee.set_key("com.secret.", Key(originator_pub=caller_public, responder_priv=callee))
    return at_caller, at_callee


@on_both
@pytest.mark.autobahn("C-33")
def test_a_key_ring_in_the_configuration_is_the_codec(run: Run, router_url: str) -> None:
    assert run(configured, transport(router_url)) == (True, False)


async def configured(kit: Kit, config: dict[str, Any]) -> tuple[bool, bool]:
    ring, _ = rings()
    with_ring = kit.wamp.ApplicationSession(ComponentConfig("realm1", keyring=ring))
    with_other = kit.wamp.ApplicationSession(ComponentConfig("realm1", keyring={"no": "codec"}))
    with_other.set_payload_codec(ring)
    assert with_other.get_payload_codec() is ring
    with_other.set_payload_codec(None)
    return with_ring.get_payload_codec() is ring, with_other.get_payload_codec() is not None


@on_both
def test_calls_and_results_are_encrypted_for_each_other(run: Run, router_url: str) -> None:
    run(calls, transport(router_url))


async def calls(kit: Kit, config: dict[str, Any]) -> None:
    caller, callee, stranger = [await join(kit, config) for _ in range(3)]
    at_caller, at_callee = rings()
    caller.set_payload_codec(at_caller)
    callee.set_payload_codec(at_callee)
    seen: list[Any] = []

    def add(x: int, y: int, details: Any = None) -> int:
        seen.append(details.enc_algo)
        return x + y

    async def several(*args: Any, **kwargs: Any) -> CallResult:
        return CallResult(*args, **kwargs)

    await callee.register(add, "com.secret.add", RegisterOptions(details=True))
    await callee.register(several, "com.secret.several")
    await callee.register(add, "com.open.add", RegisterOptions(details=True))
    assert await caller.call("com.secret.add", 2, y=3) == 5
    assert await caller.call("com.open.add", 2, 3) == 5
    assert seen == ["cryptobox", None]
    result = await caller.call("com.secret.several", 1, "two", three=[3])
    assert (result.results, result.kwresults, result.enc_algo) == ((1, "two"), {"three": [3]}, "cryptobox")
    await stranger.register(several, "com.secret.stranger")
    with pytest.raises(ApplicationError) as caught:
        await caller.call("com.secret.stranger", 1)
    assert caught.value.error == ApplicationError.ENC_NO_PAYLOAD_CODEC
    for session in (caller, callee, stranger):
        await session.leave()


@on_both
def test_events_are_encrypted_and_who_cannot_read_them_gets_none(run: Run, router_url: str) -> None:
    run(events, transport(router_url))


async def events(kit: Kit, config: dict[str, Any]) -> None:
    publisher, subscriber, stranger = [await join(kit, config) for _ in range(3)]
    at_caller, at_callee = rings()
    publisher.set_payload_codec(at_caller)
    subscriber.set_payload_codec(at_callee)
    received: list[Any] = []
    overheard: list[Any] = []

    def on_event(*args: Any, details: Any = None, **kwargs: Any) -> None:
        received.append((args, kwargs, details.enc_algo))

    await subscriber.subscribe(on_event, "com.secret.topic", SubscribeOptions(details=True))
    await stranger.subscribe(lambda *args: overheard.append(args), "com.secret.topic")
    await stranger.subscribe(lambda *args: overheard.append(args), "com.open.topic")
    await publisher.publish("com.secret.topic", 1, "two", options=TO_ALL, three=3)
    await publisher.publish("com.open.topic", "for all", options=TO_ALL)
    await until(kit, lambda: received and overheard)
    assert received == [((1, "two"), {"three": 3}, "cryptobox")]
    assert overheard == [("for all",)]
    for session in (publisher, subscriber, stranger):
        await session.leave()
