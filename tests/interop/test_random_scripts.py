"""R12: the same random scripts for `trowamp`'s router and for Crossbar.io: where one answers otherwise, the reason is in a table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Final, NamedTuple

import pytest
import trio

from tests.faults.goals import SCALE, scaled, seed_of
from trowamp import RouterOptions, open_router, uris
from trowamp.messages import Call

from .crossbar_node import REALM, CrossbarNode
from .random_scripts import GONE, Line, Step, open_player, random_script

SCRIPTS = 100
STEPS = 25
AT_ONCE = 8
ENDS_OF_CALLS = {"cancel", "yield", "fail", "leave", "vanish"}

pytestmark = pytest.mark.timeout(300 * SCALE)


def errors(lines: list[Line]) -> set[str]:
    """Return the URIs of all errors."""
    return {line[4] for line in lines if line[1] == "Error"}


def kinds(lines: list[Line]) -> set[str]:
    """Return the kinds of all messages."""
    return {line[1] for line in lines}


def more(lines: list[Line], others: list[Line]) -> list[Line]:
    """Return the lines that are not among the others."""
    return [line for line in lines if line not in others]


def unnumbered(lines: list[Line]) -> list[Line]:
    """Return lines with names that do not count: one message more from a router, and it counts on from there."""
    return [tuple(re.sub(r" \d+$", "", part) if isinstance(part, str) else part for part in line) for line in lines]


class Difference(NamedTuple):
    """What the routers do differently.

    Attributes:
        id: Where docs/explanation/interoperability.md explains it.
        explains: Whether this is it, given the steps so far, what our router answered to the last one, and what Crossbar did.
    """

    id: str
    explains: Callable[[list[Step], list[Line], list[Line]], bool]


def _cuts_off_for_a_uri(steps: list[Step], ours: list[Line], theirs: list[Line]) -> bool:
    step = steps[-1]
    is_refused = errors(ours) == {uris.ERROR_INVALID_URI} or (step.action == "publish" and not ours)
    return is_refused and (step.session, GONE) in theirs


def _names_the_conflict_otherwise(steps: list[Step], ours: list[Line], theirs: list[Line]) -> bool:
    conflict = "wamp.error.procedure_exists_with_different_invocation_policy"
    return errors(ours) == {uris.ERROR_PROCEDURE_ALREADY_EXISTS} and errors(theirs) == {conflict}


def _registers_twice(steps: list[Step], ours: list[Line], theirs: list[Line]) -> bool:
    is_shared = steps[-1].options.get("invoke", "single") != "single"
    return is_shared and errors(ours) == {uris.ERROR_PROCEDURE_ALREADY_EXISTS} and kinds(theirs) == {"Registered"}


def _takes_turns_otherwise(steps: list[Step], ours: list[Line], theirs: list[Line]) -> bool:
    is_shared = any(step.action == "register" and step.options.get("invoke") == "roundrobin" for step in steps)
    invocations = [[line[3:] for line in lines] for lines in (ours, theirs)]
    return is_shared and kinds(ours) == kinds(theirs) == {"Invocation"} and invocations[0] == invocations[1]


def _treats_a_cancelled_call_otherwise(steps: list[Step], ours: list[Line], theirs: list[Line]) -> bool:
    cancels = [step for step in steps if step.action == "cancel"]
    is_other = len(cancels) > 1 or any(step.options["mode"] != "killnowait" for step in cancels)
    own, instead = more(ours, theirs), more(theirs, ours)
    of_calls = kinds(own) <= {"Result", "Error"} and kinds(instead) <= {"Error"}
    return is_other and of_calls and errors(instead) <= {uris.ERROR_CANCELED} and steps[-1].action in ENDS_OF_CALLS


def _answers_once_more_when_somebody_leaves(steps: list[Step], ours: list[Line], theirs: list[Line]) -> bool:
    """It answers calls of who leaves to itself, and calls to who leaves that were cancelled and answered before."""
    cancelled = {step.session for step in steps if step.action == "cancel"}
    ours, theirs = unnumbered(ours), unnumbered(theirs)
    answers = more(theirs, ours)
    of_calls = all(line[1:3] == ("Error", Call.code) and line[0] in {steps[-1].session, *cancelled} for line in answers)
    is_more = not more(ours, theirs) and errors(answers) == {uris.ERROR_CANCELED}
    return steps[-1].action in {"leave", "vanish"} and is_more and of_calls


DIFFERENCES: Final = (
    Difference("URI", _cuts_off_for_a_uri),
    Difference("R11", _names_the_conflict_otherwise),
    Difference("R12", _registers_twice),
    Difference("TURN", _takes_turns_otherwise),
    Difference("R3", _treats_a_cancelled_call_otherwise),
    Difference("BYE", _answers_once_more_when_somebody_leaves),
)


class Comparison:
    """Plays scripts to both routers; a script is compared up to the first difference, as what follows has another past."""

    def __init__(self, urls: tuple[str, str]) -> None:
        self.same = 0
        self.explained: Counter[str] = Counter()
        self.unexplained: list[str] = []
        self._urls = urls
        self._turns = trio.CapacityLimiter(AT_ONCE)

    async def run(self, seed: int) -> None:
        """Play one script."""
        script = random_script(seed, STEPS)
        heard = []
        async with self._turns:
            for url in self._urls:
                async with open_player(
                    url, REALM, ("json", "msgpack", "cbor")[seed % 3], f"com.script{seed}"
                ) as player:
                    heard.append(await player.play(script))
        for number, (step, ours, theirs) in enumerate(zip(script, *heard, strict=True)):
            if ours == theirs:
                self.same += 1
                continue
            ids = [
                difference.id for difference in DIFFERENCES if difference.explains(script[: number + 1], ours, theirs)
            ]
            self.explained.update(ids)
            if not ids:
                self.unexplained.append(f"script {seed}, step {number}: {step}\n  ours: {ours}\n  theirs: {theirs}")
            return


@pytest.mark.differs("URI", "R11", "R12", "TURN", "R3", "BYE")
@pytest.mark.parametrize("framing", ["ws", "rs"])
async def test_both_routers_answer_random_scripts_alike(crossbar: CrossbarNode, framing: str) -> None:
    count = scaled(SCRIPTS // 2)
    first = seed_of("random scripts", in_the_suite=1)
    async with open_router([REALM], [f"{framing}://127.0.0.1:0"]) as router:
        comparison = Comparison((router.urls[0], crossbar.url(framing)))
        async with trio.open_nursery() as nursery:
            for number in range(count):
                nursery.start_soon(comparison.run, first + number)
    print(framing, dict(comparison.explained))  # noqa: T201  # how often each difference was met
    assert comparison.unexplained == []
    assert comparison.same >= count * STEPS / 2


async def test_a_router_that_is_another_is_found_out() -> None:
    async with (
        open_router([REALM], ["ws://127.0.0.1:0"]) as router,
        open_router([REALM], ["ws://127.0.0.1:0"]) as same,
        open_router([REALM], ["ws://127.0.0.1:0"], limits=RouterOptions(max_session_entries=1)) as other,
    ):
        alike, unlike = Comparison((router.urls[0], same.urls[0])), Comparison((router.urls[0], other.urls[0]))
        for seed in range(5):
            await alike.run(seed)
            await unlike.run(seed)
    assert alike.same == 5 * STEPS
    assert len(unlike.unexplained) >= 2
