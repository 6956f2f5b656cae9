"""trowamp/router/_trust.py: how far calls and publications are trusted, told to those who want to know."""

from __future__ import annotations

import pytest

from trowamp.messages import Event, Invocation

from .harness import Client, World, roles_with
from .test_meta_sessions import world_of_roles

WANTED = ("call_trustlevels", "publication_trustlevels")


@pytest.fixture
def world() -> World:
    """Return a router that trusts administrators, and users a little."""
    return world_of_roles(trust_levels={"admin": 5, "user": 0})


def join(world: World, role: str, *features: str) -> Client:
    return world.connect().join(authid="x", authrole=role, roles=roles_with(features))


@pytest.mark.checklist("TL-R1")
@pytest.mark.parametrize(("role", "level"), [("admin", 5), ("user", 0), ("guest", None)])
def test_receivers_who_announced_it_are_told(world: World, role: str, level: int | None) -> None:
    told, untold, sender = join(world, "guest", *WANTED), join(world, "guest"), join(world, role)
    for client, procedure in ((told, "a"), (untold, "b")):
        client.register(procedure)
        client.subscribe("topic")
        client.subscribe("top", match="prefix")
        sender.call(procedure)
    sender.publish("topic", 1)
    for client, expected in ((told, level), (untold, None)):
        invocation, exact, prefix = client.received()
        assert isinstance(invocation, Invocation)
        assert isinstance(exact, Event)
        assert isinstance(prefix, Event)
        assert [message.details.get("trustlevel") for message in (invocation, exact, prefix)] == [expected] * 3
        assert exact.args == [1]
        assert prefix.details["topic"] == "topic"


@pytest.mark.checklist("TL-R1", "BW-R1")
def test_lists_of_receivers_hold_as_ever(world: World) -> None:
    told, other, sender = join(world, "guest", *WANTED), join(world, "user", *WANTED), join(world, "admin")
    for client in (told, other, sender):
        client.subscribe("topic")
    sender.publish("topic", options={"exclude_authrole": ["user"]})
    assert told.expect(Event).details == {"trustlevel": 5}
    assert other.received() == sender.received() == []
