"""R17 on asyncio and Twisted: no secret is written anywhere: not into logs, texts, exceptions, their tracebacks, or messages."""

from __future__ import annotations

import logging
import secrets
from typing import Any

import pytest
from trowamp_compat.wamp.exception import Error
from twisted.logger import formatEvent, globalLogPublisher

from tests.compat.kit import Kit
from tests.faults.goals import check
from tests.reliability.test_secrets import Cage
from trowamp import RouterAuth, WampError, open_router

from .memory import Framework, on_frameworks
from .threads import beside


def authentications(cage: Cage) -> list[dict[str, Any]]:
    """Return what components are given: the right secrets, and wrong ones."""
    wrong_key = secrets.token_hex(32)
    return [
        {"ticket": {"authid": "joe", "ticket": cage.ticket}},
        {"wampcra": {"authid": "joe", "secret": cage.secret}},
        {"cryptosign": {"authid": "joe", "privkey": cage.key}},
        {"ticket": {"authid": "joe", "ticket": cage.wrong}},
        {"wampcra": {"authid": "joe", "secret": cage.wrong}},
        {"cryptosign": {"authid": "joe", "privkey": wrong_key}},
    ]


async def join_and_look(kit: Kit, cage: Cage, url: str) -> None:
    """Join in every way, and look at all that can be seen."""
    for authentication in authentications(cage):
        component = kit.component.Component(
            transports={"url": url, "max_retries": 0}, realm="realm1", authentication=authentication
        )
        cage.look(component)
        for authenticator in component._make_authenticators():
            cage.look(authenticator)

        async def ready(session: Any) -> None:
            cage.look(session)
            cage.look(session.session_details)
            cage.look(session.config)
            cage.look(await session.call("wamp.session.get", session.session_details.session))
            session.leave()

        component.on("ready", ready)
        component.on("leave", lambda session, details: cage.look(details))
        try:
            await component.start(kit.loop)
        except (Error, WampError) as error:
            cage.look(error)


@on_frameworks
async def test_no_secret_is_ever_written(framework: Framework, caplog: pytest.LogCaptureFixture) -> None:
    cage = Cage()
    texts: list[str] = []

    def note(event: Any) -> None:
        texts.append(f"{formatEvent(event)} {event!r}")

    publisher: Any = globalLogPublisher
    publisher.addObserver(note)
    try:
        with caplog.at_level(logging.DEBUG):
            auth = RouterAuth(principals=cage.people)
            async with open_router(["realm1"], ["ws://127.0.0.1:0/"], auth=auth) as router:
                async with beside(framework, join_and_look, cage, router.urls[0]):
                    pass
    finally:
        publisher.removeObserver(note)
    cage.seen += texts + [record.getMessage() for record in caplog.records] + [caplog.text]
    assert sum("'authrole': 'user'" in text for text in cage.seen) >= 3
    assert len(cage.seen) > 40
    check("R17", f"secrets in logs, texts and exceptions, {framework}", len(cage.escaped()), "==", 0)
