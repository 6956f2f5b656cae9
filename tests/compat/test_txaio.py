"""The functions of txaio, for where it is not installed. What is chosen is chosen per process, so each test has its own."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

# The same steps on both: what runs `main` differs.
STEPS = """
async def main():
    def failed(failure):
        print("failed", txaio.failure_message(failure), isinstance(failure.value, ValueError))

    first = txaio.create_future()
    txaio.add_callbacks(first, lambda value: print("first", value), failed)
    txaio.resolve(first, 3)
    second = txaio.create_future_error(ValueError("planted"))
    txaio.add_callbacks(second, print, failed)
    third = txaio.as_future(lambda x: x + 1, 4)
    print(await txaio.gather([txaio.create_future_success(1), third]))
    (error,) = await txaio.gather([txaio.create_future_error(KeyError("k"))])
    print(type(getattr(error, "value", error)).__name__)
    await txaio.sleep(0.001)
    print(txaio.is_called(first), txaio.is_future(first), txaio.is_future(3))
    cancelled = txaio.create_future(canceller=lambda future: print("cancelled"))
    txaio.add_callbacks(cancelled, print, lambda failure: print(type(failure.value).__name__))
    txaio.cancel(cancelled)
    try:
        raise ValueError("handled")
    except ValueError:
        failure = txaio.create_failure()
        txaio.add_callbacks(txaio.create_future_error(), print, failed)
    print(txaio.failure_traceback(failure) is not None, "handled" in txaio.failure_format_traceback(failure))
    done = txaio.create_future()
    txaio.make_batched_timer(0.01).call_later(0.001, txaio.resolve, done, "in time")
    print(await done)
    txaio.call_later(60, print, "never").cancel()
    txaio.call_later(0.001, print, "named", end="!\\n")
    await txaio.sleep(0.02)
"""
RUN = {
    "asyncio": "import asyncio\nasyncio.run(main())",
    "twisted": "from twisted.internet.task import react\nfrom twisted.internet.defer import ensureDeferred\n"
    "react(lambda reactor: ensureDeferred(main()))",
}
PRINTED = [
    "first 3",
    "failed ValueError: planted True",
    "failed ValueError: handled True",
    "[1, 5]",
    "KeyError",
    "True True False",
    "cancelled",
    "CancelledError",
    "True True",
    "in time",
    "named!",
]


def run(program: str) -> list[str]:
    source = "import sys\nsys.modules['txaio'] = None\nfrom trowamp_compat import txaio\n" + textwrap.dedent(program)
    result = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


@pytest.mark.autobahn("S-97")
@pytest.mark.parametrize("framework", list(RUN))
def test_futures_and_timers_are_those_of_the_framework(framework: str) -> None:
    lines = run(f"txaio.use_{framework}()\n{STEPS}\n{RUN[framework]}\n")
    assert sorted(lines) == sorted(PRINTED)  # callbacks of asyncio come a turn later


def test_one_framework_is_chosen_per_process() -> None:
    lines = run(
        """
        try:
            txaio.create_future()
        except RuntimeError as error:
            print(error)
        print(txaio.using_asyncio, txaio.using_twisted)
        txaio.use_asyncio()
        txaio.use_asyncio()
        try:
            txaio.use_twisted()
        except RuntimeError as error:
            print(error)
        print(txaio.using_asyncio, txaio.using_twisted)
        """
    )
    assert lines[0].startswith("To use txaio, you must first select a framework")
    assert lines[1:] == ["False False", "asyncio has been chosen, twisted cannot be", "True False"]


@pytest.mark.parametrize("framework", list(RUN))
def test_who_has_imported_a_framework_need_not_choose(framework: str) -> None:
    assert run(f"import trowamp_compat.{framework}.websocket\nprint(txaio.using_{framework})") == ["True"]


@pytest.mark.autobahn("S-97")
@pytest.mark.parametrize("framework", list(RUN))
def test_loggers_share_their_level_with_those_of_sessions(framework: str) -> None:
    lines = run(
        f"""
        txaio.use_{framework}()
        from trowamp_compat import _logging
        log, other = txaio.make_logger(), _logging.make_logger({framework!r})
        txaio.start_logging(level="warn")
        other.info("not")
        other.warn("told {{x}}", x=1)
        print(isinstance(log, txaio.ILogger), txaio.get_global_log_level(), txaio.interfaces.log_levels[-1])
        """
    )
    assert [line.split(" ", 1)[1] for line in lines] == ["told 1", "warn trace"]


def test_it_may_stand_in_for_txaio_under_that_name() -> None:
    lines = run(
        """
        sys.modules["txaio"] = txaio
        from trowamp_compat import _logging
        _logging.start_logging("asyncio", level="info")
        _logging.make_logger("asyncio").info("told")
        _logging.set_global_log_level("error")
        _logging.make_logger("asyncio").info("not")
        print("x", txaio.using_asyncio)
        """
    )
    assert [line.split(" ", 1)[1] for line in lines] == ["told", "True"]


def test_another_loop_can_be_named() -> None:
    lines = run(
        """
        import asyncio
        txaio.use_asyncio()
        loop = asyncio.new_event_loop()
        future = txaio.with_config(loop=loop).create_future(result=3)
        print(loop.run_until_complete(future), future.get_loop() is loop)
        txaio.config.loop = loop
        print(loop.run_until_complete(txaio.as_future(len, "four")))
        for wrong in (lambda: txaio.create_future(1, ValueError()), txaio.create_failure):
            try:
                wrong()
            except ValueError as error:
                print(error)
        loop.close()
        try:
            txaio.colour
        except AttributeError as error:
            print("colour" in str(error))
        """
    )
    assert lines == [
        "3 True",
        "4",
        "a future has either a result or an error",
        "there is no exception that is being handled",
        "True",
    ]
