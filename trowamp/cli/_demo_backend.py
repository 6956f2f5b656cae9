"""The two components of `trowamp demo`, each run in a process of its own: `python -m trowamp.cli._demo_backend calculator URL`.

They write what happens to them to standard output, a line each, for the demo to read.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Final

import trio

from .._component import Component
from .._events import Event
from .._exceptions import ApplicationError
from .._procedures import Invocation
from .._run import run
from .._session import Session

REALM: Final = "demo"


def calculator(url: str) -> Component:
    """Make the component that serves procedures."""
    app = _component(url)

    @app.register("demo.add")
    def add(x: float, y: float) -> float:
        return x + y

    @app.register("demo.divide")
    def divide(x: float, y: float) -> float:
        if y == 0:
            raise ApplicationError("demo.error.division_by_zero", "nothing can be divided by zero", dividend=x)
        return x / y

    @app.register("demo.nap")
    async def nap(seconds: float) -> str:
        await trio.sleep(seconds)
        return "rested"

    @app.register("demo.count")
    async def count(total: int, call: Invocation) -> str:
        for number in range(1, total + 1):
            await call.progress(number, total)
        return f"counted to {total}"

    @app.register("demo.endless")
    async def endless() -> None:
        say("demo.endless has started")
        try:
            await trio.sleep_forever()
        finally:
            say("demo.endless has stopped")

    return app


def station(url: str) -> Component:
    """Make the component that follows events, publishes others and calls the other component."""
    app = _component(url)

    @app.subscribe("demo.weather.<city>")
    async def measured(city: str, sky: str, temperature: float, event: Event) -> None:
        say(f"{city}: {sky}, {temperature:g} degrees{', after a gap' if event.after_gap else ''}")
        if temperature < 0 and app.session is not None:
            await app.session.publish(f"demo.alarm.{city}", "frost", temperature=temperature)

    @app.register("demo.average")
    async def average(x: float, y: float) -> float:
        assert app.session is not None
        total = await app.session.call("demo.add", x, y)
        result: float = await app.session.call("demo.divide", total, 2)
        return result

    return app


def say(text: str) -> None:
    """Write a line for the demo."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _component(url: str) -> Component:
    app = Component(url, realm=REALM, initial_retry_delay=0.1, max_retry_delay=0.5)

    @app.on_ready
    def ready(_: Session) -> None:
        say("ready")

    @app.on_leave
    def left(error: Exception | None) -> None:
        say("left" if error is None else f"lost: {error}")

    return app


COMPONENTS: Final[dict[str, Callable[[str], Component]]] = {"calculator": calculator, "station": station}


def main() -> None:
    """Run the component that the arguments name."""
    name, url = sys.argv[1:]
    logging.getLogger("trowamp").setLevel(
        logging.ERROR
    )  # that the router has gone is no news to who reads the lines above
    run(COMPONENTS[name](url))


if __name__ == "__main__":
    main()
