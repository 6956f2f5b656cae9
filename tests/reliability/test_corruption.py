"""R9, R10: octets that are not what they should be, at every place where they are read. `make fuzz` is the long form."""

from __future__ import annotations

import random
import tracemalloc

import pytest

from tests.faults.goals import check, scaled, seed_of
from tests.fuzz.mutations import mutated
from tests.fuzz.targets import TARGETS, corpus, crashes
from trowamp import RemoteProtocolError

INPUTS = 50_000
MEASURED = 40  # of each target, with an eye on memory
MIB = 2**20


def test_honest_conversations_break_nothing() -> None:
    for name, target in TARGETS.items():
        assert corpus(name)
        for octets in corpus(name):
            target(octets)


@pytest.mark.parametrize("name", TARGETS)
def test_what_broke_a_target_once_does_not_do_so_again(name: str) -> None:
    for path in crashes(name):
        TARGETS[name](path.read_bytes())
    assert all(path.is_file() for path in crashes(name))


def test_mutated_octets_are_messages_or_violations_and_cost_little() -> None:
    chance = random.Random(seed_of("mutated octets"))
    each = scaled(INPUTS) // len(TARGETS) + 1
    worst = 0.0
    for name, target in TARGETS.items():
        begin = corpus(name)
        for number in range(each):
            octets = mutated(begin, chance)
            try:
                if number < MEASURED:
                    worst = max(worst, peak_of(name, octets) / (16 * len(octets) + MIB))
                else:
                    target(octets)
            except Exception as error:
                raise AssertionError(f"{name} broke over {octets!r}") from error
    check("R10", "mutated inputs to parsers and pipes, nothing uncaught", each * len(TARGETS), ">=", scaled(INPUTS))
    check("R10", "peak memory, of 16 times the input and 1 MiB", worst, "<=", 1)


def peak_of(name: str, octets: bytes) -> int:
    tracemalloc.start()
    try:
        TARGETS[name](octets)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_the_fuzzer_finds_a_planted_fault() -> None:
    def planted(octets: bytes) -> None:
        if b"\xff" in octets:
            raise RemoteProtocolError("planted")

    chance = random.Random(1)
    with pytest.raises(RemoteProtocolError):
        for _ in range(10_000):
            planted(mutated(corpus("json"), chance))
