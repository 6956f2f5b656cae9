"""`trowamp hash-password`: what a router's configuration holds instead of a password."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import click

from .._exit_codes import OK
from ..auth._octets import sha256, to_base64
from ..auth._scram import ScramCredential
from ..auth._scram_dialects import DIALECTS, SPECIFICATION, Dialect
from ..auth._scram_keys import ARGON2, DEFAULT_COSTS, PBKDF2, Costs
from ..auth._wampcra import DEFAULT_ITERATIONS as CRA_ITERATIONS
from ..auth._wampcra import MAX_ITERATIONS, derive_key
from ._command import Command
from ._output import write
from ._settings import TALK
from ._values import to_json

_EXAMPLES: Final = (
    "trowamp hash-password                              # for WAMP-CRA; asks for the password",
    "trowamp hash-password --method wamp-scram          # or takes the first line of standard input",
    "trowamp hash-password --method wamp-scram --kdf pbkdf2 --iterations 600000",
    "trowamp hash-password --method ticket              # for random tickets: a password is guessed too fast",
)
_SALT_SIZE: Final = 16
_PBKDF2_ITERATIONS: Final = 600_000

Costly = tuple[str | None, int | None, int | None]  # what the options say: function, iterations, memory


@click.command("hash-password", cls=Command, shared=TALK, examples=_EXAMPLES)
@click.option(
    "--method",
    type=click.Choice(("wampcra", *DIALECTS, "ticket")),
    default="wampcra",
    help="The authentication method. Default: wampcra.",
)
@click.option(
    "--kdf", type=click.Choice((ARGON2, PBKDF2)), help=f"How wamp-scram stretches the password. Default: {ARGON2}."
)
@click.option(
    "--iterations", type=click.IntRange(1, MAX_ITERATIONS), metavar="N", help="How often. Default: what is good today."
)
@click.option("--memory", type=click.IntRange(8), metavar="KIB", help=f"Memory for {ARGON2}, in KiB.")
def hash_password(*, method: str, kdf: str | None, iterations: int | None, memory: int | None) -> int:
    """Make of a password what a router needs to know of it.

    The password is the first line of standard input; on a terminal it is asked for, twice, and not shown. What is printed is the line of TOML for the
    principal in a router's configuration.
    """
    _refuse_what_has_no_effect(method, kdf, iterations, memory)
    password = _read_password()
    try:
        credential = _MAKERS[method](password, (kdf, iterations, memory))
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    fields = ", ".join(f"{key} = {to_json(value)}" for key, value in credential.items())
    write(f"{method} = {{ {fields} }}\n".encode())
    return OK


def _refuse_what_has_no_effect(method: str, kdf: str | None, iterations: int | None, memory: int | None) -> None:
    if kdf is not None and method != SPECIFICATION.method:
        raise click.UsageError("--kdf is for --method wamp-scram")
    if memory is not None and (method not in DIALECTS or kdf == PBKDF2):
        raise click.UsageError(f"--memory is for {ARGON2}")
    if iterations is not None and method == "ticket":
        raise click.UsageError("--iterations has no effect on tickets")


def _read_password() -> str:
    """Read the password, without its line feed.

    Raises:
        click.UsageError: There is none.
    """
    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt="Once more", err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise click.UsageError("there is no password on standard input")
    return str(password)


def _ticket(password: str, _: Costly) -> dict[str, Any]:
    return {"sha256": sha256(password.encode("utf-8", "surrogatepass")).hex()}


def _wampcra(password: str, costs: Costly) -> dict[str, Any]:
    iterations = costs[1] or CRA_ITERATIONS
    salt = to_base64(os.urandom(_SALT_SIZE))
    key = derive_key(password, salt, iterations).decode()
    return {"key": key, "salt": salt, "iterations": iterations, "keylen": 32}


def _scram(dialect: Dialect, password: str, told: Costly) -> dict[str, Any]:
    kdf, iterations, memory = told
    if kdf == PBKDF2:
        costs = Costs(PBKDF2, iterations or _PBKDF2_ITERATIONS)
    else:
        costs = Costs(ARGON2, iterations or DEFAULT_COSTS.iterations, memory or DEFAULT_COSTS.memory)
    return ScramCredential.of(dialect, password, os.urandom(_SALT_SIZE), costs).write()


_MAKERS: Final[dict[str, Callable[[str, Costly], dict[str, Any]]]] = {
    "ticket": _ticket,
    "wampcra": _wampcra,
    **{method: partial(_scram, dialect) for method, dialect in DIALECTS.items()},
}
