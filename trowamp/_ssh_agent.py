"""Ed25519 keys that are in an SSH agent, and stay there. paramiko talks to the agent; it comes with `pip install "trowamp[ssh]"`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import trio

from ._exceptions import ConnectError

_ED25519: Final = "ssh-ed25519"
_KEY_SIZE: Final = 32
_SIGNATURE_SIZE: Final = 64


class SshAgentKey:
    """A key in the agent; `Cryptosign(signer=...)` takes it.

    Attributes:
        public_key: The public key, in hex: what a router has to know.
        comment: What the key is called in the agent.
    """

    def __init__(self, public_key: str, comment: str) -> None:
        self.public_key = public_key
        self.comment = comment

    def __repr__(self) -> str:
        return f"<SshAgentKey {self.comment!r}: {self.public_key}>"

    def sign(self, message: bytes) -> bytes:
        """Have the agent sign a message; blocks, also until somebody confirms it if the agent asks.

        Raises:
            ValueError: The agent or the key has gone, or it does not sign.
        """
        try:
            with _agent() as keys:
                answers = [key.sign_ssh_data(message) for key in keys if _hex(key) == self.public_key]
        except ConnectError as error:
            raise ValueError(f"the SSH agent did not sign with {self.comment!r}: {error}") from error
        signature = bytes(answers[0])[-_SIGNATURE_SIZE:] if answers else b""
        if len(signature) != _SIGNATURE_SIZE:
            raise ValueError(f"the SSH agent did not sign with {self.comment!r}: it has no such key")
        return signature


async def ssh_agent_keys() -> list[SshAgentKey]:
    """Return the Ed25519 keys of the SSH agent, in its order; a checkpoint.

    `trowamp.auth.Cryptosign(signer=(await trowamp.ssh_agent_keys())[0])`

    Raises:
        ConnectError: There is no agent, or it does not answer as one.
        ImportError: paramiko is not installed; the text says how to.
    """
    await trio.lowlevel.checkpoint()
    return await trio.to_thread.run_sync(_list_keys)


def _list_keys() -> list[SshAgentKey]:
    with _agent() as keys:
        return [SshAgentKey(_hex(key), str(key.comment)) for key in keys]


@contextmanager
def _agent() -> Iterator[list[Any]]:
    """Ask the agent for its Ed25519 keys, and stay connected with it."""
    try:
        import paramiko  # type: ignore[import-not-found, import-untyped, unused-ignore]  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise ImportError('keys of an SSH agent need paramiko: pip install "trowamp[ssh]"') from error
    if os.name == "posix" and not Path(os.environ.get("SSH_AUTH_SOCK") or " ").exists():
        raise ConnectError("there is no SSH agent: SSH_AUTH_SOCK names none")
    try:
        agent = paramiko.Agent()
        try:
            yield [key for key in agent.get_keys() if key.get_name() == _ED25519]
        finally:
            agent.close()
    except (paramiko.SSHException, OSError) as error:
        raise ConnectError(f"the SSH agent does not answer: {error}") from error


def _hex(key: Any) -> str:
    """Return a public key, which ends its blob."""
    return bytes(key.asbytes())[-_KEY_SIZE:].hex()
