"""Logging, with txaio and without, for both frameworks. What is global is tried in processes of its own."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest
from trowamp_compat import _logging
from trowamp_compat._logging import LOG_LEVELS, Logger

FRAMEWORKS = ["asyncio", "twisted"]


class Loud:
    """Tells when it is looked at."""

    looks = 0
    x = 3

    def __str__(self) -> str:
        Loud.looks += 1
        return "loud"


@pytest.fixture
def logger() -> Iterator[tuple[Logger, list[Any]]]:
    """Return a logger and what it has written."""
    written: list[Any] = []

    def sink(name: str, level: str, format: str | None = None, /, **values: Any) -> None:  # noqa: A002
        written.append((name, level, _logging._text(format, values)))

    before = _logging.get_global_log_level()
    yield Logger("tests", sink), written
    _logging.set_global_log_level(before)


def run(program: str, *, without_txaio: bool) -> list[str]:
    """Run a program and return the lines that it prints."""
    source = "import sys\nsys.modules['txaio'] = None\n" if without_txaio else ""
    result = subprocess.run(
        [sys.executable, "-c", source + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


@pytest.mark.frameworks("asyncio", "twisted")
@pytest.mark.autobahn("S-97")
def test_a_format_names_values_and_their_attributes(logger: tuple[Logger, list[Any]]) -> None:
    log, written = logger
    log.info("{a.x} {a} {b!r}", a=Loud(), b="text", name="kept", level="kept")
    assert written == [("tests", "info", "3 loud 'text'")]


@pytest.mark.frameworks("asyncio", "twisted")
@pytest.mark.autobahn("S-97")
@pytest.mark.parametrize("level", LOG_LEVELS)
def test_a_level_that_is_not_enabled_does_nothing_and_looks_at_nothing(
    logger: tuple[Logger, list[Any]], level: str
) -> None:
    log, written = logger
    _logging.set_global_log_level(level)
    assert _logging.get_global_log_level() == level
    Loud.looks = 0
    for name in LOG_LEVELS[1:]:
        getattr(log, name)("{x}", x=Loud())
    enabled = list(LOG_LEVELS[1 : LOG_LEVELS.index(level) + 1])
    assert [entry[1] for entry in written] == enabled
    assert len(enabled) == Loud.looks
    disabled = [getattr(log, name) for name in LOG_LEVELS[1:] if name not in enabled]
    assert all(method is _logging._do_nothing for method in disabled)


def test_a_level_can_be_told_by_its_name(logger: tuple[Logger, list[Any]]) -> None:
    log, written = logger
    log.emit("error", "{x}", x=1)
    assert written == [("tests", "error", "1")]
    with pytest.raises(ValueError, match="loud"):
        log.emit("loud", "x")
    for call in (_logging.set_global_log_level, lambda level: _logging.start_logging("asyncio", level=level)):
        with pytest.raises(ValueError, match="none, critical, error"):
            call("loud")


def test_logging_never_raises(logger: tuple[Logger, list[Any]]) -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("broken")

    log, written = logger
    log.error("{missing}")
    log.error("{x}", x=Broken())
    log.error(None, x=1, y=2)
    assert [text.split(" (")[0] for _, _, text in written] == ["{missing}", "{x}", "x=1, y=2"]


@pytest.mark.frameworks("asyncio")
@pytest.mark.autobahn("S-97")
def test_loggers_of_asyncio_write_to_pythons_logging(caplog: pytest.LogCaptureFixture) -> None:
    log = Logger("tests.asyncio", _logging._to_logging)
    with caplog.at_level(logging.DEBUG, logger="tests.asyncio"):
        log.info("100 % of {x}", x=3)
        try:
            raise ValueError("planted")
        except ValueError as error:
            log.failure("failed: {log_failure.value}")
            log.failure("again: {log_failure.value}", error)
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        ("INFO", "100 % of 3"),
        ("CRITICAL", "failed: planted"),
        ("CRITICAL", "again: planted"),
    ]
    assert all(each.exc_info is not None for each in caplog.records[1:])


PROGRAM = """
from trowamp_compat import _logging
log = _logging.make_logger({framework!r})
_logging.start_logging({framework!r}, level="info")
log.info("first {{x}}", x=1)
log.debug("not")
_logging.start_logging({framework!r}, level="debug")
log.debug("second")
_logging.set_global_log_level("none")
log.info("not")
"""


@pytest.mark.autobahn("S-97")
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_what_is_logged_after_the_start_is_printed_with_the_time(framework: str) -> None:
    lines = run(PROGRAM.format(framework=framework), without_txaio=True)
    assert [line.split(" ", 1)[1] for line in lines] == ["first 1", "second"]
    assert all(re.match(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d", line) for line in lines)


@pytest.mark.autobahn("S-97")
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_with_txaio_its_own_logging_is_started(framework: str) -> None:
    lines = run(PROGRAM.format(framework=framework), without_txaio=False)
    assert lines[0].split(" ", 1)[1] == "first 1"
    assert not any(line.endswith("not") for line in lines)


@pytest.mark.autobahn("S-97")
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_traceback_is_printed_behind_a_failure(framework: str) -> None:
    lines = run(
        f"""
        from trowamp_compat import _logging
        log = _logging.make_logger({framework!r})
        _logging.start_logging({framework!r})
        try:
            1 / 0
        except ZeroDivisionError:
            log.failure("failed: {{log_failure.value}}")
        log.error("again", exc_info=KeyError("planted"))
        log.error(None, x=1)
        """,
        without_txaio=True,
    )
    assert lines[0].endswith("failed: division by zero")
    assert any("Traceback" in line for line in lines)
    assert any(line.endswith("ZeroDivisionError: division by zero") for line in lines)
    assert any(line.endswith("KeyError: 'planted'") for line in lines)
    assert lines[-1].endswith("x=1")


@pytest.mark.frameworks("asyncio")
@pytest.mark.autobahn("S-97")
def test_what_a_program_has_configured_is_left_alone() -> None:
    lines = run(
        """
        import logging, sys
        logging.basicConfig(stream=sys.stdout, format="mine: %(message)s", level="INFO")
        from trowamp_compat import _logging
        _logging.start_logging("asyncio", level="debug")
        log = _logging.make_logger("asyncio", "app")
        log.info("told")
        log.debug("root says no")
        print(len(logging.getLogger().handlers))
        """,
        without_txaio=True,
    )
    assert lines == ["mine: told", "1"]


@pytest.mark.autobahn("S-97")
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_txaio_is_told_the_framework_and_its_loggers_are_used(framework: str) -> None:
    lines = run(
        f"""
        from trowamp_compat import _logging
        _logging.announce({framework!r})
        import txaio
        print(getattr(txaio, "using_" + {framework!r}), type(_logging.make_logger({framework!r})).__module__)
        txaio.start_logging(level="error")
        """,
        without_txaio=False,
    )
    assert lines[0] == f"True txaio.{'aio' if framework == 'asyncio' else 'tx'}"


@pytest.mark.frameworks("asyncio", "twisted")
@pytest.mark.autobahn("S-97", "W-27")
def test_the_framework_that_txaio_does_not_use_logs_without_it() -> None:
    lines = run(
        """
        import txaio
        txaio.use_asyncio()
        from trowamp_compat import _logging
        _logging.announce("twisted")
        print(txaio.using_asyncio, type(_logging.make_logger("asyncio")).__module__)
        print(type(_logging.make_logger("twisted")).__module__)
        """,
        without_txaio=False,
    )
    assert lines == ["True txaio.aio", "trowamp_compat._logging"]


@pytest.mark.frameworks("asyncio", "twisted")
@pytest.mark.autobahn("W-27")
def test_making_a_logger_loads_no_framework() -> None:
    lines = run(
        """
        import sys
        from trowamp_compat import _logging
        for framework in ("asyncio", "twisted"):
            _logging.make_logger(framework)
        print([name for name in ("asyncio", "twisted") if name in sys.modules])
        """,
        without_txaio=True,
    )
    assert lines == ["[]"]


@pytest.mark.frameworks("twisted")
@pytest.mark.autobahn("S-97")
def test_observers_of_twisted_see_what_is_logged_and_can_format_it() -> None:
    lines = run(
        """
        from twisted.logger import formatEvent, globalLogPublisher
        from trowamp_compat import _logging

        seen = []
        globalLogPublisher.addObserver(seen.append)
        log = _logging.make_logger("twisted", "app")
        log.info("{x} of {y.real}", x=1, y=2)
        log.debug("not")
        print([(event["log_level"].name, event["log_namespace"], formatEvent(event)) for event in seen], file=sys.__stdout__)
        """,
        without_txaio=True,
    )
    assert lines == ["[('info', 'app', '1 of 2')]"]


@pytest.mark.autobahn("S-97")
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_sessions_and_components_have_a_logger_and_run_starts_logging(framework: str) -> None:
    lines = run(
        f"""
        from trowamp_compat.{framework}.component import Component, run

        component = Component(transports={{"url": "rs://127.0.0.1:1", "max_retries": 0}})
        session = component._make_session()

        class Tells:
            real = 5

        @component.on_connectfailure
        def failed(component, error):
            for log in (component.log, session.log):
                log.info("the value is {{it.real}}", it=Tells())
                log.debug("not {{it}}", it=Tells())

        try:
            run([component], log_level="info")
        except Exception as error:
            pass
        """,
        without_txaio=True,
    )
    assert [line.split(" ", 1)[1] for line in lines if "the value" in line] == ["the value is 5"] * 2
    assert not any("not" in line.split(" ", 1)[1:] for line in lines)
