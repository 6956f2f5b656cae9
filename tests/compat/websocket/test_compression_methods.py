"""All methods of compression: how they are agreed on, what travels, and that what is inflated has a bound, whatever the peer sends."""

from __future__ import annotations

import bz2
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from trowamp_compat.websocket import compress

from trowamp import MessageTooLarge
from trowamp.wire.websocket import FrameViolation

from .pairs import World, told

METHODS = ["Deflate", "Bzip2", "Snappy", "Brotli"]
NO_LIMIT = 2**40
MESSAGES = [b"a message " * 50, b"a message " * 50, b"", b"x", bytes(range(256)) * 300]


class Method:
    """The classes of a method, and how its messages are made without ours."""

    def __init__(self, name: str) -> None:
        self.name = f"permessage-{name.lower()}"
        if self.name not in compress.PERMESSAGE_COMPRESSION_EXTENSION:
            pytest.skip(f"the package for {self.name} is not installed")
        self.offer, self.offer_accept, self.response, self.response_accept, self.agreed = (
            getattr(compress, f"PerMessage{name}{part}")
            for part in ("Offer", "OfferAccept", "Response", "ResponseAccept", "")
        )

    def server(self) -> Any:
        """Return the engine of a server that has accepted an offer."""
        return self.agreed.create_from_offer_accept(True, self.offer_accept(self.offer())).engine()


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> Method:
    return Method(request.param)


def compressed_without_ours(method: str, data: bytes) -> bytes:
    if method == "permessage-bzip2":
        return bz2.compress(data)
    if method == "permessage-brotli":
        import brotli  # type: ignore[import-untyped]

        return bytes(brotli.compress(data))
    if method == "permessage-snappy":
        import snappy  # type: ignore[import-untyped]

        return bytes(snappy.StreamCompressor().compress(data))
    import zlib

    compressor = zlib.compressobj(wbits=-15)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def test_the_table_of_methods_has_the_classes_of_each(method: Method) -> None:
    assert compress.PERMESSAGE_COMPRESSION_EXTENSION[method.name] == {
        "Offer": method.offer,
        "OfferAccept": method.offer_accept,
        "Response": method.response,
        "ResponseAccept": method.response_accept,
        "PMCE": method.agreed,
    }
    assert {method.offer.__name__, method.agreed.__name__} <= set(compress.__all__)


@pytest.mark.parametrize(
    ("name", "offer", "text"),
    [
        ("Bzip2", (), "permessage-bzip2; client_max_compress_level"),
        ("Bzip2", (False, 5), "permessage-bzip2; server_max_compress_level=5"),
        ("Snappy", (True, True), "permessage-snappy; client_no_context_takeover; server_no_context_takeover"),
        ("Brotli", (False, True), "permessage-brotli; server_no_context_takeover"),
    ],
)
def test_an_offer_of_each_method_stands_in_a_header(name: str, offer: tuple[Any, ...], text: str) -> None:
    assert Method(name).offer(*offer).get_extension_string() == text


@pytest.mark.parametrize(
    ("name", "offer", "accept", "text"),
    [
        ("Bzip2", (True, 5), (3, 2), "permessage-bzip2; server_max_compress_level=5; client_max_compress_level=3"),
        ("Bzip2", (), (), "permessage-bzip2"),
        (
            "Snappy",
            (True, True),
            (True,),
            "permessage-snappy; server_no_context_takeover; client_no_context_takeover",
        ),
        ("Brotli", (True, False), (True, True), "permessage-brotli; client_no_context_takeover"),
    ],
)
def test_an_accept_of_each_method_stands_in_a_header(
    name: str, offer: tuple[Any, ...], accept: tuple[Any, ...], text: str
) -> None:
    method = Method(name)
    assert method.offer_accept(method.offer(*offer), *accept).get_extension_string() == text


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("Bzip2", {"client_no_context_takeover": [True]}),
        ("Bzip2", {"server_max_compress_level": [True]}),
        ("Bzip2", {"server_max_compress_level": ["0"]}),
        ("Bzip2", {"server_max_compress_level": ["10"]}),
        ("Bzip2", {"server_max_compress_level": ["5", "5"]}),
        ("Snappy", {"client_max_window_bits": [True]}),
        ("Brotli", {"server_no_context_takeover": ["1"]}),
    ],
)
def test_parameters_of_other_methods_are_refused(name: str, params: dict[str, list[Any]]) -> None:
    method = Method(name)
    for parse in (method.offer.parse, method.response.parse):
        with pytest.raises(Exception, match=method.name):
            parse(params)


@pytest.mark.parametrize(
    "make",
    [
        lambda bzip2: bzip2.offer(True, 10),
        lambda bzip2: bzip2.offer(1),
        lambda bzip2: bzip2.offer_accept(bzip2.offer(True, 5), 0, 6),
        lambda bzip2: bzip2.offer_accept(bzip2.offer(False), 5),
        lambda bzip2: bzip2.offer_accept(compress.PerMessageDeflateOffer()),
        lambda bzip2: bzip2.response_accept(bzip2.response(3, 0), 4),
    ],
)
def test_more_than_was_agreed_cannot_be_accepted(make: Callable[[Method], Any]) -> None:
    with pytest.raises(Exception, match="invalid"):
        make(Method("Bzip2"))


def test_a_response_answers_offers_of_its_own_method_only() -> None:
    bzip2 = Method("Bzip2")
    assert bzip2.response.parse({}).answers(bzip2.offer())
    assert not bzip2.response.parse({}).answers(compress.PerMessageDeflateOffer())
    assert not bzip2.response.parse({"client_max_compress_level": ["2"]}).answers(bzip2.offer(False))
    assert not bzip2.response.parse({}).answers(bzip2.offer(True, 4))


def test_what_is_agreed_on_can_be_shown(method: Method) -> None:
    accept = method.offer_accept(method.offer())
    agreed = method.agreed.create_from_offer_accept(True, accept)
    assert accept.__json__()["offer"]["extension"] == agreed.__json__()["extension"] == method.name
    assert "is_server=True" in str(agreed)


@pytest.mark.parametrize("forgets", [False, True])
def test_messages_of_each_method_go_both_ways(world: World, method: Method, forgets: bool) -> None:
    offer = method.offer()
    if forgets and method.name != "permessage-bzip2":
        offer = method.offer(request_no_context_takeover=True)
    server, client = world.connect(
        {"onMessage": lambda self, payload, is_binary: self.sendMessage(payload, is_binary)},
        server_options={"perMessageCompressionAccept": lambda offers: method.offer_accept(offers[0])},
        client_options={"perMessageCompressionOffers": [offer]},
    )
    for message in MESSAGES:
        client.sendMessage(message, True)
        client.sendMessage(message, True, fragmentSize=7 if len(message) < 1000 else 1000)
        client.sendMessage(message, True, doNotCompress=True)
    client.beginMessage(True)
    for part in (b"in ", b"three ", b"frames"):
        client.sendMessageFrame(part)
    client.endMessage()
    world.run()
    echoed = [message for each in MESSAGES for message in [each] * 3] + [b"in three frames"]
    assert [payload for payload, _ in told(client, "onMessage")] == echoed
    assert [type(each) for each in server.websocket_extensions_in_use] == [method.agreed]
    assert client.trafficStats.incomingOctetsWireLevel < sum(map(len, echoed))


def test_a_server_chooses_among_methods(world: World) -> None:
    offers = [compress.PerMessageDeflateOffer(), compress.PerMessageBzip2Offer(True, 3)]
    _, client = world.connect(
        server_options={"perMessageCompressionAccept": lambda given: compress.PerMessageBzip2OfferAccept(given[1])},
        client_options={"perMessageCompressionOffers": offers},
    )
    (agreed,) = client.websocket_extensions_in_use
    assert isinstance(agreed, compress.PerMessageBzip2)
    assert (agreed.server_max_compress_level, agreed.client_max_compress_level) == (3, 9)


def test_a_small_message_that_inflates_without_end_is_refused(world: World, method: Method) -> None:
    server, client = world.connect(
        server_options={
            "perMessageCompressionAccept": lambda offers: method.offer_accept(offers[0]),
            "failByDrop": False,
            "maxMessagePayloadSize": 1000_000,
        },
        client_options={"perMessageCompressionOffers": [method.offer()]},
    )
    client.sendMessage(bytes(10_000_000), True)
    assert len(client.transport.sent) < 1000_000
    world.run()
    assert server.localCloseCode == 1009
    assert told(server, "onMessage") == []


@pytest.mark.parametrize("size", [999, 1000, 1001, 100_000])
def test_the_bound_is_exact(method: Method, size: int) -> None:
    octets = compressed_without_ours(method.name, bytes(size))
    engine = method.server()
    if size <= 1000:
        assert engine.inflate(octets, is_last=True, used=0, max_size=1000) == bytes(size)
    else:
        with pytest.raises(MessageTooLarge) as caught:
            engine.inflate(octets, is_last=True, used=0, max_size=1000)
        assert caught.value.limit == 1000


def test_fragments_count_together(method: Method) -> None:
    octets = compressed_without_ours(method.name, bytes(range(256)) * 40)
    engine, inflated = method.server(), b""
    with pytest.raises(MessageTooLarge):
        for start in range(0, len(octets), 10):
            inflated += engine.inflate(octets[start : start + 10], is_last=False, used=len(inflated), max_size=5000)
    assert len(inflated) <= 5000


def test_what_others_have_compressed_is_inflated_in_fragments_of_any_size(method: Method) -> None:
    message = bytes(range(256)) * 300
    octets = compressed_without_ours(method.name, message)
    for size in (1, 3, 1000, len(octets)):
        engine, inflated = method.server(), b""
        for start in range(0, len(octets), size):
            part = octets[start : start + size]
            is_last = start + size >= len(octets)
            inflated += engine.inflate(part, is_last=is_last, used=len(inflated), max_size=NO_LIMIT)
        assert inflated == message


GARBAGE = [b"\xff\xff\xff\xff garbage", b"\x00\x05\x00\x00abcde"]


@pytest.mark.parametrize("octets", GARBAGE)
def test_garbage_breaks_the_rules(method: Method, octets: bytes) -> None:
    with pytest.raises(FrameViolation):
        method.server().inflate(octets, is_last=True, used=0, max_size=NO_LIMIT)


@pytest.mark.parametrize("name", ["Bzip2", "Snappy", "Brotli"])
def test_a_message_must_be_whole(name: str) -> None:
    method = Method(name)
    octets = compressed_without_ours(method.name, b"a message " * 50)
    with pytest.raises(FrameViolation):
        method.server().inflate(octets[:-1], is_last=True, used=0, max_size=NO_LIMIT)


@pytest.mark.parametrize("name", ["Bzip2", "Brotli"])
def test_nothing_may_follow_the_stream_of_a_message(name: str) -> None:
    method = Method(name)
    octets = compressed_without_ours(method.name, b"a message " * 50)
    with pytest.raises(FrameViolation):
        method.server().inflate(octets + octets, is_last=True, used=0, max_size=NO_LIMIT)
    engine = method.server()
    engine.inflate(octets, is_last=False, used=0, max_size=NO_LIMIT)
    with pytest.raises(FrameViolation):
        engine.inflate(octets, is_last=True, used=500, max_size=NO_LIMIT)


@pytest.mark.parametrize(
    "chunk",
    [
        b"\x00\xff\xff\xff",  # longer than any
        b"\x00\x0a\x00\x00" + b"crc!" + b"\xff\xff\xff\xff\x0f" + b"x",  # says that it becomes 4 GiB
    ],
    ids=["long", "large"],
)
def test_a_chunk_of_snappy_is_looked_at_before_it_is_inflated(chunk: bytes) -> None:
    engine = Method("Snappy").server()
    begin = compressed_without_ours("permessage-snappy", b"x")
    assert engine.inflate(begin, is_last=False, used=0, max_size=NO_LIMIT) == b"x"
    with pytest.raises(FrameViolation, match="too"):
        engine.inflate(chunk, is_last=False, used=1, max_size=NO_LIMIT)


def test_methods_whose_packages_are_not_installed_are_not_there() -> None:
    program = (
        "import sys; sys.modules.update(snappy=None, brotli=None)\n"
        "from trowamp_compat.websocket import compress\n"
        "print(*compress.PERMESSAGE_COMPRESSION_EXTENSION)\n"
        "print([name for name in (*compress.__all__, *vars(compress)) if 'Snappy' in name or 'Brotli' in name])\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == ["permessage-deflate permessage-bzip2", "[]"]
