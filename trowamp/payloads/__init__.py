"""Payloads in another form than their message's: passed through (`ppt_*`), and encrypted end to end.

`KeyRing` encrypts what has a key, for `payload_codec=` of `open_session` and `Component`. `Passthru` serializes without encrypting. `PayloadCodec` is
what every session has, reads unencrypted payloads of the specification's schemes, and is the base of codecs of your own.

Nothing here does I/O or knows randomness: nonces come from who encodes.
"""

from __future__ import annotations

from ._codec import Encoded, PayloadCodec, Subject, not_encrypted
from ._key import Key, KeyPair
from ._key_ring import Dialect, KeyRing
from ._passthru import Passthru

__all__ = ["Dialect", "Encoded", "Key", "KeyPair", "KeyRing", "Passthru", "PayloadCodec", "Subject", "not_encrypted"]
