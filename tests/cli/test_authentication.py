"""Who a command is: a ticket, a secret, from where they may come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .program import Ended, Program, Run, environment_of

ROUTER = """
import sys, trio, trowamp
from trowamp.auth._scram import ScramCredential
from trowamp.auth._scram_dialects import SPECIFICATION
from trowamp.auth._scram_keys import Costs

auth = trowamp.RouterAuth(
    principals={
        "joe": {"role": "user", "ticket": "t1"},
        "ann": {"role": "user", "wampcra": "s1"},
        "bob": {"role": "user", "wamp-scram": ScramCredential.of(SPECIFICATION, "p1", bytes(16), Costs("pbkdf2", 4096)).write()},
        "eve": {"role": "user", "cryptosign": trowamp.auth.Cryptosign(private_key=b"e" * 32).public_key},
    }
)

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


def test_a_password_in_a_file_authenticates(publish: Run, tmp_path: Path) -> None:
    (tmp_path / "right").write_text("p1\n", encoding="utf-8")
    (tmp_path / "wrong").write_text("p2\n", encoding="utf-8")
    assert publish("--authid", "bob", "--password", "@right").code == 0
    assert publish("--authid", "bob", "--password", "@wrong").code == 4


@pytest.mark.parametrize("content", [b"e" * 32, b"65" * 32 + b"\n"])
def test_a_private_key_in_a_file_authenticates(publish: Run, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    assert publish("--private-key", "@key").code == 0
    assert publish("--private-key", "@key", "--authid", "eve").code == 0
    assert publish("--private-key", "@key", "--authid", "joe").code == 4


def test_a_private_key_in_a_variable_authenticates(publish: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROWAMP_PRIVATE_KEY", "65" * 32)
    code, _, err = publish()
    assert (code, err) == (0, "")


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
        (("--ticket", "@ticket"), "error: --ticket needs --authid"),
        (
            ("--authid", "joe", "--ticket", "@ticket", "--secret", "@ticket"),
            "error: --ticket and --secret are two ways",
        ),
        (
            ("--ticket", "@nowhere"),
            "error: Invalid value for '--ticket': cannot read nowhere",
        ),
        (
            ("--ticket", "@octets"),
            "error: Invalid value for '--ticket': octets is not UTF-8",
        ),
        (("--secret", "@ticket"), "error: --secret needs --authid"),
        (("--password", "@ticket"), "error: --password needs --authid"),
        (("--authid", "bob", "--password", "@bell"), "error: --password: the password holds a character"),
        (("--private-key", "@ticket"), "error: --private-key: this is no private key"),
        (("--ticket", "@ticket", "--private-key", "@ticket"), "error: --ticket and --private-key are two ways"),
        (
            ("--private-key", "@nowhere"),
            "error: Invalid value for '--private-key': cannot read nowhere",
        ),
    ],
)
def test_what_authenticates_nobody_is_refused(
    publish: Run, tmp_path: Path, options: tuple[str, ...], complaint: str
) -> None:
    (tmp_path / "ticket").write_text("t1", encoding="utf-8")
    (tmp_path / "octets").write_bytes(b"\xff")
    (tmp_path / "bell").write_bytes(b"\x07")
    code, out, err = publish(*options)
    assert (code, out) == (2, "")
    assert err.startswith(complaint)
