"""`trowamp keygen`: keys for cryptosign."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import click

from .._exit_codes import OK
from ..auth._cryptosign import Cryptosign
from ._command import Command
from ._output import notice, write
from ._settings import TALK, Settings

_EXAMPLES: Final = (
    "trowamp keygen joe.key                       # makes the private key, prints the public one",
    "trowamp keygen --public joe.key              # prints the public key of a file that there is",
    "trowamp keygen --public ~/.ssh/id_ed25519",
)


@click.command("keygen", cls=Command, shared=TALK, examples=_EXAMPLES)
@click.option("--public", is_flag=True, help="Print the public key of a private key that there is, and make none.")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def keygen(settings: Settings, *, public: bool, file: Path) -> int:
    """Make an Ed25519 private key in FILE, which must not exist yet, and print its public key.

    The router has to know the public key (`cryptosign = "..."` in its configuration), the client has to have the private one
    (`--private-key @FILE`). OpenSSH files of unencrypted Ed25519 keys will do as well.
    """
    key = _read(file) if public else _make(file)
    if not public and not settings.quiet:
        notice(f"{file} holds the private key: whoever has it can be you. This is the public key:")
    write(f"{key.public_key}\n".encode())
    return OK


def _make(file: Path) -> Cryptosign:
    """Make a key that only its owner can read.

    Raises:
        click.UsageError: The file cannot be made.
    """
    seed = os.urandom(32)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise click.UsageError(f"{file} exists; a key that was overwritten is lost for ever") from None
    except OSError as error:
        raise click.UsageError(f"cannot make {file}: {error.strerror}") from None
    with open(descriptor, "w", encoding="ascii") as opened:  # noqa: PTH123  # a descriptor, not a path
        opened.write(f"{seed.hex()}\n")
    return Cryptosign(private_key=seed)


def _read(file: Path) -> Cryptosign:
    """Read a key.

    Raises:
        click.UsageError: The file cannot be read, or holds no such key.
    """
    try:
        return Cryptosign(private_key=file.read_bytes())
    except OSError as error:
        raise click.UsageError(f"cannot read {file}: {error.strerror}") from None
    except ValueError as error:
        raise click.UsageError(f"{file}: {error}") from None
