"""Clients that we did not write, each in a process of its own, told by a test what to do."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import trio

from trowamp import ApplicationError

LONG_ENOUGH = 20.0  # seconds for one command
CLIENTS = Path(__file__).resolve().parent / "clients"


class RemoteClient:
    """A client's process.

    Args:
        command: What to run.
        environment: What its environment has beside ours.
    """

    def __init__(self, command: Sequence[str], environment: dict[str, str] | None = None) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE"))}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**kept, **(environment or {})},
        )
        self._complaints: deque[str] = deque(maxlen=100)
        threading.Thread(target=self._read_complaints, daemon=True).start()

    async def do(self, name: str, **arguments: Any) -> Any:
        """Have the client do something, and wait until it has.

        Raises:
            ApplicationError: An ERROR or ABORT came over the wire.
            AssertionError: Anything else went wrong.
        """
        answer = await trio.to_thread.run_sync(self._ask, {"do": name, **arguments})
        if "error" in answer:
            error = answer["error"]
            raise ApplicationError(error["uri"], *error["args"], **error["kwargs"])
        assert "ok" in answer, answer.get("failed")
        return answer["ok"]

    async def call(self, procedure: str, *args: Any, **kwargs: Any) -> Any:
        """Have the client call a procedure and wait for the result."""
        await self.do("start", key="call", procedure=procedure, args=args, kwargs=kwargs)
        return await self.do("finish", key="call")

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._process.wait()

    @property
    def is_running(self) -> bool:
        """Whether it can be told anything."""
        return self._process.poll() is None

    def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        timer = threading.Timer(LONG_ENOUGH, self._process.kill)
        timer.start()
        try:
            self._process.stdin.write(json.dumps(command, default=_from_octets) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        finally:
            timer.cancel()
        assert line, f"the client ended, or did not answer {command}:\n{''.join(self._complaints)}"
        answer: dict[str, Any] = json.loads(line, object_hook=_as_octets)
        return answer

    def _read_complaints(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as stream:
            self._complaints.extend(stream)


def _as_octets(value: dict[str, Any]) -> Any:
    return bytes.fromhex(value["$octets"]) if set(value) == {"$octets"} else value


def _from_octets(value: bytes) -> dict[str, str]:
    return {"$octets": value.hex()}
