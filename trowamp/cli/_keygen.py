"""`trowamp keygen`: keys for cryptosign, and for end-to-end encryption."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import click

from .._exit_codes import OK
from ..auth._cryptosign import Cryptosign
from ..payloads import KeyPair
from ._command import Command
from ._output import notice, write
from ._settings import TALK, Settings

_EXAMPLES: Final = (
    "trowamp keygen joe.key                       # makes the private key, prints the public one",
    "trowamp keygen --public joe.key              # prints the public key of a file that there is",
    "trowamp keygen --public ~/.ssh/id_ed25519",
    "trowamp keygen --box callers.key             # the same for end-to-end encryption",
)


@click.command("keygen", cls=Command, shared=TALK, examples=_EXAMPLES)
@click.option("--public", is_flag=True, help="Print the public key of a private key that there is, and make none.")
@click.option("--box", is_flag=True, help="A key for end-to-end encryption: X25519, in base64.")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def keygen(settings: Settings, *, public: bool, box: bool, file: Path) -> int:
    """Make an Ed25519 private key in FILE, which must not exist yet, and print its public key.

    The router has to know the public key (`cryptosign = "..."` in its configuration), the client has to have the private one
    (`--private-key @FILE`). OpenSSH files of unencrypted Ed25519 keys will do as well. With `--box` the key is one for a `KeyRing`, which encrypts
    payloads: one side has the private key, the other the public one.
    """
    kind = _Box if box else _Signature
    if not public:
        _make(file, kind.new())
        if not settings.quiet:
            notice(f"{file} holds the private key: whoever has it can {kind.danger}. This is the public key:")
    write(f"{_public_key(file, kind)}\n".encode())
    return OK


class _Signature:
    """Keys for cryptosign."""

    danger = "be you"

    @staticmethod
    def new() -> str:
        return os.urandom(32).hex()

    @staticmethod
    def public(octets: bytes) -> str:
        return Cryptosign(private_key=octets).public_key


class _Box:
    """Keys for key rings."""

    danger = "read what is encrypted for you"

    @staticmethod
    def new() -> str:
        return KeyPair.of(os.urandom(32)).private

    @staticmethod
    def public(octets: bytes) -> str:
        return KeyPair.of(octets if len(octets) == 32 else octets.decode("ascii", "replace")).public


def _make(file: Path, text: str) -> None:
    """Make a file that only its owner can read.

    Raises:
        click.UsageError: The file cannot be made.
    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise click.UsageError(f"{file} exists; a key that was overwritten is lost for ever") from None
    except OSError as error:
        raise click.UsageError(f"cannot make {file}: {error.strerror}") from None
    with open(descriptor, "w", encoding="ascii") as opened:  # noqa: PTH123  # a descriptor, not a path
        opened.write(f"{text}\n")


def _public_key(file: Path, kind: type[_Signature | _Box]) -> str:
    """Read a private key and return its public one.

    Raises:
        click.UsageError: The file cannot be read, or holds no such key.
    """
    try:
        return kind.public(file.read_bytes())
    except OSError as error:
        raise click.UsageError(f"cannot read {file}: {error.strerror}") from None
    except ValueError as error:
        raise click.UsageError(f"{file}: {error}") from None
