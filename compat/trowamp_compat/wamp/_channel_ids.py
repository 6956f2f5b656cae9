"""The ids of a TLS channel, to which cryptosign can bind a proof."""

from __future__ import annotations

import hashlib


def channel_ids(finished: bytes | None) -> dict[str, bytes]:
    """Return the ids of a channel by their type, 32 octets each, as `TransportDetails` have them (S-38).

    Args:
        finished: The client's Finished message of the TLS handshake (RFC 5929, section 3), or None as long as there is none.
    """
    return {"tls-unique": hashlib.sha256(finished).digest()} if finished else {}
