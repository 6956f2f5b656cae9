"""trowamp/_run.py and _exit_codes.py: components as programs, seen from outside."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

import trowamp
from trowamp import open_router
from trowamp._byte_pump import BytePump
from trowamp._exit_codes import exit_code_of
from trowamp._join import open_link
from trowamp._listen import open_listener
from trowamp._stream import ByteTransport
from trowamp._url import parse_url
from trowamp.messages import Goodbye, Hello, Message, Welcome
from trowamp.testing import ALL_FEATURES
from trowamp.wire import SERIALIZERS, rawsocket_server

REALM = "realm1"

# Prints "ready" when it is; arguments: URLs, each for a component of its own
PROGRAM = """
import sys
import trio
import trowamp

apps = [trowamp.Component(url, realm="realm1", max_retries=0) for url in sys.argv[1:]]
app = apps[0]

@app.register("com.example.add2")
def add2(x, y):
    return x + y

@app.on_ready
def ready(session):
    print("ready", flush=True)

@app.on_leave
def left(error):
    print("left:", error, flush=True)

{more}

if __name__ == "__main__":
    trowamp.run(*apps)
"""


class Program:
    """A running program."""

    def __init__(self, process: trio.Process) -> None:
        self.process = process
        self._output = b""

    async def says(self, text: str) -> None:
        """Wait until its output contains a text."""
        assert self.process.stdout is not None
        while text.encode() not in self._output:
            chunk = await self.process.stdout.receive_some()
            assert chunk, f"it ended without saying {text!r}, but {self._output!r}"
            self._output += chunk

    async def ends(self) -> tuple[int, str, str]:
        """Wait for its end; return its exit code, output and error output."""
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        async for chunk in self.process.stdout:
            self._output += chunk
        errors = b"".join([bytes(chunk) async for chunk in self.process.stderr])
        return await self.process.wait(), self._output.decode(), errors.decode()


@asynccontextmanager
async def open_program(folder: Path, *arguments: str, more: str = "") -> AsyncGenerator[Program, None]:
    path = folder / "program.py"
    path.write_text(PROGRAM.replace("{more}", more), encoding="utf-8")
    process = await trio.lowlevel.open_process(
        [sys.executable, str(path), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        with trio.fail_after(20):
            yield Program(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


class Witness:
    """A router that lets everybody in and remembers what it is told."""

    def __init__(self) -> None:
        self.heard: list[Message] = []

    async def serve(self, transport: ByteTransport) -> None:
        pump = BytePump(transport, rawsocket_server(SERIALIZERS.values()))
        messages = await open_link(pump, "the client")
        while not pump.link.is_closed:
            for message in messages:
                self._take(pump, message)
            messages = await pump.receive()

    def _take(self, pump: BytePump, message: Message) -> None:
        self.heard.append(message)
        if isinstance(message, Hello):
            pump.link.send(Welcome(1, {"roles": ALL_FEATURES, "realm": message.realm}))
        elif isinstance(message, Goodbye):
            pump.link.send(Goodbye({}, "wamp.close.goodbye_and_out"))
        pump.flush()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
async def test_a_signal_ends_a_program_with_a_goodbye(tmp_path: Path, number: signal.Signals, code: int) -> None:
    witness = Witness()
    listener = await open_listener(parse_url("rs://127.0.0.1:0"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(listener.serve, witness.serve)
        more = "app._declarations._declared.clear()"  # the witness answers no requests
        async with open_program(tmp_path, listener.url.text, more=more) as program:
            await program.says("ready")
            program.process.send_signal(number)
            assert await program.ends() == (code, "ready\nleft: None\n", "")
        assert [type(message) for message in witness.heard] == [Hello, Goodbye]
        await listener.aclose()


async def test_ctrl_c_while_waiting_to_reconnect_ends_a_program(tmp_path: Path) -> None:
    async with open_router([REALM], ["ws://127.0.0.1:0/"]) as router:
        more = f"apps[:] = [app := trowamp.Component({router.urls[0]!r}, realm='elsewhere', initial_retry_delay=100)]\n"
        more += "app.on_connect_failure(lambda error: print('failed', flush=True))"
        async with open_program(tmp_path, router.urls[0], more=more) as program:
            await program.says("failed")
            program.process.send_signal(signal.SIGINT)
            code, _, errors = await program.ends()
    assert code == 130
    assert len(errors.splitlines()) == 1  # why it has to wait


async def test_ctrl_c_ends_all_components_of_a_program(tmp_path: Path) -> None:
    async with open_router([REALM], ["ws://127.0.0.1:0/", "rs://127.0.0.1:0"]) as router:
        more = "apps[1].on_ready(ready); apps[1].on_leave(left)"
        async with open_program(tmp_path, *router.urls, more=more) as program:
            await program.says("ready\nready\n")
            program.process.send_signal(signal.SIGINT)
            assert await program.ends() == (130, "ready\nready\nleft: None\nleft: None\n", "")


NOBODY = "rs+unix:///nowhere/router.sock"


RIVALS = """
apps.append(trowamp.Component(sys.argv[1], realm="realm1", on_conflict="raise"))
apps[1].register("com.example.add2")(add2)
"""


@pytest.mark.parametrize(
    ("more", "code", "line"),
    [
        ("app.main(lambda session: None)", 0, ""),
        (
            f"apps[0] = trowamp.Component('{NOBODY}', realm='realm1', max_retries=0)",
            3,
            "ConnectError: cannot connect to ",
        ),
        ("apps[0] = trowamp.Component(sys.argv[1], realm='elsewhere', max_retries=0)", 4, "NoSuchRealm: "),
        (RIVALS, 1, "ProcedureAlreadyExists: wamp.error.procedure_already_exists"),
        ("app.main(lambda session: session._shell.pump.transport.abort() or trio.sleep(9))", 5, "SessionLost: "),
        ("apps.append(trowamp.Component(sys.argv[1], realm='elsewhere', max_retries=0))", 4, "NoSuchRealm: "),
    ],
)
async def test_the_exit_code_tells_how_a_program_ended(tmp_path: Path, more: str, code: int, line: str) -> None:
    async with open_router([REALM], ["ws://127.0.0.1:0/"]) as router:
        more = "app._declarations._conflict_timeout = 0\n" + more
        async with open_program(tmp_path, router.urls[0], more=more) as program:
            ended, _, errors = await program.ends()
    assert ended == code, errors
    complaints = [text for text in errors.splitlines() if "is registered by another session" not in text]
    assert len(complaints) == (1 if line else 0), errors
    assert line in errors


async def test_a_bug_keeps_its_traceback(tmp_path: Path) -> None:
    async with open_router([REALM], ["ws://127.0.0.1:0/"]) as router:
        async with open_program(tmp_path, router.urls[0], more="app.main(lambda session: 1 / 0)") as program:
            code, _, errors = await program.ends()
    assert code == 1
    assert errors.startswith("Traceback")
    assert errors.endswith("ZeroDivisionError: division by zero\n")
    assert "ExceptionGroup" not in errors


async def test_two_components_that_fail_at_once_are_two_lines(tmp_path: Path) -> None:
    more = """
from trowamp import _run
class Failing(trowamp.Component):
    async def run(self, **kwargs):
        raise trowamp.ConnectError("nobody there")
apps[:] = [Failing(sys.argv[1], realm="realm1"), Failing(sys.argv[1], realm="realm1")]
"""
    async with open_program(tmp_path, NOBODY, more=more) as program:
        assert await program.ends() == (3, "", "ConnectError: nobody there\n" * 2)


def test_there_must_be_a_component_to_run() -> None:
    with pytest.raises(ValueError, match="at least one component"):
        trowamp.run()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (trowamp.ApplicationError("com.example.error"), 1),
        (trowamp.CallTimeout(), 124),
        (trowamp.ConnectError("nobody"), 3),
        (trowamp.NoSuchRealm("wamp.error.no_such_realm"), 4),
        (trowamp.SessionLost("cut"), 5),
        (trowamp.SessionClosed("wamp.close.killed"), 5),
        (trowamp.SerializationError("nan"), 2),
        (KeyboardInterrupt(), 130),
        (KeyError("a bug"), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_kind_of_error_has_its_exit_code(error: BaseException, code: int | None) -> None:
    assert exit_code_of(error) == code


# ---- a router that dies

ROUTER = """
import sys
import trio
import trowamp

async def main():
    async with trowamp.open_router(["realm1"], sys.argv[1:]) as router:
        print(*router.urls, flush=True)
        await trio.sleep_forever()

trio.run(main)
"""


@asynccontextmanager
async def open_router_process(folder: Path, url: str) -> AsyncGenerator[tuple[trio.Process, str], None]:
    path = folder / "router.py"
    path.write_text(ROUTER, encoding="utf-8")
    process = await trio.lowlevel.open_process([sys.executable, str(path), url], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        line = b""
        while not line.endswith(b"\n"):
            line += await process.stdout.receive_some()
        yield process, line.decode().strip()
    finally:
        process.kill()
        await process.wait()
        await process.stdout.aclose()


@pytest.mark.parametrize("scheme", ["ws", "rs"])
async def test_a_component_is_back_within_its_retry_delay_after_the_router_was_killed(
    tmp_path: Path, scheme: str
) -> None:
    async with trio.open_nursery() as nursery:
        with trio.fail_after(20):
            async with open_router_process(tmp_path, f"{scheme}://127.0.0.1:0") as (process, url):
                app = trowamp.Component(url, realm=REALM, initial_retry_delay=0.2, max_retry_delay=0.2)
                app.register("com.example.add2")(lambda x, y: x + y)
                lost = trio.Event()
                app.on_leave(lambda error: lost.set())
                first = await nursery.start(app.run)
                process.kill()
                await lost.wait()
            async with open_router_process(tmp_path, url):
                back = trio.current_time()
                while app.session is None or app.session is first:  # noqa: ASYNC110  # real time passes
                    await trio.sleep(0.01)
                assert trio.current_time() - back < 1
                async with trowamp.open_session(url, realm=REALM) as session:
                    assert await session.call("com.example.add2", 2, 3) == 5
        app.stop()
