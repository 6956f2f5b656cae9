"""A process that has imported what programs need, and forks one for each program: a start takes milliseconds, not a second.

    python -m tests.faults.zygote MODULE...

It takes a line of JSON for each program, `{"program": path, "argv": [...], "output": path}`, and answers with `{"pid": number}`; when a program has
ended it says `{"pid": number, "code": number}`. It starts no event loop and no thread, so what is forked is as new as a program of its own.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import select
import signal
import sys
from typing import Any, Final

_WAIT: Final = 0.005  # seconds between looks at who has ended


def main(modules: list[str]) -> None:
    """Serve until the input ends, and end whom it has started; in a fork, run the program."""
    for module in modules:
        importlib.import_module(module)
    children: set[int] = set()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    _say(answers, {"pid": os.getpid()})
    pending = b""
    while True:
        ready, _, _ = select.select([0], [], [], _WAIT)
        while (ended := _reap()) is not None:
            children.discard(ended["pid"])
            _say(answers, ended)
        if not ready:
            continue
        data = os.read(0, 65536)
        if not data:
            for pid in children:
                os.kill(pid, signal.SIGKILL)
            answers.close()
            return
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            request = json.loads(line)
            pid = os.fork()
            if pid == 0:
                answers.close()
                _run(**request)
                return
            children.add(pid)
            _say(answers, {"pid": pid})


def _run(program: str, argv: list[str], output: str) -> None:
    """Be a program."""
    for number, path, flags in ((0, os.devnull, os.O_RDONLY), (1, output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    os.dup2(1, 2)
    sys.argv = [program, *argv]
    runpy.run_path(program, run_name="__main__")


def _reap() -> dict[str, int] | None:
    """Return who has ended, and how."""
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return {"pid": pid, "code": os.waitstatus_to_exitcode(status)} if pid else None


def _say(answers: Any, said: dict[str, int]) -> None:
    answers.write(json.dumps(said) + "\n")
    answers.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
