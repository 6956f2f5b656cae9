"""The software that we did not write and test against: each set of it in a folder of its own below `.peers`, made once and kept.

Run as a program (`make peers`) it makes what is missing or out of date. A set that cannot be made, say offline, leaves its reason behind, and the
tests that need it are skipped with that reason; on a build server (CI=true) they fail instead.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
REQUIREMENTS = Path(__file__).resolve().parent / "requirements"
PEERS = PROJECT / ".peers"
LONG_ENOUGH = 900.0  # seconds for one set

SETS = {"crossbar": "crossbar.txt", "clients": "clients.txt", "node": "package.json"}


class PeerMissing(Exception):
    """A set has not been made, or could not be."""


def folder_of(name: str) -> Path:
    """Return where a set is.

    Raises:
        PeerMissing: It is not there, or it is an old one; says why.
    """
    folder = PEERS / name
    if _read(folder / "stamp") == _stamp(name):
        return folder
    why = _read(PEERS / f"{name}.failed")
    raise PeerMissing(f"the peers {name!r} could not be made: {why}" if why else f"no peers {name!r}: run 'make peers'")


def make(name: str) -> str:
    """Make a set unless it is there; return a line that tells how that went."""
    try:
        folder_of(name)
    except PeerMissing:
        pass
    else:
        return f"peers {name}: there"
    folder = PEERS / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    failed = PEERS / f"{name}.failed"
    try:
        _make_node(folder) if name == "node" else _make_python(folder, REQUIREMENTS / SETS[name])
    except (OSError, subprocess.SubprocessError) as error:
        failed.write_text(_reason(error), encoding="utf-8")
        return f"peers {name}: not made, tests that need them are skipped: {_reason(error)}"
    failed.unlink(missing_ok=True)
    (folder / "stamp").write_text(_stamp(name), encoding="utf-8")
    return f"peers {name}: made"


def _make_python(folder: Path, requirements: Path) -> None:
    _run([sys.executable, "-m", "venv", str(folder)])
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--requirement", str(requirements)])


def _make_node(folder: Path) -> None:
    shutil.copy(REQUIREMENTS / SETS["node"], folder)
    npm = ["npm", "install", "--prefix", str(folder), "--ignore-scripts", "--no-package-lock"]
    _run([*npm, "--omit=optional", "--no-audit", "--no-fund", "--loglevel=error"])


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=LONG_ENOUGH)


def _reason(error: Exception) -> str:
    """Return the last line that the installer printed, or what kept it from running."""
    printed = getattr(error, "stderr", None)
    lines = [line for line in printed.splitlines() if line.strip() and ".log" not in line] if printed else []
    return lines[-1] if lines else str(error)


def _stamp(name: str) -> str:
    what = (REQUIREMENTS / SETS[name]).read_bytes()
    by = b"" if name == "node" else sys.version.encode()
    return hashlib.sha256(what + by + os.fsencode(PEERS)).hexdigest()


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    with ThreadPoolExecutor() as pool:
        for line in pool.map(make, SETS):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
