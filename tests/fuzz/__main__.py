"""The long form: `python -m tests.fuzz --runs 1000000 [TARGET ...]`, with atheris, which looks for inputs that reach new code.

Each target runs in a process of its own. What breaks one is kept in `tests/fuzz/crashes/TARGET/`, where the test suite finds it from then on.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

_SECONDS = 24 * 3600


def main() -> int:
    """Fuzz the targets one after the other; return how many broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("targets", nargs="*", help="default: all")
    parser.add_argument("--runs", type=int, default=1_000_000, help="inputs for each target")
    parser.add_argument("--seconds", type=int, default=_SECONDS, help="at most for each target")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        _fuzz(options.targets[0], options.runs, options.seconds)
        return 0
    from tests.fuzz.targets import TARGETS

    broken = []
    for name in options.targets or TARGETS:
        command = [sys.executable, "-m", "tests.fuzz", name, "--alone"]
        command += ["--runs", str(options.runs), "--seconds", str(options.seconds)]
        if subprocess.run(command, check=False).returncode != 0:
            broken.append(name)
    sys.stderr.write(f"broken: {', '.join(broken) or 'none'}\n")
    return len(broken)


def _fuzz(name: str, runs: int, seconds: int) -> None:
    import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore]  # an extra: `trowamp[fuzz]`

    with atheris.instrument_imports(include=["trowamp"]):
        from tests.fuzz.targets import TARGETS, corpus

    with tempfile.TemporaryDirectory() as folder:
        for number, octets in enumerate(corpus(name)):
            Path(folder, f"{number}").write_bytes(octets)
        crashes = Path(__file__).parent / "crashes" / name
        crashes.mkdir(parents=True, exist_ok=True)
        arguments = [sys.argv[0], folder, f"-artifact_prefix={crashes}/", "-max_len=8192", "-timeout=10"]
        arguments += [f"-runs={runs}", f"-max_total_time={seconds}", "-rss_limit_mb=1024", "-print_final_stats=1"]
        atheris.Setup(arguments, TARGETS[name])
        atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
