"""Keys of an SSH agent, a real one: they sign there, and never come here."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

import trowamp
from trowamp import RouterAuth, SshAgentKey, auth, open_router, ssh_agent_keys

pytest.importorskip("paramiko", reason="keys of an SSH agent need paramiko")
needs_agent = pytest.mark.skipif(shutil.which("ssh-agent") is None, reason="there is no ssh-agent on this machine")


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Run an agent with an Ed25519 key and one of another kind; return the folder of the keys."""
    socket = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert "SSH_AUTH_SOCK" in process.stdout.readline()
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        for kind, comment in (("ecdsa", "other"), ("ed25519", "joe's key")):
            path = str(tmp_path / kind)
            subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", comment, "-f", path], check=True)
            subprocess.run(["ssh-add", "-q", path], check=True)
        yield tmp_path
    finally:
        process.terminate()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def router_that_knows(key: SshAgentKey) -> RouterAuth:
    return RouterAuth(principals={"joe": {"role": "user", "cryptosign": key.public_key}})


@needs_agent
async def test_a_key_of_the_agent_authenticates(agent: Path) -> None:
    (key,) = await ssh_agent_keys()
    assert key.comment == "joe's key"
    own = auth.Cryptosign(private_key=await trio.Path(agent / "ed25519").read_bytes())
    assert key.public_key == own.public_key
    signer = auth.Cryptosign(signer=key)
    assert signer.public_key == own.public_key
    async with open_router(auth=router_that_knows(key)) as router:
        for _ in range(2):
            async with router.open_session(realm="realm1", auth=signer) as session:
                assert (session.details.authid, session.details.authmethod) == ("joe", "cryptosign")


@needs_agent
async def test_an_agent_that_has_gone_is_told(agent: Path) -> None:
    (key,) = await ssh_agent_keys()
    await trio.run_process(["ssh-add", "-q", "-D"])
    with pytest.raises(ValueError, match="did not sign"):
        key.sign(b"x" * 32)
    async with open_router(auth=router_that_knows(key)) as router:
        with pytest.raises(trowamp.JoinError, match='the SSH agent did not sign with "joe\'s key"'):
            async with router.open_session(realm="realm1", auth=auth.Cryptosign("joe", signer=key)):
                pass


@pytest.mark.parametrize("socket", [None, "nowhere"])
async def test_without_an_agent_there_is_an_error(
    socket: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    if socket is not None:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / socket))
    with pytest.raises(trowamp.ConnectError, match="SSH agent"):
        await ssh_agent_keys()


async def test_asking_the_agent_is_a_checkpoint() -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await ssh_agent_keys()
    assert scope.cancelled_caught


async def test_without_paramiko_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paramiko", None)
    with pytest.raises(ImportError, match=r'pip install "trowamp\[ssh\]"'):
        await ssh_agent_keys()
