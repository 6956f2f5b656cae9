"""R25: a session is told of failures in the order in which Autobahn tells its own: the same program, and octet for octet the same failing router."""

from __future__ import annotations

import json
import sys

import pytest

from tests.faults.goals import check

from .both_packages import printed

PROGRAM = "autobahn_failures.py"

TOLD = "who breaks the protocol is named: onLeave tells so; the connection was not closed cleanly where that lay below WAMP"
LOST = "a lost request fails with TransportLost, which knows whether it may have been executed"
KNOWN = "an invocation that nobody serves is answered with an error"
HEARD = "what fails in onJoin is told"
ORDER = "what comes in one packet with WELCOME waits until the session has been joined"
DIFFERENCES = {
    "asyncio": {
        "EVENT before WELCOME": TOLD,
        "no JSON before WELCOME": TOLD,
        "WELCOME without roles": TOLD,
        "WELCOME with a session id of text": TOLD,
        "WELCOME with an unknown role": TOLD,
        "GOODBYE together with WELCOME": ORDER,
        "no JSON": TOLD,
        "an empty message": TOLD,
        "an unknown message": TOLD,
        "a second WELCOME": TOLD,
        "RESULT of no call": TOLD,
        "a message of a reserved type": TOLD,
        "call, then closed": LOST,
        "call, then reset": LOST,
        "call, then no JSON": TOLD,
        "subscribe, then closed": LOST,
        "publish, then closed": LOST,
        "failure of onJoin": HEARD,
    },
    "twisted": {
        "EVENT before WELCOME": TOLD,
        "WELCOME with an unknown role": TOLD,
        "no JSON": TOLD,
        "an empty message": TOLD,
        "an unknown message": TOLD,
        "a second WELCOME": TOLD,
        "RESULT of no call": TOLD,
        "INVOCATION of no procedure": KNOWN,
        "a message of a reserved type": TOLD,
        "call, then closed": LOST,
        "call, then reset": LOST,
        "call, then no JSON": TOLD,
        "subscribe, then closed": LOST,
        "publish, then closed": LOST,
    },
}


def told(python: str, package: str, framework: str) -> dict[str, list[str]]:
    """Return what a session was told, by the name of the failure."""
    return dict(json.loads(line) for line in printed(python, PROGRAM, package, FRAMEWORK=framework))


def without_the_error(events: list[str]) -> list[str]:
    return ["request failed" if event.startswith("request") else event for event in events]


@pytest.mark.parametrize("framework", ["asyncio", "twisted"])
def test_a_session_is_told_of_failures_in_the_order_of_autobahn(autobahn_python: str, framework: str) -> None:
    ours = told(sys.executable, "trowamp_compat", framework)
    theirs = told(autobahn_python, "autobahn", framework)
    assert ours.keys() == theirs.keys()
    differing = {name for name in ours if ours[name] != theirs[name]}
    listed = DIFFERENCES[framework].keys()
    unlisted = {name: (theirs[name], ours[name]) for name in differing - listed}
    print(unlisted)  # noqa: T201  # for whoever has to find out
    check("R25", f"scripted failures, {framework}", len(ours), ">=", 40)
    check("R25", f"of those, told in another way without a reason, {framework}", len(unlisted), "==", 0)
    assert differing == listed, "a difference that is listed is none"
    for name, why in DIFFERENCES[framework].items():
        if why is LOST:
            assert without_the_error(ours[name]) == without_the_error(theirs[name]), name
