"""Two hosts in network namespaces of their own, with a cable between them that can be unplugged or lose packets.

Only where the machine allows it: as root, with `ip` and `nft`. The namespaces have names of their own and are removed in any case.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

_HOSTS: Final = ("10.99.0.1", "10.99.0.2")
_CLONE_NEWNET: Final = 0x40000000


def obstacle() -> str:
    """Say why this machine cannot do it, or nothing."""
    if not sys.platform.startswith("linux"):
        return "network namespaces are Linux's"
    missing = [tool for tool in ("ip", "nft") if shutil.which(tool) is None]
    if missing:
        return f"{' and '.join(missing)} missing"
    if os.geteuid() != 0:
        return "network namespaces need root"
    name = f"trowamp-{secrets.token_hex(4)}"
    tried = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    if tried.returncode != 0:
        return f"no network namespaces here: {tried.stderr.decode().strip()}"
    filters = subprocess.run(
        ["ip", "netns", "exec", name, "nft", "add", "table", "inet", "t"], capture_output=True, check=False
    )
    subprocess.run(["ip", "netns", "del", name], check=True)
    return "" if filters.returncode == 0 else f"no packet filter here: {filters.stderr.decode().strip()}"


class Cable:
    """What connects two hosts, `near` and `far`. Made by `open_cable`.

    Attributes:
        near, far: The hosts' addresses.
    """

    def __init__(self, near: str, far: str) -> None:
        self._names = (near, far)
        self.near, self.far = _HOSTS

    def unplug(self) -> None:
        """Drop every packet in both directions."""
        self._rule("drop")

    def lose(self, percent: int) -> None:
        """Lose some packets, drawn at random, in both directions."""
        self._rule(f"numgen random mod 100 < {percent} drop")

    def repair(self) -> None:
        """Pass everything."""
        self._nft("flush chain inet t in")

    def at_near(self) -> AbstractContextManager[None]:
        """Have the sockets that this thread makes belong to the near host."""
        return self._at(self._names[0])

    def at_far(self) -> AbstractContextManager[None]:
        """Have them belong to the far host."""
        return self._at(self._names[1])

    @contextmanager
    def _at(self, name: str) -> Iterator[None]:
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)  # "self" is the main thread
        other = os.open(Path("/run/netns") / name, os.O_RDONLY)
        try:
            _enter(other)
            yield
        finally:
            _enter(own)
            os.close(own)
            os.close(other)

    def _rule(self, rule: str) -> None:
        self.repair()
        self._nft(f"add rule inet t in {rule}")

    def _nft(self, command: str) -> None:
        for name in self._names:
            run("ip", "netns", "exec", name, "nft", *command.split())


def _enter(namespace: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(namespace, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "cannot enter a network namespace")


def run(*command: str) -> None:
    """Run a command that has to succeed."""
    subprocess.run(command, check=True, capture_output=True)


@contextmanager
def open_cable() -> Iterator[Cable]:
    """Make two hosts with a cable between them."""
    tag = secrets.token_hex(3)
    names = near, far = f"trowamp-{tag}-a", f"trowamp-{tag}-b"
    try:
        for name in names:
            run("ip", "netns", "add", name)
        run("ip", "link", "add", f"tw{tag}a", "netns", near, "type", "veth", "peer", "name", f"tw{tag}b", "netns", far)
        for name, device, address in zip(names, (f"tw{tag}a", f"tw{tag}b"), _HOSTS, strict=True):
            inside = ["ip", "-n", name]
            run(*inside, "address", "add", f"{address}/24", "dev", device)
            run(*inside, "link", "set", device, "up")
            run(*inside, "link", "set", "lo", "up")
            enter = ["ip", "netns", "exec", name, "nft"]
            run(*enter, "add", "table", "inet", "t")
            run(*enter, "add chain inet t in { type filter hook input priority 0 ; }")
        yield Cable(near, far)
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
