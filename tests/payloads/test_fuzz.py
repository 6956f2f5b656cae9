"""Random payloads through every codec, and random payloads that nobody has encoded: what goes in comes out, or is refused as an error with a URI."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from trowamp import ApplicationError
from trowamp.payloads import Encoded, Passthru, PayloadCodec, Subject

from .keys import F, callees_ring, callers_ring

bounded = settings(max_examples=300, deadline=None)

texts = st.text(max_size=20).filter(lambda text: not text.startswith("\0"))  # those cannot be carried in JSON
atoms = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
    | st.binary(max_size=20)
)
values = st.recursive(
    atoms, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)
args = st.lists(values, max_size=4)
kwargs = st.dictionaries(texts, values, max_size=4)

SENDERS: list[tuple[PayloadCodec, PayloadCodec]] = [
    (callers_ring(), callees_ring()),
    (callers_ring(dialect="autobahn"), callees_ring()),
    *((Passthru("mqtt", serializer=name), PayloadCodec()) for name in ("cbor", "msgpack", "json", "native")),
]
CALL = Subject("call", F)

options = st.fixed_dictionaries(
    {},
    optional={
        "ppt_scheme": st.sampled_from(["wamp", "mqtt", "x_mine", "unknown", ""]),
        "ppt_serializer": st.sampled_from(["cbor", "msgpack", "json", "native", "flatbuffers", ""]),
        "ppt_cipher": st.sampled_from(["xsalsa20poly1305", "aes256gcm", ""]),
        "ppt_keyid": texts,
        "enc_algo": st.sampled_from(["cryptobox", "mqtt", ""]),
        "enc_serializer": st.sampled_from(["json", "cbor", ""]),
    },
)
payloads = st.one_of(st.none(), args, st.binary(max_size=200), st.binary(max_size=200).map(lambda octets: [octets]))


@bounded
@given(args=args, kwargs=kwargs)
def test_exactly_what_went_in_comes_out(args: list[Any], kwargs: dict[str, Any]) -> None:
    for sender, receiver in SENDERS:
        encoded = sender.encode(CALL, args, kwargs, os.urandom)
        assert encoded is not None
        assert repr(receiver.decode(CALL, encoded)) == repr((args, kwargs))


@bounded
@given(options=options, args=payloads, kwargs=st.none() | kwargs)
def test_what_nobody_has_encoded_is_refused_with_a_uri_or_is_what_it_seems(
    options: dict[str, str], args: Any, kwargs: dict[str, Any] | None
) -> None:
    encoded = Encoded(args, options, kwargs)
    for codec in (callees_ring(), callees_ring(allow_plain=True), callers_ring(), PayloadCodec()):
        for subject in (CALL, Subject("result", F, None, options), Subject("error", F, "com.example.error", options)):
            found = outcome(codec, subject, encoded)
            assert isinstance(found, tuple) or found.startswith("wamp.error.")


def outcome(codec: PayloadCodec, subject: Subject, encoded: Encoded) -> tuple[list[Any], dict[str, Any]] | str:
    try:
        args, kwargs = codec.decode(subject, encoded)
    except ApplicationError as error:
        return error.uri
    assert isinstance(args, list)
    assert isinstance(kwargs, dict)
    return args, kwargs
