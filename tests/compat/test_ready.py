"""Results that are there at once are futures of the framework that runs."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from trowamp_compat.wamp._ready import face_in_use, ready


@pytest.mark.parametrize("value", ["text", b"octets"])
def test_on_asyncio_it_is_a_future(value: str | bytes) -> None:
    async def main() -> object:
        future = ready(value)
        assert asyncio.isfuture(future)
        return await future

    assert asyncio.run(main()) == value


@pytest.mark.parametrize("value", ["text", b"octets"])
async def test_elsewhere_it_is_the_value_that_can_be_awaited(value: str | bytes) -> None:
    assert ready(value) == value
    assert type(await ready(value)) is type(value)
    with pytest.raises(RuntimeError):
        face_in_use()


def test_on_twisted_it_is_a_deferred() -> None:
    program = """
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from trowamp_compat.util import ObservableMixin
from trowamp_compat.wamp.cryptosign import CryptosignKey

def main():
    signed = CryptosignKey.from_bytes(bytes(32)).sign(b"data")
    observed = ObservableMixin()
    observed.on("event", len)
    fired = observed.fire("event", "four")
    print(isinstance(signed, Deferred), isinstance(fired, Deferred))
    signed.addCallback(len).addCallback(print)
    fired.addCallback(print)
    reactor.stop()

reactor.callWhenRunning(main)
reactor.run()
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert run.stdout.splitlines() == ["True True", "64", "[4]"], run.stderr
