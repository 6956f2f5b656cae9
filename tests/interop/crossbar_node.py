"""A real Crossbar.io node: its configuration, its process, its addresses."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

BOOT_TIMEOUT = 60.0
STOP_TIMEOUT = 20.0
REALM = "realm1"
SERIALIZERS = ("json", "msgpack", "cbor")
READY = "NODE_BOOT_COMPLETE"


def rule(uri: str, match: str = "prefix", **allow: bool) -> dict[str, Any]:
    """Return a permission; what is not named is refused."""
    actions = dict.fromkeys(("call", "register", "publish", "subscribe"), False)
    disclose = {"caller": True, "publisher": True}
    return {"uri": uri, "match": match, "allow": {**actions, **allow}, "disclose": disclose, "cache": True}


EVERYTHING = rule("", call=True, register=True, publish=True, subscribe=True)
ROLES = [
    {"name": "anonymous", "permissions": [EVERYTHING]},
    {"name": "user", "permissions": [EVERYTHING]},
    {"name": "reader", "permissions": [rule("com.example.public.", call=True, subscribe=True)]},
]
HISTORY = [{"uri": "com.example.history", "match": "exact", "limit": 10}]


class CrossbarNode:
    """A node with two listeners, each for RawSocket and WebSocket: `url` for anonymous clients, `auth_url` for those who prove who they are.

    Args:
        program: The `crossbar` to run.
        folder: An empty folder for its configuration.
        auth: The methods of the second listener, as Crossbar configures them; without them there is no such listener.
        config: A configuration to use instead of all this; it has its port from the variable WAMP_PORT.
    """

    def __init__(
        self, program: Path, folder: Path, *, auth: dict[str, Any] | None = None, config: Path | None = None
    ) -> None:
        self._program = program
        self._folder = folder
        self._lines: deque[str] = deque(maxlen=200)
        self._heard = threading.Event()  # it is ready, or it has ended
        self._process: subprocess.Popen[str] | None = None
        self.port, self._auth_port = free_port(), free_port()
        transports = [_transport("$WAMP_PORT", None)] + ([_transport(self._auth_port, auth)] if auth else [])
        worker = {"type": "router", "realms": [_realm(REALM)], "transports": transports}
        text = json.dumps({"version": 2, "workers": [worker]}) if config is None else config.read_text("utf-8")
        (folder / "config.json").write_text(text, encoding="utf-8")

    def url(self, framing: str) -> str:
        """Return where anonymous clients are welcome; `framing` is "ws" or "rs"."""
        return _url(framing, self.port)

    def auth_url(self, framing: str) -> str:
        """Return where clients have to prove who they are."""
        return _url(framing, self._auth_port)

    def start(self) -> None:
        """Start the node and wait until it accepts connections."""
        self._heard.clear()
        self._process = subprocess.Popen(
            [str(self._program), "start", "--cbdir", str(self._folder), "--color", "false"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "WAMP_PORT": str(self.port)},
            start_new_session=True,  # so that its workers can be ended with it
        )
        threading.Thread(target=self._read, args=[self._process.stdout], daemon=True).start()
        if not self._heard.wait(BOOT_TIMEOUT) or self._process.poll() is not None:
            self.kill()
            raise AssertionError("Crossbar did not start:\n" + "".join(self._lines))

    def stop(self) -> None:
        """Ask the node to end, and wait until it has."""
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the node without a word to anybody."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """Leave nothing behind."""
        if self._process is not None and self._process.poll() is None:
            self.stop()

    def _read(self, output: IO[str]) -> None:
        """Read what it prints for as long as it runs, so that it never waits for a reader."""
        with output:
            for line in output:
                self._lines.append(line)
                if READY in line:
                    self._heard.set()
        self._heard.set()


def free_port() -> int:
    """Return a port that nobody uses just now; Crossbar cannot choose one itself."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _url(framing: str, port: int) -> str:
    return f"{framing}://127.0.0.1:{port}" + ("/ws" if framing == "ws" else "")


def _realm(name: str) -> dict[str, Any]:
    store = {"type": "memory", "limit": 100, "event-history": HISTORY}
    return {"name": name, "roles": ROLES, "store": store}


def _transport(port: int | str, auth: dict[str, Any] | None) -> dict[str, Any]:
    more = {"auth": auth} if auth else {}
    return {
        "type": "universal",
        "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": port},
        "rawsocket": {"serializers": list(SERIALIZERS), **more},
        "websocket": {"ws": {"type": "websocket", "serializers": list(SERIALIZERS), **more}},
    }
