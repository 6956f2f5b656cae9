"""The official message vectors of the WAMP specification, run as its README asks.

The files are not part of this project. They are looked for in $WAMP_VECTORS, then in `../shared/vectors` beside the project's root folder.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from trowamp._exceptions import RemoteProtocolError
from trowamp.messages import MESSAGE_BY_CODE, Message, parse
from trowamp.wire.serializers import SERIALIZERS

ROOT = Path(__file__).resolve().parents[2]
VECTORS = Path(os.environ.get("WAMP_VECTORS", ROOT.parent / "shared" / "vectors"))
FILES = sorted(VECTORS.glob("**/singlemessage/*/*.json"))
NAMES = ("json", "msgpack", "cbor")


def samples(key: str) -> list[Any]:
    """Return the samples that have a key, named for the test report; or one that says why there are none."""
    found = [
        pytest.param(sample, id=f"{path.stem}-{number}")
        for path in FILES
        for number, sample in enumerate(json.loads(path.read_text(encoding="utf-8"))["samples"])
        if key in sample
    ]
    absent = pytest.mark.skip(reason=f"no vectors at {VECTORS}; set WAMP_VECTORS to their folder")
    return found or [pytest.param({}, id="absent", marks=absent)]


with_octets = pytest.mark.parametrize("sample", samples("serializers"))
with_verdict = pytest.mark.parametrize("sample", samples("wmsg"))


def variants(sample: dict[str, Any], name: str) -> list[bytes]:
    """Return every form in which a message may be written."""
    return [bytes.fromhex(variant["bytes_hex"]) for variant in sample["serializers"][name]]


def expected(sample: dict[str, Any]) -> Message:
    """Build the message that a sample describes."""
    attributes: dict[str, Any] = dict(sample["expected_attributes"])
    cls = MESSAGE_BY_CODE[attributes.pop("message_type")]
    if (payload := attributes.pop("payload", None)) is not None:
        attributes["args"] = bytes.fromhex(payload)
    if "roles" in attributes:
        attributes["details"] = {"roles": attributes.pop("roles")}
    names = {"subscription": "subscription_id", "publication": "publication_id"}  # the vectors of EVENT drop the suffix
    return cls(**{names.get(name, name): value for name, value in attributes.items()})


def in_the_order_of(listed: Message, message: Message) -> Message:
    """Sort the keys of Options or Details as they are listed: in one sample the description has another order than the octets."""
    field = message.dictionary
    if field is not None and getattr(message, field):
        setattr(message, field, {key: getattr(message, field)[key] for key in getattr(listed, field)})
    return message


@pytest.mark.parametrize("name", NAMES)
@with_octets
def test_every_written_form_is_read_as_the_message_it_describes(sample: dict[str, Any], name: str) -> None:
    for body in variants(sample, name):
        assert SERIALIZERS[name].decode(body) == expected(sample)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.checklist("SER-B3", "SER-B4")
@with_octets
def test_a_message_is_written_in_one_of_the_listed_forms(sample: dict[str, Any], name: str) -> None:
    serializer = SERIALIZERS[name]
    message = in_the_order_of(serializer.decode(variants(sample, name)[0]), expected(sample))
    assert serializer.encode(message) in variants(sample, name)


@pytest.mark.parametrize("name", NAMES)
@with_octets
def test_a_message_that_was_read_can_be_written_and_read_again(sample: dict[str, Any], name: str) -> None:
    serializer = SERIALIZERS[name]
    for body in variants(sample, name):
        message = serializer.decode(body)
        assert serializer.decode(serializer.encode(message)) == message


@pytest.mark.parametrize("writer", NAMES)
@pytest.mark.parametrize("reader", NAMES)
@pytest.mark.checklist("SER-R1")
@with_octets
def test_a_message_read_in_one_format_is_written_as_listed_in_another(
    sample: dict[str, Any], reader: str, writer: str
) -> None:
    for body in variants(sample, reader):
        assert SERIALIZERS[writer].encode(SERIALIZERS[reader].decode(body)) in variants(sample, writer)


def raw_message(sample: dict[str, Any]) -> list[Any]:
    """Return the list to parse; samples with `enc_algo` write opaque payloads as hexadecimal digits."""
    raw: list[Any] = sample["wmsg"]
    encrypted = any(isinstance(item, dict) and "enc_algo" in item for item in raw)
    return [*raw[:-1], bytes.fromhex(raw[-1])] if encrypted else raw


@pytest.mark.checklist("MSG-B4")
@with_verdict
def test_options_and_details_are_accepted_or_refused_as_listed(sample: dict[str, Any]) -> None:
    raw = raw_message(sample)
    refusal = sample.get("expected_error")
    if refusal is None:
        assert isinstance(parse(raw), MESSAGE_BY_CODE[raw[0]])
    else:
        with pytest.raises(RemoteProtocolError) as caught:
            parse(raw)
        assert refusal["contains"].lower() in str(caught.value).lower()


@pytest.mark.skipif(not FILES, reason=f"no vectors at {VECTORS}; set WAMP_VECTORS to their folder")
def test_the_vectors_are_complete() -> None:
    counts = len(samples("serializers")), len(samples("wmsg"))
    assert counts[0] >= 35
    assert counts[1] >= 67
