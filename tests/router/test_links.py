"""The router over links that do more than serialize: what is encoded may be sent later, to many, or never."""

from __future__ import annotations

import pytest

from tests.wire.pairs import PAIRS, exchange, open_pair
from trowamp.messages import Error, Event, Hello, Message, Publish, Published, Subscribe, Subscribed, Welcome
from trowamp.router import Peer
from trowamp.wire import Link

from .harness import World, roles_with

TEXT = "the same words again and again, which a compressor remembers, " * 5


class Connection:
    """A client's link and the router's, joined."""

    def __init__(self, world: World, framing: str, serializer: str) -> None:
        self.world = world
        self.client: Link
        self.router: Link
        self.client, self.router = open_pair(framing, serializer)
        self.peer: Peer = world.router.attach(self.router, transport={}, now=world.now)
        assert [type(message) for message in self.say(Hello("realm1", {"roles": roles_with(())}))] == [Welcome]

    def say(self, *messages: Message) -> list[Message]:
        for message in messages:
            self.client.send(message)
        return self.heard()

    def heard(self) -> list[Message]:
        exchange(self.client, self.router)
        for message in self.router.received():
            self.world.router.receive(self.peer, message, self.world.now)
        exchange(self.client, self.router)
        assert self.client.error is self.router.error is None
        return self.client.received()


@pytest.mark.parametrize("framing", PAIRS)
def test_what_was_encoded_and_not_sent_does_not_disturb_what_follows(world: World, framing: str) -> None:
    rich, poor = Connection(world, framing, "msgpack"), Connection(world, framing, "json")
    for connection in (rich, poor):
        assert [type(message) for message in connection.say(Subscribe(1, {}, "t"))] == [Subscribed]
    options = {"acknowledge": True, "exclude_me": False}
    for number in range(3):  # refused after it was encoded for the publisher itself, whose serializer can carry it
        messages = rich.say(Publish(2 + number, options, "t", [TEXT, "\0"]))
        assert [type(message) for message in messages] == [Error]
        assert poor.heard() == []
    published, event = rich.say(Publish(5, options, "t", [TEXT]))
    assert isinstance(published, Published)
    assert isinstance(event, Event)
    assert event.args == [TEXT]
    (other,) = poor.heard()
    assert isinstance(other, Event)
    assert other.args == [TEXT]
