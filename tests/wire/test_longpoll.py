"""What long-polling carries: paths, the opening of a transport, and the link that lives between requests."""

from __future__ import annotations

import json

import pytest

from trowamp import ConnectError, MessageTooLarge, RemoteProtocolError
from trowamp.messages import Call, Event, Goodbye
from trowamp.wire import SERIALIZERS, get_serializer, long_poll
from trowamp.wire._longpoll import (
    Choice,
    Opened,
    Target,
    choose,
    content_type,
    is_foreign,
    is_id,
    open_request,
    opened,
    parse_opened,
    parse_path,
)

ALL = list(SERIALIZERS.values())
JSON, CBOR = get_serializer("json"), get_serializer("cbor")
CALL = Call(7, {}, "com.example.add2", [2, 3])
BYE = Goodbye({}, "wamp.close.close_realm")


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/open", Target("open", "")),
        ("/lp/open", Target("open", "")),
        ("/a/b/c/open", Target("open", "")),
        ("http://h:80/lp/open", Target("open", "")),
        ("/lp/x-_1/receive", Target("receive", "x-_1")),
        ("/x/send", Target("send", "x")),
        ("/a/b/x/close", Target("close", "x")),
        ("/receive", Target("receive", "")),
        ("/", None),
        ("", None),
        ("/lp", None),
        ("/lp/open/", None),
        ("/lp/x/other", None),
        ("*", None),
    ],
)
def test_the_end_of_a_path_says_what_is_asked_for(path: str, target: Target | None) -> None:
    assert parse_path(path) == target


# ---- opening


@pytest.mark.parametrize("serializer", ALL, ids=lambda serializer: serializer.name)
def test_both_sides_agree_on_what_the_client_prefers(serializer: object) -> None:
    offer = [serializer, *ALL]
    choice = choose(open_request(offer), ALL)  # type: ignore[arg-type]
    assert isinstance(choice, Choice)
    assert choice.serializer is serializer
    found = parse_opened(opened(choice, "some-id", 10.0), offer)  # type: ignore[arg-type]
    assert found == Opened(choice.serializer, "some-id", 10.0)


def test_protocols_have_two_names() -> None:
    assert choose(b'{"protocols": ["json"]}', ALL) == Choice(JSON, "json")
    assert choose(b'{"protocols": ["wamp.2.json"]}', ALL) == Choice(JSON, "wamp.2.json")
    assert parse_opened(b'{"protocol": "json", "transport": "x"}', [JSON]) == Opened(JSON, "x", None)


def test_the_first_protocol_that_is_known_counts() -> None:
    assert choose(b'{"protocols": ["wamp.2.cbor", 5, "wamp.2.json"], "more": 1}', [JSON]) == Choice(JSON, "wamp.2.json")
    assert choose(b'{"protocols": ["wamp.2.cbor"]}', [JSON]) == (
        "none of the protocols is known here; this router speaks wamp.2.json"
    )


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 50_000, b"[]", b"1", b"{}", b'{"protocols": {}}'])
def test_a_body_that_opens_nothing_is_refused_in_words(body: bytes) -> None:
    assert isinstance(choose(body, ALL), str)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\xff",
        b"[" * 50_000,
        b"[]",
        b"{}",
        b'{"protocol": "wamp.2.cbor", "transport": "x"}',
        b'{"protocol": [], "transport": "x"}',
        b'{"protocol": "wamp.2.json", "transport": 5}',
        b'{"protocol": "wamp.2.json", "transport": "a/b"}',
        b'{"protocol": "wamp.2.json", "transport": "a?b"}',
        b'{"protocol": "wamp.2.json", "transport": "\\u0000"}',
    ],
)
def test_an_answer_that_opens_nothing_is_refused(answer: bytes) -> None:
    with pytest.raises(ConnectError):
        parse_opened(answer, [JSON])


@pytest.mark.parametrize("seconds", ["0", "-1", "true", "null", '"10"', "1e300", "[]"])
def test_a_time_that_makes_no_sense_is_none(seconds: str) -> None:
    answer = f'{{"protocol": "json", "transport": "x", "poll_timeout": {seconds}}}'
    assert parse_opened(answer.encode(), [JSON]).poll_timeout is None


def test_ids_stand_in_paths_as_they_are() -> None:
    assert is_id("aZ09-_.~")
    assert [text for text in ("", "a/b", "a b", "é", "٣", "%41", "x" * 201) if is_id(text)] == []


@pytest.mark.parametrize(
    ("content", "is_refused"),
    [
        ("application/json", False),
        ("Application/JSON; charset=utf-8", False),
        ("", False),
        ("text/plain", False),
        ("application/octet-stream", False),
        ("application/cbor", True),
        ("application/x-msgpack", True),
    ],
)
def test_only_another_serializers_content_is_foreign(content: str, is_refused: bool) -> None:
    assert is_foreign(content, JSON) is is_refused
    assert content_type(get_serializer("json.batched")) == "application/json"


# ---- the link


@pytest.mark.checklist("LP-R1")
@pytest.mark.parametrize("name", ["json", "msgpack", "cbor"])
def test_a_body_is_one_message(name: str) -> None:
    client, router = long_poll(get_serializer(name)), long_poll(get_serializer(name))
    for number in range(1, 4):
        router.send(Call(number, {}, "com.example.f"))
    for number in range(1, 4):
        assert router.has_bodies
        client.receive_data(router.take_body())
        assert client.received() == [Call(number, {}, "com.example.f")]
    assert (router.has_bodies, router.take_body()) == (False, b"")
    assert router.queued_octets == router.sent_octets > 0


@pytest.mark.parametrize("name", ["json.batched", "msgpack.batched", "cbor.batched"])
def test_a_batch_is_everything_that_waits_up_to_a_size(name: str) -> None:
    client, router = long_poll(get_serializer(name)), long_poll(get_serializer(name))
    events = [Event(1, number, {}, ["x" * 10_000]) for number in range(1, 21)]
    for event in events:
        router.send(event)
    sizes = []
    while body := router.take_body():
        client.receive_data(body)
        sizes.append(len(client.received()))
    assert sizes == [6, 6, 6, 2]
    router.send(Event(1, 1, {}, ["x" * 100_000]))
    assert len(router.take_body()) > 100_000


@pytest.mark.parametrize("name", ["json.batched", "msgpack.batched", "cbor.batched"])
def test_the_limit_is_one_of_messages_not_of_batches(name: str) -> None:
    sender, receiver = long_poll(get_serializer(name)), long_poll(get_serializer(name), max_size=1000)
    for number in range(1, 200):
        sender.send(Call(number, {}, "com.example.f", ["x" * 900]))
    received = 0
    while body := sender.take_body():
        assert len(body) <= receiver.max_body
        receiver.receive_data(body)
        received += len(receiver.received())
    assert received == 199
    assert receiver.error is None
    sender.send(Call(200, {}, "com.example.f"))
    sender.send(Call(201, {}, "com.example.f", ["x" * 1000]))
    receiver.receive_data(sender.take_body())
    assert isinstance(receiver.error, MessageTooLarge)
    assert receiver.received() == []


@pytest.mark.parametrize("name", ["json.batched", "msgpack.batched", "cbor.batched"])
def test_what_is_wrong_in_a_long_batch_is_told(name: str) -> None:
    sender, receiver = long_poll(get_serializer(name)), long_poll(get_serializer(name), max_size=1000)
    for number in range(1, 4):
        sender.send(Call(number, {}, "com.example.f", ["x" * 900]))
    receiver.receive_data(sender.take_body() + b"[1")
    assert isinstance(receiver.error, RemoteProtocolError)
    assert len(receiver.received()) == 3


def test_a_body_of_one_message_has_the_limit_of_a_message() -> None:
    assert long_poll(JSON, max_size=1000).max_body == 1000
    assert long_poll(get_serializer("cbor.batched"), max_size=100_000).max_body == 100_004


def test_a_batch_is_answered_with_the_separator_that_it_has() -> None:
    client, router = long_poll(get_serializer("json.batched")), long_poll(get_serializer("json.batched"))
    router.receive_data(b'[5,"x",{}]\x18')
    router.send(BYE)
    body = router.take_body()
    assert body.endswith(b"\x18")
    client.receive_data(body)
    assert client.received() == [BYE]


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b"\xff"])
def test_what_is_no_message_breaks_the_protocol(body: bytes) -> None:
    link = long_poll(JSON)
    link.receive_data(body)
    assert isinstance(link.error, RemoteProtocolError)
    link.send(BYE)  # an ABORT, in earnest, can still be fetched
    assert json.loads(link.take_body())[0] == 6


def test_sizes_have_limits() -> None:
    link = long_poll(JSON, max_size=50)
    with pytest.raises(MessageTooLarge):
        link.send(Call(1, {}, "x" * 100))
    link.receive_data(b'"' + b"x" * 50 + b'"')
    assert isinstance(link.error, MessageTooLarge)


@pytest.mark.checklist("LP-R6")
def test_a_link_ends_when_both_sides_have_said_goodbye() -> None:
    link = long_poll(CBOR)
    link.receive_data(CBOR.encode(BYE))
    assert link.received() == [BYE]
    link.send(BYE)
    assert link.is_open  # it has still to be fetched
    assert link.take_body() == CBOR.encode(BYE)
    assert (link.is_open, link.is_closed, link.error) == (False, True, None)
    link.receive_data(b"nonsense")
    assert link.received() == []


def test_a_link_on_which_only_the_router_has_said_goodbye_waits_for_the_client() -> None:
    link = long_poll(CBOR)
    link.send(BYE)
    assert link.take_body()
    assert link.is_open
    link.receive_data(CBOR.encode(BYE))
    assert link.received() == [BYE]


def test_pings_are_not_known_here() -> None:
    link = long_poll(JSON)
    link.ping()
    assert not link.answers_pings
    assert link.take_body() == b""
    link.close()
    link.send_encoded(b"late")
    assert link.take_body() == b""
