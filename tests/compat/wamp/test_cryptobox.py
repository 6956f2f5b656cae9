"""The key ring for payloads."""

from __future__ import annotations

import base64

import pytest
from nacl.public import PrivateKey
from trowamp_compat.wamp.cryptobox import HAS_CRYPTOBOX, Key, KeyRing
from trowamp_compat.wamp.interfaces import IPayloadCodec
from trowamp_compat.wamp.types import EncodedPayload


def new_pair() -> tuple[str, str]:
    return KeyRing().generate_key()


def test_keys_are_pairs_in_base64_or_hexadecimal_digits() -> None:
    private, public = new_pair()
    assert base64.b64encode(bytes(PrivateKey(base64.b64decode(private)).public_key)).decode() == public
    private, public = KeyRing().generate_key_hex()
    assert bytes(PrivateKey(bytes.fromhex(private)).public_key).hex() == public
    assert HAS_CRYPTOBOX


def test_each_side_reads_what_the_other_has_encrypted() -> None:
    (caller, caller_public), (callee, callee_public) = new_pair(), new_pair()
    at_caller, at_callee = KeyRing(), KeyRing()
    at_caller.set_key("com.secret.", Key(originator_priv=caller, responder_pub=callee_public))
    at_callee.set_key("com.secret.", Key(originator_pub=caller_public, responder_priv=callee))
    call = at_caller.encode(True, "com.secret.add2", [2, b"\0"], {"k": None})
    assert call is not None
    assert (call.enc_algo, call.enc_serializer, call.enc_key) == ("cryptobox", "json", None)
    assert at_callee.decode(False, "com.secret.add2", call) == ("com.secret.add2", [2, b"\0"], {"k": None})
    result = at_callee.encode(False, "com.secret.add2")
    assert result is not None
    assert at_caller.decode(True, "com.secret.add2", result) == ("com.secret.add2", None, None)
    assert isinstance(at_caller, IPayloadCodec)


def test_the_longest_text_that_a_uri_begins_with_counts() -> None:
    ring, long = KeyRing(new_pair()[0]), KeyRing()
    key = new_pair()[0]
    ring.set_key("com.secret.", new_pair()[0])
    ring.set_key("com.secret.top.", key)
    long.set_key("com.secret.top.", key)
    sealed = ring.encode(True, "com.secret.top.x", [1])
    assert sealed is not None
    assert long.decode(False, "com.secret.top.x", sealed)[1] == [1]
    for uri in ("com.secret.x", "com.other"):
        sealed = ring.encode(True, uri, [1])
        assert sealed is not None
        with pytest.raises(ValueError, match="can't find key"):
            long.decode(False, uri, sealed)


def test_what_has_no_key_travels_as_it_is() -> None:
    ring = KeyRing()
    ring.set_key("com.secret.", new_pair()[0])
    assert ring.encode(True, "com.open.x", [1]) is None
    ring.set_key("com.secret.", None)
    ring.set_key("com.secret.", None)
    assert ring.encode(True, "com.secret.x", [1]) is None


def test_what_has_a_key_of_the_other_side_only_is_not_sent_in_the_open() -> None:
    ring = KeyRing()
    ring.set_key("com.secret.", Key(originator_priv=new_pair()[0], responder_pub=new_pair()[1]))
    with pytest.raises(ValueError, match="not one for responders"):
        ring.encode(False, "com.secret.x", [1])


@pytest.mark.autobahn("W-28")
def test_a_key_can_be_changed_for_a_new_one() -> None:
    ring, other = KeyRing(), KeyRing()
    ring.set_key("com.secret.", new_pair()[0])
    private, _ = ring.rotate_key("com.secret.")
    other.set_key("com.secret.", private)
    sealed = ring.encode(True, "com.secret.x", [1])
    assert sealed is not None
    assert other.decode(False, "com.secret.x", sealed)[1] == [1]
    with pytest.raises(KeyError):
        ring.rotate_key("com.other.")


def test_what_cannot_be_decrypted_is_told() -> None:
    ring = KeyRing(new_pair()[0])
    sealed = ring.encode(True, "com.secret.x", [1])
    assert sealed is not None
    for wrong, words in (
        (EncodedPayload(sealed.payload, "mqtt"), "mqtt"),
        (EncodedPayload(sealed.payload, "cryptobox", "cbor"), "cbor"),
        (EncodedPayload(sealed.payload[:-1], "cryptobox", "json"), "cannot be decrypted"),
        (EncodedPayload(b"", "cryptobox", "json"), "cannot be decrypted"),
    ):
        with pytest.raises(ValueError, match=words):
            ring.decode(False, "com.secret.x", wrong)


def test_what_is_no_key_is_refused() -> None:
    for arguments in (("zz",), (), (new_pair()[0],), (new_pair()[0], new_pair()[1], None, None)):
        with pytest.raises(ValueError, match=r"key|octets"):
            Key(*arguments)
    with pytest.raises(ValueError, match="octets"):
        KeyRing("zz")
