"""Our client polls Crossbar.io's long-poll transport. What Crossbar.io has behind it does not accept it, so a session of a few lines answers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

import trowamp
from trowamp import ConnectError, Result, SessionLost

from .conftest import NewNode, peer_folder
from .crossbar_node import REALM, ROLES
from .remote_client import CLIENTS

F = "com.example.f"
PAYLOADS = ["grüß göttin 🐌", [0, -1, 2**31, 0.5, None, True], {"a": {"b": []}}, bytes(range(256)), "x" * 1_000_000]


WORKER = {
    "type": "router",
    "realms": [{"name": REALM, "roles": ROLES}],
    "transports": [
        {
            "type": "web",
            "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": "$WAMP_PORT"},
            "paths": {"/": {"type": "json", "value": {}}, "lp": {"type": "longpoll"}},
        }
    ],
}


@asynccontextmanager
async def open_transport(*, idle: int = 30) -> AsyncGenerator[str, None]:
    """Run the transport; yield its URL. It ends clients of which it hears nothing for `idle` seconds."""
    program = [str(peer_folder("crossbar") / "bin" / "python"), str(CLIENTS / "crossbar_longpoll.py"), str(idle)]
    run = partial(trio.run_process, program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    async with trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(run)
        assert process.stdout is not None
        line = b""
        while not line.endswith(b"\n"):
            line += await process.stdout.receive_some()
            assert line, "it did not start"
        yield f"http://127.0.0.1:{int(line)}"
        process.terminate()


@pytest.mark.parametrize("serializer", ["json", "msgpack", "cbor", "msgpack.batched", "cbor.batched"])
async def test_calls_go_there_and_back(serializer: str) -> None:
    with trio.fail_after(30):
        async with open_transport() as url:
            async with trowamp.open_session(url, realm=REALM, serializers=[serializer]) as session:
                assert session.id == 7
                for payload in PAYLOADS:
                    assert await session.call(F, payload) == payload
                assert await session.call(F, 1, a=[2]) == Result(1, a=[2])
                async with trio.open_nursery() as nursery:
                    for number in range(50):
                        nursery.start_soon(_check_echo, session, number)


async def _check_echo(session: trowamp.Session, number: int) -> None:
    assert await session.call(F, number) == number


@pytest.mark.differs("T1")
async def test_batches_of_json_are_not_understood() -> None:
    with trio.fail_after(30):
        async with open_transport() as url:
            with pytest.raises(ConnectError, match="HTTP 400 Bad Request: could not unserialize WAMP message"):
                async with trowamp.open_session(url, realm=REALM, serializers=["json.batched"]):
                    raise AssertionError("it opened")


@pytest.mark.differs("LP-R2")
async def test_a_client_that_only_waits_is_taken_for_gone() -> None:
    with trio.fail_after(30):
        async with open_transport(idle=1) as url:
            with pytest.raises(SessionLost, match="HTTP 404"):
                async with trowamp.open_session(url, realm=REALM, serializers=["cbor"]):
                    await trio.sleep_forever()


@pytest.mark.differs("LP")
async def test_a_node_has_the_transport_but_no_session_for_it(new_node: NewNode, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"version": 2, "workers": [WORKER]}), encoding="utf-8")
    node = new_node(config=config)
    await trio.to_thread.run_sync(node.start)
    with pytest.raises(ConnectError, match=r"while joining realm 'realm1': .*HTTP 400 Bad Request"):
        async with trowamp.open_session(f"http://127.0.0.1:{node.port}/lp", realm=REALM):
            raise AssertionError("it opened")
    await trio.to_thread.run_sync(node.stop)
