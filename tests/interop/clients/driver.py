"""How a test speaks with a client in a process of its own: one JSON object a line, a command on standard input and its answer on standard output.

An answer is `{"ok": ...}`, or `{"error": {"uri": ..., "args": ..., "kwargs": ...}}` for what came over the wire, or `{"failed": "..."}` for what the
client made of it. Octets travel as `{"$octets": "00ff"}`.
"""

from __future__ import annotations

import json
import sys
import threading
import traceback

_output, sys.stdout = sys.stdout, sys.stderr  # what a client prints is not for the test


class WireError(Exception):
    """An ERROR or ABORT, whatever the client calls it."""

    def __init__(self, uri, args=(), kwargs=None):
        super().__init__(uri)
        self.content = {"uri": uri, "args": list(args), "kwargs": kwargs or {}}


async def answer(client, command):
    """Carry out one command; return its answer."""
    try:
        name = command.pop("do")
        return {"ok": await getattr(client, f"do_{name}")(**command)}
    except WireError as error:
        return {"error": error.content}
    except Exception:  # noqa: BLE001  # the test reads it
        return {"failed": traceback.format_exc()}


def read_commands(take):
    """Hand each command to `take` in a thread; None at the end of the input."""

    def read():
        for line in sys.stdin:
            take(json.loads(line, object_hook=_as_octets))
        take(None)

    threading.Thread(target=read, daemon=True).start()


def write_answer(answer):
    """Send an answer."""
    _output.write(json.dumps(answer, default=_from_octets) + "\n")
    _output.flush()


def _as_octets(value):
    return bytes.fromhex(value["$octets"]) if set(value) == {"$octets"} else value


def _from_octets(value):
    if isinstance(value, bytes | bytearray | memoryview):
        return {"$octets": bytes(value).hex()}
    return repr(value)
