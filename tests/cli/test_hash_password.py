"""`trowamp hash-password`: what it prints lets exactly the one in who knows the password."""

from __future__ import annotations

import io
import sys
import tomllib
from typing import Any

import pytest

from trowamp import JoinError, RouterAuth, auth, open_router
from trowamp.auth import ClientAuthenticator

from .program import Ended, Run

PASSWORD = "correct horse"


@pytest.fixture
def hashed(here: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Hash a password that stands on standard input."""

    def finish(*options: str, given: str = PASSWORD + "\n") -> Ended:
        monkeypatch.setattr(sys, "stdin", io.StringIO(given))
        return here("hash-password", *options)

    return finish


def client(method: str, password: str) -> ClientAuthenticator:
    classes: dict[str, Any] = {
        "ticket": auth.Ticket,
        "wampcra": auth.WampCra,
        "wamp-scram": auth.Scram,
        "scram": auth.CrossbarScram,
    }
    made: ClientAuthenticator = classes[method]("joe", password)
    return made


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("wampcra", ()),
        ("wampcra", ("--method", "wampcra", "--iterations", "1000")),
        ("wamp-scram", ("--method", "wamp-scram", "--memory", "8192")),
        ("wamp-scram", ("--method", "wamp-scram", "--kdf", "pbkdf2", "--iterations", "4096")),
        ("scram", ("--method", "scram", "--memory", "8192", "--iterations", "4")),
        ("ticket", ("--method", "ticket")),
    ],
)
async def test_who_knows_the_password_is_let_in_by_what_is_printed(
    hashed: Run, method: str, options: tuple[str, ...]
) -> None:
    code, out, err = hashed(*options)
    assert (code, err) == (0, "")
    assert PASSWORD not in out
    principal = {"role": "user", **tomllib.loads(out)}
    assert list(principal) == ["role", method]
    async with open_router(auth=RouterAuth(principals={"joe": principal})) as router:
        async with router.open_session(realm="realm1", auth=client(method, PASSWORD)) as session:
            assert session.details.authmethod == method
        with pytest.raises(JoinError):
            async with router.open_session(realm="realm1", auth=client(method, "wrong")):
                raise AssertionError("joined")


def test_no_two_salts_are_the_same(hashed: Run) -> None:
    assert hashed("--iterations", "1").out != hashed("--iterations", "1").out


def test_blanks_belong_to_the_password_and_the_line_feed_does_not(hashed: Run) -> None:
    outs = {hashed("--method", "ticket", given=given).out for given in ("a b ", "a b \n", "a b \r\n", "a b \nmore\n")}
    assert len(outs) == 1
    assert hashed("--method", "ticket", given="a b").out not in outs


@pytest.mark.parametrize(
    ("options", "given", "complaint"),
    [
        ((), "", "error: there is no password on standard input"),
        ((), "\n", "error: there is no password on standard input"),
        (("--method", "wamp-scram"), "canary\x07\n", "error: the password holds a character that SASLprep prohibits"),
        (("--kdf", "pbkdf2"), "x", "error: --kdf is for --method wamp-scram"),
        (("--memory", "8192"), "x", "error: --memory is for argon2id13"),
        (("--method", "wamp-scram", "--kdf", "pbkdf2", "--memory", "8192"), "x", "error: --memory is for argon2id13"),
        (("--method", "ticket", "--iterations", "5"), "x", "error: --iterations has no effect on tickets"),
        (("--method", "scram", "--memory", "8"), "x", "error: argon2id13 with parameters that are out of bounds"),
        (("--method", "magic"), "x", "error: Invalid value for '--method'"),
    ],
)
def test_what_is_wrong_is_told(hashed: Run, options: tuple[str, ...], given: str, complaint: str) -> None:
    code, out, err = hashed(*options, given=given)
    assert (code, out) == (2, "")
    assert err.startswith(complaint)
    assert "canary" not in err


def test_on_a_terminal_the_password_is_asked_for_twice_and_not_shown(
    here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    asked: list[str] = []

    def read(prompt: str) -> str:
        asked.append(prompt)
        return PASSWORD

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("click.termui.hidden_prompt_func", read)
    code, out, err = here("hash-password", "--method", "ticket")
    assert code == 0
    assert out.startswith("ticket = { sha256 = ")
    assert len(asked) == 2
    assert PASSWORD not in out + err
