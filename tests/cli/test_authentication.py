"""Who a command is: a ticket, a secret, from where they may come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .program import Ended, Program, Run, environment_of

ROUTER = """
import sys, trio, trowamp

auth = trowamp.RouterAuth(principals={"joe": {"role": "user", "ticket": "t1"}, "ann": {"role": "user", "wampcra": "s1"}})

async def main():
    async with trowamp.open_router(listen=["ws://127.0.0.1:0/ws"], auth=auth) as router:
        print("listening on", router.urls[0], flush=True)
        await trio.sleep_forever()

trio.run(main)
"""


@pytest.fixture(scope="module")
def strict(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of a router that joe may join with a ticket, and ann with a secret."""
    program = Program((), environment_of(project, {}), tmp_path_factory.mktemp("router"), ("-c", ROUTER))
    yield program.says("listening on ").split()[-1]
    program.close()


@pytest.fixture
def publish(here: Run, strict: str) -> Run:
    """Publish an event at that router, and have it acknowledged."""

    def finish(*options: str) -> Ended:
        return here("--url", strict, *options, "publish", "com.example.topic", "--ack")

    return finish


WARNING = "warning: others can see what stands on the command line: use --ticket @FILE or the variable\n"


def test_a_ticket_or_secret_in_a_file_authenticates(publish: Run, tmp_path: Path) -> None:
    (tmp_path / "ticket").write_text("t1\n", encoding="utf-8")
    (tmp_path / "secret").write_text("s1", encoding="utf-8")
    assert publish("--authid", "joe", "--ticket", "@ticket").code == 0
    assert publish("--authid", "ann", "--secret", "@secret").code == 0
    assert publish("--authid", "joe", "--ticket", "@secret").code == 4
    assert publish("--authid", "ann", "--secret", "@ticket").code == 4
    assert publish().code == 4


def test_a_variable_authenticates(publish: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROWAMP_AUTHID", "joe")
    monkeypatch.setenv("TROWAMP_TICKET", "t1")
    code, _, err = publish()
    assert (code, err) == (0, "")
    monkeypatch.setenv("TROWAMP_TICKET", "@ticket")
    assert publish().code == 4


def test_a_secret_on_the_command_line_is_warned_of(publish: Run) -> None:
    code, _, err = publish("--authid", "joe", "--ticket", "t1")
    assert (code, err) == (0, WARNING)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--ticket", "@ticket"), "error: --ticket and --secret need --authid"),
        (
            ("--authid", "joe", "--ticket", "@ticket", "--secret", "@ticket"),
            "error: --ticket and --secret are two ways",
        ),
        (
            ("--ticket", "@nowhere"),
            "error: Invalid value for '--ticket' (env var: 'TROWAMP_TICKET'): cannot read nowhere",
        ),
        (
            ("--ticket", "@octets"),
            "error: Invalid value for '--ticket' (env var: 'TROWAMP_TICKET'): octets is not UTF-8",
        ),
    ],
)
def test_what_authenticates_nobody_is_refused(
    publish: Run, tmp_path: Path, options: tuple[str, ...], complaint: str
) -> None:
    (tmp_path / "ticket").write_text("t1", encoding="utf-8")
    (tmp_path / "octets").write_bytes(b"\xff")
    code, out, err = publish(*options)
    assert (code, out) == (2, "")
    assert err.startswith(complaint)
