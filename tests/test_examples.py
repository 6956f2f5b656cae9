"""Every program in `examples/` runs, and prints what its docstring says."""

from __future__ import annotations

import ast
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
NEED_A_ROUTER = {"add_client", "add_service", "counter_publisher", "counter_subscriber", "lifecycle", "shared_service"}
ALONE = sorted(
    path.stem for path in EXAMPLES.glob("*.py") if path.stem not in NEED_A_ROUTER and not path.stem.startswith("test_")
)

ROUTER = """
import trio, trowamp

async def main():
    async with trowamp.open_router(listen=["ws://127.0.0.1:0/ws"]) as router:
        print(router.urls[0], flush=True)
        await trio.sleep_forever()

trio.run(main)
"""


def promised_output(name: str) -> str:
    """What the docstring says the program prints."""
    docstring = ast.get_docstring(ast.parse((EXAMPLES / f"{name}.py").read_text(encoding="utf-8"))) or ""
    return textwrap.dedent(docstring.split("Prints:\n\n")[1]).split("\n\n")[0].strip() + "\n"


def run(name: str, *arguments: str) -> tuple[int, str, str]:
    """Run an example to its end."""
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=30, check=False)
    return ran.returncode, ran.stdout, ran.stderr


def start(*command: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def url() -> Iterator[str]:
    with start("-c", ROUTER) as router:
        assert router.stdout is not None
        yield router.stdout.readline().strip()
        router.kill()


def test_there_are_at_least_ten_examples() -> None:
    assert len(list(EXAMPLES.glob("*.py"))) >= 10


@pytest.mark.parametrize("name", ALONE)
def test_an_example_prints_what_it_promises(name: str) -> None:
    assert run(name) == (0, promised_output(name), "")


def test_the_add_client_gets_its_answers_from_the_add_service(url: str) -> None:
    with start(str(EXAMPLES / "add_service.py"), url) as service:
        assert service.stdout is not None
        assert service.stdout.readline() == "serving com.example.add2 in realm1\n"
        assert run("add_client", url) == (0, promised_output("add_client"), "")
        service.send_signal(signal.SIGTERM)
        assert service.wait(10) == 0


def test_the_counter_subscriber_hears_the_counter_publisher(url: str) -> None:
    with start(str(EXAMPLES / "counter_publisher.py"), url, "0.01") as publisher:
        code, output, _ = run("counter_subscriber", url)
        publisher.send_signal(signal.SIGTERM)
        assert publisher.wait(10) == 0
    numbers = [int(line.removeprefix("event received: ")) for line in output.splitlines()]
    assert code == 0
    assert len(numbers) >= 3  # what has come in one packet with the third is heard, too
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_the_lifecycle_is_told_in_order(url: str) -> None:
    assert run("lifecycle", url) == (0, promised_output("lifecycle"), "")


def test_the_example_test_passes() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(EXAMPLES / "test_a_service.py")]
    ran = subprocess.run(command, cwd=EXAMPLES, capture_output=True, text=True, timeout=60, check=False)
    assert "2 passed" in ran.stdout, ran.stdout + ran.stderr
