"""Ctrl-C and SIGTERM while Twisted's reactor starts: no program goes on as if nothing had come."""

from __future__ import annotations

import pytest

from .test_running import Start, ended, start  # noqa: F401

RUNS = {
    "run": "component.run(component.Component(transports=sys.argv[1]), log_level='error')",
    "runner": "wamp.ApplicationRunner(sys.argv[1], 'realm1').run(wamp.ApplicationSession, auto_reconnect=True, log_level='error')",
}
MOMENTS = {
    "as Twisted starts": "reactor.addSystemEventTrigger('before', 'startup', signal.raise_signal, number)",
    "with the first sessions": "reactor.callWhenRunning(signal.raise_signal, number)",
}

PROGRAM = """
import signal, sys
from twisted.internet import reactor
from trowamp_compat.twisted import component, wamp

number = signal.NUMBER
before = signal.getsignal(number)
MOMENT
RUN
print("ended, and as before:", signal.getsignal(number) == before)
"""


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_signal_that_comes_while_the_reactor_starts_ends_the_program(
    start: Start,  # noqa: F811
    number: str,
    run: str,
    moment: str,
) -> None:
    text = PROGRAM.replace("NUMBER", number).replace("MOMENT", MOMENTS[moment]).replace("RUN", RUNS[run])
    end = ended(start(text, "twisted"))
    assert (end.out, end.err) == ("ended, and as before: True\n", "")


def test_what_a_program_does_about_a_signal_itself_stays_as_it_is(start: Start) -> None:  # noqa: F811
    text = """
    import signal, sys
    from twisted.internet import reactor
    from trowamp_compat.twisted.component import Component, run

    def mine(number, frame):
        print("mine")
        reactor.callFromThread(reactor.stop)

    signal.signal(signal.SIGINT, mine)
    reactor.callWhenRunning(signal.raise_signal, signal.SIGINT)
    run(Component(transports=sys.argv[1]), log_level="error")
    print(signal.getsignal(signal.SIGINT) is mine)
    """
    end = ended(start(text, "twisted"))
    assert end.out.splitlines() == ["mine", "True"]


def test_a_signal_before_anything_runs_is_not_lost(start: Start) -> None:  # noqa: F811
    text = """
    import signal
    from trowamp_compat.twisted._signals import HeldSignals

    try:
        with HeldSignals():
            signal.raise_signal(signal.SIGINT)
            print("held")
    except KeyboardInterrupt:
        print("told")
    """
    end = ended(start(text, "twisted"))
    assert end.out.splitlines() == ["held", "told"]
