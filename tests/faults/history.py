"""What happened to every operation, and what must not have happened.

Clients write down each operation when it begins and when it ends, each execution of a procedure, and each event that a subscriber sees. From that
alone `violations` tells whether what was promised was kept: each operation ends, in one way; what failed did not happen; what was acknowledged
reached everybody who listened, once and in order.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import msgspec
import trio

from trowamp import ApplicationError, NoSuchProcedure, SessionClosed, SessionLost, WampError

Kind = Literal["call", "publish"]
Outcome = Literal["ok", "failed", "unknown"]


class Operation(msgspec.Struct):
    """One call or acknowledged publication.

    Attributes:
        kind: Which of the two.
        process: Who did it; one process does one after the other.
        begun: When.
        ended: When, or infinity.
        outcome: How; None: not at all.
        publication: The id it was acknowledged with.
    """

    kind: Kind
    process: int
    begun: float
    ended: float = math.inf
    outcome: Outcome | None = None
    publication: int | None = None


class Listening(msgspec.Struct):
    """One subscription of one session.

    Attributes:
        begun: When it was there.
        ended: When it was over, or infinity.
        is_lost: Whether its session was lost, and what was on its way with it.
        seen: What it got: the publication's id and the operation's number.
    """

    begun: float = math.inf
    ended: float = math.inf
    is_lost: bool = False
    seen: list[tuple[int, int]] = []


class History:
    """Everything that was done, by number.

    Args:
        now: Tells the time.
    """

    def __init__(self, now: Callable[[], float] = trio.current_time) -> None:
        self._now = now
        self.operations: dict[int, Operation] = {}
        self.executed: Counter[int] = Counter()
        self.listenings: list[Listening] = []
        self.wrong_answers = 0
        self.ended_twice = 0
        self._numbers = itertools.count(1)
        self._settled: Counter[str] = Counter()
        self.pending: set[int] = set()

    @contextmanager
    def operation(self, kind: Kind, process: int) -> Iterator[int]:
        """Note one operation: its number goes into the payload. The errors that it may end with are noted, and go no further."""
        number = self.begin(kind, process)
        try:
            yield number
        except WampError as error:
            self.end(number, outcome_of(error))
        except trio.Cancelled:
            self.end(number, "unknown")
            raise
        else:
            self.end(number, "ok")

    def begin(self, kind: Kind, process: int) -> int:
        """Note the beginning of an operation; return its number."""
        number = next(self._numbers)
        self.operations[number] = Operation(kind, process, self._now())
        self.pending.add(number)
        return number

    def end(self, number: int, outcome: Outcome) -> None:
        """Note the end of an operation."""
        operation = self.operations[number]
        self.ended_twice += operation.outcome is not None
        operation.outcome, operation.ended = outcome, self._now()
        self.pending.discard(number)

    def counts(self) -> Counter[str]:
        """Return how many operations ended how."""
        return self._settled + Counter(str(operation.outcome) for operation in self.operations.values())

    def settle(self) -> list[str]:
        """Return what must not have happened, and forget all but how often what did: a long run is about memory.

        Only while nothing is pending, and no event is on its way: one that comes later is a violation.
        """
        found = self.violations()
        self._settled = self.counts()
        self.operations.clear()
        self.executed.clear()
        self.listenings = [listening for listening in self.listenings if listening.ended == math.inf]
        for listening in self.listenings:
            listening.seen.clear()
        return found

    def violations(self) -> list[str]:
        """Return what must not have happened, each in words."""
        numbers = sorted(self.operations)
        begins = [self.operations[number].begun for number in numbers]

        def during(listening: Listening) -> list[int]:
            return numbers[bisect_left(begins, listening.begun) : bisect_right(begins, listening.ended)]

        return [
            *self._of_operations(),
            *self._of_publication_ids(),
            *(text for listening in self.listenings for text in self._of_listening(listening, during(listening))),
        ]

    def _of_operations(self) -> Iterator[str]:
        if self.wrong_answers:
            yield f"{self.wrong_answers} calls got the answer to another"
        if self.ended_twice:
            yield f"{self.ended_twice} operations ended twice"
        seen = {number for listening in self.listenings for _, number in listening.seen}
        for number, operation in self.operations.items():
            times = self.executed[number]
            if operation.outcome is None:
                yield f"operation {number} never ended"
            elif operation.outcome == "failed" and (times or number in seen):
                yield f"operation {number} failed, and was executed all the same"
            elif operation.kind == "call" and operation.outcome == "ok" and not times:
                yield f"call {number} was answered, and never executed"
            if times > 1:
                yield f"call {number} was executed {times} times"

    def _of_publication_ids(self) -> Iterator[str]:
        published: dict[int, int] = {}
        told = [(o.publication, number) for number, o in self.operations.items() if o.publication is not None]
        seen = [pair for listening in self.listenings for pair in listening.seen]
        for publication, number in (*told, *seen):
            if published.setdefault(publication, number) != number:
                yield f"operations {published[publication]} and {number} have the same publication id"

    def _of_listening(self, listening: Listening, begun: list[int]) -> Iterator[str]:
        by_process: dict[int, list[int]] = {}
        for _, number in listening.seen:
            if number in self.operations:
                by_process.setdefault(self.operations[number].process, []).append(number)
            else:
                yield f"event {number} came when nobody waited for it any more"
        for process, numbers in by_process.items():
            if numbers != sorted(set(numbers)):
                yield f"events of process {process} came twice or out of order"
        seen = {number for _, number in listening.seen}
        for number in begun:
            operation = self.operations[number]
            if operation.kind != "publish" or operation.outcome != "ok" or number in seen:
                continue
            last = max(by_process.get(operation.process, [0])) if listening.is_lost else math.inf
            if number <= last and operation.ended < listening.ended:
                yield f"event {number} was acknowledged, and a subscriber did not get it"


def outcome_of(error: WampError) -> Outcome:
    """Return what an error says about what was asked for."""
    if isinstance(error, SessionLost | SessionClosed):
        return "unknown" if error.maybe_executed else "failed"
    if isinstance(error, NoSuchProcedure):
        return "failed"
    return "unknown" if isinstance(error, ApplicationError) else "failed"
