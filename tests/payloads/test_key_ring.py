"""trowamp/payloads/_key_ring.py: what is encrypted, what comes out again, and everything that must not."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import Any, Literal

import cbor2
import pytest
from nacl.public import Box, PrivateKey, PublicKey

from trowamp import (
    ApplicationError,
    DecryptionFailed,
    InvalidArgument,
    LocalProtocolError,
    NoPayloadCodec,
    SerializationError,
    TrustedUriMismatch,
)
from trowamp.payloads import Encoded, Key, KeyPair, KeyRing, Passthru, PayloadCodec, Subject

from .keys import CALLEE, CALLEES_KEY, CALLER, CALLERS_KEY, OTHER, SECRET, F, callees_ring, callers_ring, random_octets

CALL = Subject("call", F)
EVENT = Subject("event", F)
ARGS = [1, "grüß", b"\0\xff", None, 2.5]
KWARGS = {"a": {"b": [True]}}
Dialect = Literal["ppt", "autobahn"]
both_dialects = pytest.mark.parametrize("dialect", ["ppt", "autobahn"])

# What Autobahn|Python 26.10.2 makes of these arguments with the keys of `keys.py` and their "random" octets
FROM_AUTOBAHN = bytes.fromhex(
    "6465666768696a6b6c6d6e6f707172737475767778797a7b719c6d53793f5a588ad42c92a07c9afc9ea11ea6dd23148a949f3a290651c2fa21"
    "2661a4939cfc7e55da6b2a43bd19e8e2351c8636ab3d8058bc7e0f7a2a13816ffe6d7ff44fa007157fb4b883103c48ebd5ff0684b27f2f51ea"
    "032acbf476247b42f23bb76cd49b5e84f8aac4"
)
FROM_AUTOBAHN_WITHOUT_PAYLOAD = bytes.fromhex(
    "6465666768696a6b6c6d6e6f707172737475767778797a7bb1dc4ba80a43d18e927c4193e144b2d89ea11ea6dd23148a949f3a290651c2fa21"
    "2661a4939cfc7e55da6b2a43bd2caca27b57d69e609f6d1de37e69616f4fdd22"
)
AUTOBAHN = {"enc_algo": "cryptobox", "enc_serializer": "json"}


def seal(ring: PayloadCodec, subject: Subject, *args: Any, **kwargs: Any) -> Encoded:
    encoded = ring.encode(subject, args, kwargs, random_octets)
    assert encoded is not None
    return encoded


def result_for(encoded: Encoded, kind: Literal["result", "error"] = "result", error: str | None = None) -> Subject:
    return Subject(kind, F, error, encoded.options)


# ---- both ways


@pytest.mark.checklist("PPT-B2", "PPT-B3", "PPT-B6")
def test_the_specifications_form_is_one_binary_with_cipher_serializer_and_the_receivers_key() -> None:
    encoded = seal(callers_ring(), CALL, *ARGS, **KWARGS)
    public = PrivateKey(bytes(range(32, 64))).public_key
    assert encoded.options == {
        "ppt_scheme": "wamp",
        "ppt_serializer": "cbor",
        "ppt_cipher": "xsalsa20poly1305",
        "ppt_keyid": "0x" + hashlib.sha256(bytes(public)).hexdigest()[-40:],
    }
    ((octets,), kwargs) = encoded.args, encoded.kwargs
    assert kwargs is None
    assert octets[:24] == random_octets(24)
    box = Box(PrivateKey(bytes(range(32, 64))), PrivateKey(bytes(range(32))).public_key)
    assert cbor2.loads(box.decrypt(octets)) == {"kind": "call", "uri": F, "args": ARGS, "kwargs": KWARGS}


def test_autobahns_octets_are_read() -> None:
    ring = KeyRing({"com.example.": CALLEES_KEY})
    subject = Subject("call", "com.example.f")
    assert ring.decode(subject, Encoded(FROM_AUTOBAHN, AUTOBAHN)) == (ARGS, KWARGS)
    assert ring.decode(subject, Encoded(FROM_AUTOBAHN_WITHOUT_PAYLOAD, AUTOBAHN)) == ([], {})


def test_what_autobahn_is_sent_is_what_autobahn_itself_would_send() -> None:
    ring = KeyRing({"com.example.": CALLERS_KEY}, dialect="autobahn")
    assert seal(ring, Subject("call", "com.example.f"), *ARGS, **KWARGS) == Encoded(FROM_AUTOBAHN, AUTOBAHN)


@both_dialects
@pytest.mark.parametrize("kind", ["call", "event"])
def test_a_request_is_encrypted_by_its_originator_and_decrypted_by_its_responder(
    dialect: Dialect, kind: Literal["call", "event"]
) -> None:
    subject = Subject(kind, F)
    encoded = seal(callers_ring(dialect=dialect), subject, *ARGS, **KWARGS)
    assert callees_ring().decode(subject, encoded) == (ARGS, KWARGS)


@both_dialects
def test_a_result_has_the_form_of_its_call_whatever_the_ring_sends_itself(dialect: Dialect) -> None:
    caller = callers_ring(dialect=dialect)
    subject = result_for(seal(caller, CALL))
    encoded = seal(callees_ring(dialect="ppt"), subject, *ARGS, **KWARGS)
    assert ("enc_algo" in encoded.options) is (dialect == "autobahn")
    assert caller.decode(subject, encoded) == (ARGS, KWARGS)


@both_dialects
def test_an_error_is_encrypted_with_its_uri(dialect: Dialect) -> None:
    caller = callers_ring(dialect=dialect)
    subject = result_for(seal(caller, CALL), "error", f"{SECRET}error")
    encoded = seal(callees_ring(), subject, "sold out", left=3)
    assert caller.decode(subject, encoded) == (["sold out"], {"left": 3})
    other = Subject("error", F, f"{SECRET}other", subject.request)
    with pytest.raises(TrustedUriMismatch):
        caller.decode(other, encoded)


def test_an_error_that_autobahn_has_no_key_for_travels_without_its_payload() -> None:
    request = seal(callers_ring(dialect="autobahn"), CALL).options
    subject = Subject("error", F, "wamp.error.invalid_argument", request)
    assert seal(callees_ring(), subject, "the secret is 42") == Encoded([], {})
    everything = KeyRing({"": CALLEES_KEY})
    assert seal(everything, subject, "the secret is 42").options == AUTOBAHN


def test_a_private_key_alone_is_for_everybody_who_has_it() -> None:
    ring = KeyRing({SECRET: CALLER.private})
    encoded = seal(ring, CALL, 1)
    assert KeyRing({SECRET: bytes(range(32))}).decode(CALL, encoded) == ([1], {})
    subject = result_for(encoded)
    assert ring.decode(subject, seal(ring, subject, 2)) == ([2], {})


# ---- which key


def test_the_longest_beginning_of_a_uri_counts() -> None:
    ring = KeyRing({"com.": OTHER.private, "com.example.secret.f": CALLERS_KEY, "com.example.": OTHER.private})
    callee = KeyRing({"com.example.secret.f": CALLEES_KEY})
    assert callee.decode(CALL, seal(ring, CALL, 1)) == ([1], {})
    longer = Subject("call", f"{F}oo")
    assert callee.decode(longer, seal(ring, longer, 1)) == ([1], {})


def test_what_has_no_key_travels_as_it_is() -> None:
    ring = callers_ring()
    assert ring.encode(Subject("call", "com.example.open"), [1], {}, random_octets) is None
    assert ring.encode(Subject("event", "com.example.secret"), [1], {}, random_octets) is None


def test_the_procedures_and_topics_of_the_router_have_no_key() -> None:
    ring = KeyRing({"": CALLERS_KEY})
    for subject in (Subject("call", "wamp.session.count"), Subject("event", "wamp.session.on_join")):
        assert ring.encode(subject, [], {}, random_octets) is None
        assert not ring.refuses_plain(subject)


def test_keys_can_be_set_and_taken_away() -> None:
    ring = KeyRing({})
    assert ring.encode(CALL, [1], {}, random_octets) is None
    ring.set_key(SECRET, CALLERS_KEY)
    assert ring.encode(CALL, [1], {}, random_octets) is not None
    ring.set_key(SECRET, None)
    assert ring.encode(CALL, [1], {}, random_octets) is None
    ring.set_key("never there", None)
    with pytest.raises(ValueError, match="no key for"):
        ring.set_key(SECRET, [])


@both_dialects
def test_old_keys_go_on_decrypting_while_new_ones_are_handed_out(dialect: Dialect) -> None:
    new = KeyPair.of(b"n" * 32)
    old_caller = callers_ring(dialect=dialect)
    new_key = Key(originator_private=CALLER.private, responder_public=new.public)
    new_caller = KeyRing({SECRET: [new_key, CALLERS_KEY]}, dialect=dialect)
    callee = KeyRing({SECRET: [Key(originator_public=CALLER.public, responder_private=new.private), CALLEES_KEY]})
    for caller in (old_caller, new_caller):
        assert callee.decode(CALL, seal(caller, CALL, 1)) == ([1], {})
    subject = result_for(seal(new_caller, CALL))
    assert new_caller.decode(subject, seal(callee, subject, 2)) == ([2], {})


def test_an_answer_is_encrypted_with_the_key_that_the_call_was_encrypted_for() -> None:
    new = KeyPair.of(b"n" * 32)
    callee = KeyRing({SECRET: [Key(originator_public=CALLER.public, responder_private=new.private), CALLEES_KEY]})
    caller = callers_ring()
    subject = result_for(seal(caller, CALL))
    assert caller.decode(subject, seal(callee, subject, 2)) == ([2], {})


def test_a_key_of_the_other_side_encrypts_nothing_and_leaks_nothing() -> None:
    with pytest.raises(LocalProtocolError, match="not one for callers and publishers"):
        callees_ring().encode(CALL, [1], {}, random_octets)
    request = seal(callers_ring(), CALL)
    with pytest.raises(LocalProtocolError, match="not one for procedures and subscribers"):
        callers_ring().encode(result_for(request), [1], {}, random_octets)


def test_a_ring_that_lost_its_key_does_not_answer_in_the_open() -> None:
    request = seal(callers_ring(), CALL)
    with pytest.raises(LocalProtocolError, match="lost its key"):
        KeyRing({}).encode(result_for(request), [1], {}, random_octets)


@pytest.mark.parametrize("value", [float("nan"), object(), {1: 2}, "\ud800", 2**64])
@both_dialects
def test_values_that_are_not_portable_are_refused_with_their_place(dialect: Dialect, value: Any) -> None:
    with pytest.raises(SerializationError, match=r"^args\[1\]|^kwargs"):
        seal(callers_ring(dialect=dialect), CALL, 1, value)


# ---- what must not be decrypted


def flipped(octets: bytes) -> bytes:
    return octets[:-1] + bytes([octets[-1] ^ 1])


def encrypted(content: bytes) -> bytes:
    """Encrypt octets of any kind with the right keys."""
    box = Box(PrivateKey(bytes(range(32))), PublicKey(bytes(PrivateKey(bytes(range(32, 64))).public_key)))
    return bytes(box.encrypt(content, random_octets(24)))


def deep(levels: int) -> bytes:
    return b"\x81" * levels + b"\x80"


HOSTILE: dict[str, tuple[Callable[[bytes], Any], type[ApplicationError]]] = {
    "flipped": (flipped, DecryptionFailed),
    "truncated": (lambda octets: octets[:-1], DecryptionFailed),
    "a nonce": (lambda octets: octets[:24], DecryptionFailed),
    "less than a nonce": (lambda octets: octets[:7], DecryptionFailed),
    "nothing": (lambda octets: b"", DecryptionFailed),
    "text": (lambda octets: "text", InvalidArgument),
    "a list": (lambda octets: [octets], InvalidArgument),
    "no payload": (lambda octets: encrypted(b""), DecryptionFailed),
    "no dictionary": (lambda octets: encrypted(cbor2.dumps([1])), DecryptionFailed),
    "more than a payload": (lambda octets: encrypted(cbor2.dumps({}) + b"\0"), DecryptionFailed),
    "numbers as names": (lambda octets: encrypted(cbor2.dumps({1: 2})), DecryptionFailed),
    "depths": (lambda octets: encrypted(b"\xa1\x64args" + deep(100)), DecryptionFailed),
    "another serializer": (lambda octets: encrypted(b'{"uri":"x"}'), DecryptionFailed),
    "no URI": (lambda octets: encrypted(cbor2.dumps({"kind": "call", "args": []})), TrustedUriMismatch),
    "no kind": (lambda octets: encrypted(cbor2.dumps({"uri": F, "args": []})), TrustedUriMismatch),
    "args that are none": (
        lambda octets: encrypted(cbor2.dumps({"kind": "call", "uri": F, "args": {}})),
        InvalidArgument,
    ),
    "kwargs that are none": (
        lambda octets: encrypted(cbor2.dumps({"kind": "call", "uri": F, "kwargs": []})),
        InvalidArgument,
    ),
}


@pytest.mark.checklist("PPT-C1")
@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_payload_is_refused(name: str) -> None:
    spoil, error = HOSTILE[name]
    encoded = seal(callers_ring(), CALL, 1)
    with pytest.raises(error):
        callees_ring().decode(CALL, Encoded([spoil(encoded.args[0])], encoded.options))


@pytest.mark.parametrize(
    "octets", [b"", b"short", flipped(FROM_AUTOBAHN), encrypted(b"[]"), encrypted(b"{}"), [], None]
)
def test_what_autobahn_would_not_have_sent_is_refused(octets: Any) -> None:
    ring = KeyRing({"com.example.": CALLEES_KEY})
    with pytest.raises((DecryptionFailed, TrustedUriMismatch, InvalidArgument)):
        ring.decode(Subject("call", "com.example.f"), Encoded(octets, AUTOBAHN))


def test_random_octets_are_refused() -> None:
    options = seal(callers_ring(), CALL).options
    for size in range(0, 200, 7):
        for encoded in (Encoded([os.urandom(size)], options), Encoded(os.urandom(size), AUTOBAHN)):
            with pytest.raises(DecryptionFailed):
                callees_ring().decode(CALL, encoded)


@both_dialects
def test_a_wrong_key_decrypts_nothing(dialect: Dialect) -> None:
    wrong = KeyRing({SECRET: Key(originator_public=CALLER.public, responder_private=OTHER.private)})
    with pytest.raises(DecryptionFailed):
        wrong.decode(CALL, seal(callers_ring(dialect=dialect), CALL, 1))


@both_dialects
def test_without_a_key_nothing_is_decrypted(dialect: Dialect) -> None:
    encoded = seal(callers_ring(dialect=dialect), CALL, 1)
    for ring in (KeyRing({}), KeyRing({SECRET: CALLERS_KEY})):
        with pytest.raises(DecryptionFailed, match="no key"):
            ring.decode(CALL, encoded)
    for codec in (PayloadCodec(), Passthru("mqtt")):
        with pytest.raises(NoPayloadCodec):
            codec.decode(CALL, encoded)


@both_dialects
def test_a_payload_for_another_uri_is_refused(dialect: Dialect) -> None:
    with pytest.raises(TrustedUriMismatch):
        callees_ring().decode(Subject("call", f"{SECRET}g"), seal(callers_ring(dialect=dialect), CALL, 1))


def test_a_payload_for_another_purpose_is_refused() -> None:
    caller, callee = callers_ring(), callees_ring()
    call = seal(caller, CALL, 1)
    with pytest.raises(TrustedUriMismatch):
        callee.decode(EVENT, call)
    reflected = Encoded(call.args, {**call.options, "ppt_keyid": seal(callee, result_for(call)).options["ppt_keyid"]})
    with pytest.raises(TrustedUriMismatch):
        caller.decode(result_for(call), reflected)


def test_an_answer_in_another_form_than_the_call_is_refused() -> None:
    caller = callers_ring()
    request = seal(caller, CALL)
    like_autobahn = seal(callees_ring(), Subject("result", F, None, AUTOBAHN), 1)
    with pytest.raises(DecryptionFailed, match="another form"):
        caller.decode(result_for(request), like_autobahn)


@pytest.mark.checklist("PPT-C1")
@pytest.mark.parametrize(
    "options", [{"ppt_cipher": "aes256gcm"}, {"ppt_serializer": "flatbuffers"}, {"ppt_serializer": "json"}]
)
def test_an_unknown_cipher_or_serializer_is_refused(options: dict[str, str]) -> None:
    encoded = seal(callers_ring(), CALL, 1)
    with pytest.raises(InvalidArgument):
        callees_ring().decode(CALL, Encoded(encoded.args, {**encoded.options, **options}))


@pytest.mark.checklist("PPT-C1")
@pytest.mark.parametrize("options", [{"enc_algo": "xbr"}, {"enc_serializer": "cbor"}])
def test_an_unknown_algorithm_is_refused(options: dict[str, str]) -> None:
    with pytest.raises(InvalidArgument):
        callees_ring().decode(CALL, Encoded(FROM_AUTOBAHN, {**AUTOBAHN, **options}))


@pytest.mark.parametrize("name", ["", "0x00", "nonsense"])
def test_an_unknown_key_id_is_refused(name: str) -> None:
    encoded = seal(callers_ring(), CALL, 1)
    with pytest.raises(DecryptionFailed, match="no key with the id"):
        callees_ring().decode(CALL, Encoded(encoded.args, {**encoded.options, "ppt_keyid": name}))


def test_without_a_key_id_all_keys_are_tried() -> None:
    encoded = seal(callers_ring(), CALL, 1)
    options = {name: value for name, value in encoded.options.items() if name != "ppt_keyid"}
    ring = KeyRing({SECRET: [OTHER.private, CALLEES_KEY]})
    assert ring.decode(CALL, Encoded(encoded.args, options)) == ([1], {})


# ---- what is not encrypted


def test_calls_and_events_with_a_key_must_be_encrypted() -> None:
    ring = callees_ring()
    assert ring.refuses_plain(CALL)
    assert ring.refuses_plain(EVENT)
    assert not ring.refuses_plain(Subject("call", "com.example.open"))
    assert not callees_ring(allow_plain=True).refuses_plain(CALL)
    merely_serialized = seal(Passthru("mqtt"), CALL, 1)
    with pytest.raises(DecryptionFailed, match="not encrypted"):
        ring.decode(CALL, merely_serialized)
    assert callees_ring(allow_plain=True).decode(CALL, merely_serialized) == ([1], {})


@both_dialects
def test_the_answer_to_an_encrypted_call_must_be_encrypted_unless_it_is_an_error_of_the_router(
    dialect: Dialect,
) -> None:
    ring = callers_ring(allow_plain=True, dialect=dialect)
    request = seal(ring, CALL)
    assert ring.refuses_plain(result_for(request))
    assert ring.refuses_plain(result_for(request, "error", "com.example.error")) is (dialect == "ppt")
    assert not ring.refuses_plain(result_for(request, "error", "wamp.error.canceled"))
    assert not ring.refuses_plain(Subject("result", F))
    assert not ring.refuses_plain(Subject("error", F, "com.example.error"))


def test_an_answer_to_what_was_not_encrypted_is_not() -> None:
    ring = callees_ring(allow_plain=True)
    assert ring.encode(Subject("result", F), [1], {}, random_octets) is None
    mqtt = seal(Passthru("mqtt", serializer="json"), CALL)
    assert seal(ring, result_for(mqtt), 1) == Encoded([b'{"args":[1],"kwargs":{}}'], mqtt.options)


# ---- keys


@pytest.mark.parametrize("text", [CALLER.private, f"{CALLER.private}\n", bytes(range(32)).hex(), bytes(range(32))])
def test_a_key_is_base64_hexadecimal_or_octets(text: str | bytes) -> None:
    assert KeyPair.of(text) == CALLER


@pytest.mark.parametrize("text", ["", "secret", CALLER.private[:-2], b"x" * 31, b"x" * 33, "g" * 64, "ä" * 44])
def test_what_is_no_key_is_refused_and_not_shown(text: str | bytes) -> None:
    with pytest.raises(ValueError, match="must be 32 octets") as caught:
        Key(originator_private=text, responder_public=CALLEE.public)
    assert not text or str(text) not in str(caught.value)


def test_a_key_needs_enough_for_one_side() -> None:
    for given in ({}, {"originator_private": CALLER.private}, {"originator_public": CALLER.public}):
        with pytest.raises(ValueError, match="private key of one side and the public key of the other"):
            Key(**given)
    with pytest.raises(ValueError, match="originator_public is not the public key"):
        Key(originator_private=CALLER.private, originator_public=CALLEE.public, responder_public=CALLEE.public)
    Key(originator_private=CALLER.private, originator_public=CALLER.public, responder_public=CALLEE.public)


def test_no_representation_shows_a_secret() -> None:
    shown = f"{CALLER!r} {CALLER} {CALLERS_KEY!r} {callers_ring()!r} {KeyRing({})!r} {Key.shared(CALLER.private)!r}"
    assert shown.startswith(f"KeyPair(public={CALLER.public!r})")
    assert "<Key for originator> <KeyRing for 'com.example.secret.'> <KeyRing for nothing>" in shown
    assert "<Key for originator and responder>" in shown
    assert CALLER.__rich_repr__() == [("public", CALLER.public)]
    assert CALLER.private not in shown
    assert bytes(range(32)).hex() not in shown


def test_there_are_two_dialects() -> None:
    with pytest.raises(ValueError, match='"ppt" or "autobahn"'):
        KeyRing({}, dialect="crossbar")  # type: ignore[arg-type]
