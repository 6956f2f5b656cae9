"""trowamp/_serve.py: what the program that runs a router may do to sessions and to what they hold."""

from __future__ import annotations

import pytest
import trio

import trowamp
from trowamp import NoSuchProcedure, NoSuchRegistration, NoSuchSession, NoSuchSubscription, SessionClosed, open_router

REALM = "realm1"
F = "com.example.f"
T = "com.example.t"


async def test_a_session_is_dismissed_with_words() -> None:
    async with open_router(listen=["ws://127.0.0.1:0"]) as router, router.open_session(realm=REALM) as other:
        with pytest.raises(SessionClosed) as caught:
            async with trowamp.open_session(router.urls[0], realm=REALM) as session:
                router.dismiss(REALM, session.id, reason="com.example.enough", message="go away")
                await trio.sleep_forever()
        assert (caught.value.reason, caught.value.message) == ("com.example.enough", "go away")
        assert await other.call("wamp.session.list") == [other.id]
        with pytest.raises(NoSuchSession):
            router.dismiss(REALM, session.id)


async def test_a_dismissed_session_was_killed_unless_another_reason_is_given() -> None:
    async with open_router() as router:
        with pytest.raises(SessionClosed, match="wamp.close.killed"):
            async with router.open_session(realm=REALM) as session:
                router.dismiss(REALM, session.id)
                await trio.sleep_forever()


async def test_a_revoked_registration_is_gone_for_callees_and_callers() -> None:
    async with open_router(listen=["rs://127.0.0.1:0"]) as router:
        async with (
            trowamp.open_session(router.urls[0], realm=REALM) as callee,
            trowamp.open_session(router.urls[0], realm=REALM) as caller,
        ):
            revoked = await callee.register(F, lambda: 1)
            assert await caller.call(F) == 1
            router.revoke_registration(REALM, revoked.id, reason="com.example.enough")
            with pytest.raises(NoSuchProcedure):
                await caller.call(F)
            await callee.call("wamp.session.count")  # what it was told before this answer it knows
            assert not revoked.is_active
            await callee.register(F, lambda: 2)
            assert await caller.call(F) == 2


async def test_iterating_ends_when_the_subscription_is_revoked() -> None:
    async with open_router(listen=["rs://127.0.0.1:0"]) as router:
        async with trowamp.open_session(router.urls[0], realm=REALM) as session:
            async with session.open_subscription(T) as events:
                view = session.with_options(exclude_me=False, acknowledge=True)
                await view.publish(T, 1)
                router.revoke_subscription(REALM, events.id)
                await view.publish(T, 2)
                with trio.fail_after(5):
                    assert [event.args async for event in events] == [(1,)]
            assert session.is_open


async def test_what_is_not_there_or_no_reason_is_refused() -> None:
    async with open_router() as router, router.open_session(realm=REALM) as session:
        registration = await session.register(F, lambda: 1)
        for revoke, error in (
            (router.dismiss, NoSuchSession),
            (router.revoke_registration, NoSuchRegistration),
            (router.revoke_subscription, NoSuchSubscription),
        ):
            with pytest.raises(error):
                revoke(REALM, 1)
            with pytest.raises(ValueError, match="no such realm: 'elsewhere'"):
                revoke("elsewhere", 1)
            with pytest.raises(ValueError, match="the reason is a URI, not 'has spaces'"):
                revoke(REALM, registration.id, reason="has spaces")
        assert session.is_open
        assert registration.is_active
