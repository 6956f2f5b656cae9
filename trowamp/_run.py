"""Running components as a program: own loop, orderly end on Ctrl-C and SIGTERM, an exit code that tells what happened."""

from __future__ import annotations

import signal
import sys

import trio

from ._component import Component
from ._exit_codes import INTERRUPTED, exit_code_of
from ._failures import leaves, open_service_nursery


def run(*components: Component) -> None:
    """Run components until all are done.

    Ctrl-C and SIGTERM leave every session in good order first. Call it from a program's main thread.

    Args:
        components: What to run, all in one event loop.

    Raises:
        SystemExit: A component failed in a way that needs no traceback (one line on stderr tells; codes: 1 the router or a callee answered with an
            error, 2 something cannot be sent or is not supported, 3 no connection, 4 join refused, 5 session lost, 124 time-out), or Ctrl-C was
            pressed (130). SIGTERM ends with 0.
        Exception: Whatever else a component raised.
        ValueError: There is no component.
    """
    if not components:
        raise ValueError("give at least one component to run")
    try:
        # interrupted between two steps, no session is left half way through one: its GOODBYE can be sent
        trio.run(run_components, *components, restrict_keyboard_interrupt_to_checkpoints=True)
    except (Exception, BaseExceptionGroup, KeyboardInterrupt) as error:
        failures = leaves(error)
        codes = [exit_code_of(failure) for failure in failures]
        if INTERRUPTED in codes:
            sys.exit(INTERRUPTED)
        if None in codes:
            raise
        sys.stderr.writelines(f"{type(failure).__name__}: {failure}\n" for failure in failures)
        sys.exit(codes[0])


async def run_components(*components: Component) -> None:
    """Run components inside a Trio program until all are done; SIGTERM ends them in good order. Raises what the first one to fail raises."""
    async with open_service_nursery() as nursery:
        nursery.start_soon(_stop_on_sigterm, components)
        done = [trio.Event() for _ in components]
        for component, event in zip(components, done, strict=True):
            nursery.start_soon(_run_one, component, event)
        for event in done:
            await event.wait()


async def _run_one(component: Component, done: trio.Event) -> None:
    await component.run()
    done.set()


async def _stop_on_sigterm(components: tuple[Component, ...]) -> None:
    with trio.open_signal_receiver(signal.SIGTERM) as received:
        async for _ in received:
            for component in components:
                component.stop()
