"""Offers, accepts and responses of permessage-deflate, and what both sides make of them."""

from __future__ import annotations

from typing import Any

import pytest
from trowamp_compat.websocket.compress import (
    PERMESSAGE_COMPRESSION_EXTENSION,
    PerMessageDeflate,
    PerMessageDeflateOffer,
    PerMessageDeflateOfferAccept,
    PerMessageDeflateResponse,
    PerMessageDeflateResponseAccept,
)

from .pairs import World, told

Parameters = dict[str, list[Any]]


@pytest.mark.parametrize(
    ("offer", "text"),
    [
        ((), "permessage-deflate; client_no_context_takeover; client_max_window_bits"),
        ((False, False), "permessage-deflate"),
        ((False, False, True, 9), "permessage-deflate; server_no_context_takeover; server_max_window_bits=9"),
    ],
)
def test_an_offer_stands_in_a_header(offer: tuple[Any, ...], text: str) -> None:
    assert PerMessageDeflateOffer(*offer).get_extension_string() == text


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, (True, False, False, 0)),
        ({"client_max_window_bits": [True]}, (True, True, False, 0)),
        ({"client_max_window_bits": ["8"]}, (True, True, False, 0)),
        ({"server_max_window_bits": ["10"], "server_no_context_takeover": [True]}, (True, False, True, 10)),
        ({"client_no_context_takeover": [True]}, (True, False, False, 0)),
    ],
)
def test_an_offer_is_read(params: Parameters, expected: tuple[Any, ...]) -> None:
    offer = PerMessageDeflateOffer.parse(params)
    assert tuple(getattr(offer, name) for name in offer.SHOWN) == expected


@pytest.mark.parametrize("parse", [PerMessageDeflateOffer.parse, PerMessageDeflateResponse.parse])
@pytest.mark.parametrize(
    "params",
    [
        {"nonsense": [True]},
        {"server_max_window_bits": [True]},
        {"server_max_window_bits": ["7"]},
        {"server_max_window_bits": ["16"]},
        {"server_max_window_bits": ["09"]},
        {"client_no_context_takeover": ["1"]},
        {"server_no_context_takeover": [True, True]},
    ],
)
def test_illegal_parameters_are_refused(parse: Any, params: Parameters) -> None:
    with pytest.raises(Exception, match="permessage-deflate"):
        parse(params)


@pytest.mark.parametrize(
    ("parse", "params"),
    [
        (PerMessageDeflateOffer.parse, {"server_max_window_bits": ["8"]}),
        (PerMessageDeflateResponse.parse, {"client_max_window_bits": ["8"]}),
    ],
)
def test_nobody_is_asked_for_a_window_that_zlib_does_not_have(parse: Any, params: Parameters) -> None:
    with pytest.raises(Exception, match="2\\^8"):
        parse(params)


OFFER = PerMessageDeflateOffer()
ASKING = PerMessageDeflateOffer(True, True, True, 10)
RESPONSE = PerMessageDeflateResponse(10, True, 0, False)


ASKED_BACK = (
    "permessage-deflate; server_no_context_takeover; server_max_window_bits=10; "
    "client_no_context_takeover; client_max_window_bits=9"
)


@pytest.mark.parametrize(
    ("accept", "text"),
    [
        (PerMessageDeflateOfferAccept(OFFER), "permessage-deflate"),
        (
            PerMessageDeflateOfferAccept(ASKING, True, 9, True, 9, 5, 1000),
            ASKED_BACK,
        ),
    ],
)
def test_an_accept_stands_in_a_header(accept: PerMessageDeflateOfferAccept, text: str) -> None:
    assert accept.get_extension_string() == text


@pytest.mark.parametrize(
    "make",
    [
        lambda: PerMessageDeflateOffer(1),  # type: ignore[arg-type]
        lambda: PerMessageDeflateOffer(True, True, True, 8),
        lambda: PerMessageDeflateOfferAccept(RESPONSE),  # type: ignore[arg-type]
        lambda: PerMessageDeflateOfferAccept(OFFER, 1),  # type: ignore[arg-type]
        lambda: PerMessageDeflateOfferAccept(OFFER, False, 20),
        lambda: PerMessageDeflateOfferAccept(PerMessageDeflateOffer(False, False), True),
        lambda: PerMessageDeflateOfferAccept(PerMessageDeflateOffer(False, False), False, 9),
        lambda: PerMessageDeflateOfferAccept(ASKING, no_context_takeover=False),
        lambda: PerMessageDeflateOfferAccept(ASKING, window_bits=11),
        lambda: PerMessageDeflateOfferAccept(OFFER, window_bits=7),
        lambda: PerMessageDeflateOfferAccept(OFFER, mem_level=10),
        lambda: PerMessageDeflateResponseAccept(OFFER),  # type: ignore[arg-type]
        lambda: PerMessageDeflateResponseAccept(RESPONSE, no_context_takeover=False),
        lambda: PerMessageDeflateResponseAccept(RESPONSE, window_bits=11),
    ],
)
def test_nothing_else_can_be_accepted(make: Any) -> None:
    with pytest.raises(Exception, match="invalid"):
        make()


@pytest.mark.parametrize(
    ("params", "offer", "is_legal"),
    [
        ({}, OFFER, True),
        ({"client_max_window_bits": ["9"]}, OFFER, True),
        ({"client_max_window_bits": ["9"]}, PerMessageDeflateOffer(True, False), False),
        ({}, ASKING, False),
        ({"server_no_context_takeover": [True]}, ASKING, False),
        ({"server_no_context_takeover": [True], "server_max_window_bits": ["11"]}, ASKING, False),
        ({"server_no_context_takeover": [True], "server_max_window_bits": ["9"]}, ASKING, True),
        ({"client_no_context_takeover": [True], "server_max_window_bits": ["8"]}, OFFER, True),
    ],
)
def test_a_response_must_answer_the_offer(params: Parameters, offer: PerMessageDeflateOffer, is_legal: bool) -> None:
    assert PerMessageDeflateResponse.parse(params).answers(offer) is is_legal


def test_they_can_be_shown() -> None:
    accept = PerMessageDeflateOfferAccept(OFFER, mem_level=4)
    assert "mem_level=4" in str(accept)
    assert accept.__json__()["offer"]["extension"] == "permessage-deflate"
    assert set(PERMESSAGE_COMPRESSION_EXTENSION["permessage-deflate"]) == {
        "Offer",
        "OfferAccept",
        "Response",
        "ResponseAccept",
        "PMCE",
    }


def test_both_sides_come_to_the_same() -> None:
    accept = PerMessageDeflateOfferAccept(ASKING, True, 9, mem_level=4, max_message_size=1000)
    server = PerMessageDeflate.create_from_offer_accept(True, accept)
    response = PerMessageDeflateResponse.parse(
        {
            "server_no_context_takeover": [True],
            "server_max_window_bits": ["10"],
            "client_no_context_takeover": [True],
            "client_max_window_bits": ["9"],
        }
    )
    client = PerMessageDeflate.create_from_response_accept(False, PerMessageDeflateResponseAccept(response))
    for name in (
        "server_no_context_takeover",
        "client_no_context_takeover",
        "server_max_window_bits",
        "client_max_window_bits",
    ):
        assert getattr(server, name) == getattr(client, name)
    assert (server.mem_level, client.mem_level) == (4, 8)
    message = b"a message " * 50
    octets = client.engine().deflate(message)
    assert server.engine().inflate(octets, is_last=True, used=0, max_size=1000) == message


@pytest.mark.parametrize(
    ("offers", "accept", "extension"),
    [
        ([OFFER], lambda offers: None, None),
        ([OFFER], lambda offers: PerMessageDeflateOfferAccept(offers[0]), (False, 15)),
        ([ASKING, OFFER], lambda offers: PerMessageDeflateOfferAccept(offers[1]), (False, 15)),
        ([ASKING], lambda offers: PerMessageDeflateOfferAccept(offers[0], True, 9), (True, 10)),
    ],
)
def test_compression_is_agreed_on(world: World, offers: list[Any], accept: Any, extension: Any) -> None:
    server, client = world.connect(
        {"onMessage": lambda self, payload, is_binary: self.sendMessage(payload, is_binary)},
        server_options={"perMessageCompressionAccept": accept},
        client_options={"perMessageCompressionOffers": offers},
    )
    message = b"a message " * 100
    client.sendMessage(message)
    client.sendMessage(message, doNotCompress=True)
    world.run()
    assert told(client, "onMessage") == [(message, False)] * 2
    found = [
        (each.server_no_context_takeover, each.server_max_window_bits) for each in client.websocket_extensions_in_use
    ]
    assert found == ([] if extension is None else [extension])
    assert len(server.websocket_extensions_in_use) == len(found)
    assert (client.trafficStats.incomingOctetsWireLevel < len(message)) is (extension is not None)


def test_a_client_may_refuse_what_the_server_answers(world: World) -> None:
    _, client = world.connect(
        server_options={"perMessageCompressionAccept": lambda offers: PerMessageDeflateOfferAccept(offers[0])},
        client_options={"perMessageCompressionOffers": [OFFER], "perMessageCompressionAccept": lambda response: None},
    )
    assert "denied by the client" in told(client, "onClose")[0][2]


def test_an_accept_can_bound_what_is_inflated(world: World) -> None:
    server, client = world.connect(
        server_options={
            "perMessageCompressionAccept": lambda offers: PerMessageDeflateOfferAccept(
                offers[0], max_message_size=1000
            ),
            "failByDrop": False,
        },
        client_options={"perMessageCompressionOffers": [OFFER]},
    )
    client.sendMessage(bytes(1000), True)
    client.sendMessage(bytes(1001), True)
    world.run()
    assert told(server, "onMessage") == [(bytes(1000), True)]
    assert server.localCloseCode == 1009
