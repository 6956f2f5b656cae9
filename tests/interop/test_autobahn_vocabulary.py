"""The values, messages, serializers and keys of `trowamp_compat` are those of Autobahn: one program prints the same lines with both."""

from __future__ import annotations

import sys

from trowamp_compat.wamp.cryptobox import Key, KeyRing
from trowamp_compat.wamp.types import EncodedPayload

from .both_packages import printed

PROGRAM = "autobahn_vocabulary.py"


def test_the_vocabulary_prints_what_that_of_autobahn_prints(autobahn_python: str) -> None:
    ours = printed(sys.executable, PROGRAM, "trowamp_compat")
    assert len(ours) > 400
    assert ours == printed(autobahn_python, PROGRAM, "autobahn")


def test_a_key_ring_and_that_of_autobahn_read_each_other(autobahn_python: str) -> None:
    ring = KeyRing()
    ring.set_key("com.secret.", Key(originator_priv="A" * 43 + "=", responder_priv="B" * 43 + "="))
    sealed = ring.encode(True, "com.secret.x", ["ours"], {"k": 1})
    assert sealed is not None
    theirs, hexadecimal = printed(autobahn_python, PROGRAM, "autobahn", SEALED=sealed.payload.hex())
    assert theirs == "('com.secret.x', ['ours'], {'k': 1})"
    opened = ring.decode(False, "com.secret.x", EncodedPayload(bytes.fromhex(hexadecimal), "cryptobox", "json"))
    assert opened == ("com.secret.x", [1, "two"], {"k": 3})
