"""Octets made from honest ones: changed, dropped, doubled, inserted, exchanged between two."""

from __future__ import annotations

import random
from collections.abc import Sequence

_INTERESTING = (0, 1, 0x7F, 0x80, 0xFF, 0x82, 0x88, 0x89, 0xC1, 0xD8, 0xDF, 0x5B, 0x7B, 0x22, 0x0A, 0x1E)


def mutated(corpus: Sequence[bytes], chance: random.Random, changes: int = 8) -> bytes:
    """Return something made from the corpus, with one to eight changes."""
    octets = bytearray(chance.choice(corpus))
    for _ in range(chance.randint(1, changes)):
        _mutate(octets, corpus, chance)
    return bytes(octets)


def _mutate(octets: bytearray, corpus: Sequence[bytes], chance: random.Random) -> None:
    at = chance.randrange(len(octets)) if octets else 0
    match chance.randrange(7):
        case 0 if octets:
            octets[at] ^= 1 << chance.randrange(8)
        case 1 if octets:
            octets[at] = chance.randrange(256)
        case 2 if octets:
            octets[at] = chance.choice(_INTERESTING)
        case 3:
            del octets[at : at + chance.randint(1, 8)]
        case 4:
            octets[at:at] = octets[at : at + chance.randint(1, 30)]
        case 5:
            octets[at:at] = chance.randbytes(chance.randint(1, 8))
        case _:
            other = chance.choice(corpus)
            place = chance.randrange(len(other) + 1)
            octets[at:] = other[place:]
