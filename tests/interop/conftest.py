"""Fixtures that bring the peers: a Crossbar.io node, and clients in processes of their own.

None of these tests sleeps for a peer: they wait for what it prints or answers, and every wait has an end.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

import trowamp
from trowamp import Session

from . import peers
from .crossbar_node import REALM, SERIALIZERS, CrossbarNode
from .remote_client import CLIENTS, RemoteClient

NewNode = Callable[..., CrossbarNode]
NewClient = Callable[[str], RemoteClient]

AUTH: dict[str, Any] = {
    "ticket": {"type": "static", "principals": {"alice": {"ticket": "open sesame", "role": "user"}}},
    "wampcra": {
        "type": "static",
        "users": {
            "bob": {"secret": "grüezi", "role": "user"},
            # the secret is what PBKDF2 makes of "salty": Crossbar says so, and derives the key from it
            "berta": {"secret": "salty", "role": "user", "salt": "pepper", "iterations": 1000, "keylen": 32},
        },
    },
    "cryptosign": {
        "type": "static",
        "principals": {
            "dave": {
                "authorized_keys": ["03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"],
                "role": "user",
                "realm": REALM,
            }
        },
    },
    "scram": {
        "type": "static",
        "principals": {
            "carol": {  # autobahn.wamp.auth.derive_scram_credential("carol", "pepper")
                "kdf": "argon2id-13",
                "memory": 512,
                "iterations": 4096,
                "salt": "4c26d9074c27d89ede59270c0ac14b71",
                "stored-key": "6da886bbf1118d6d3aafa255b8859e25de33964b56507b2de536a9d166389489",
                "server-key": "724f5c808831142013f416c88c25311eb4cfe075ebfca8b58c84a0b0aa96a9eb",
                "role": "reader",
            },
            "claire": {  # the same password, with as little work as clients accept
                "kdf": "argon2id-13",
                "memory": 512,
                "iterations": 64,
                "salt": "c4cf94e75b6067e81d73250448a38c10",
                "stored-key": "f90efaa3c5b941c7fa3e40b9a9f40abd332a5c1a437428c25da85d65291f1ff1",
                "server-key": "14543300b4e98098a3313b56cf912de1b255a8f91f21f0e93e487b7b7927f058",
                "role": "reader",
            },
        },
    },
}


def peer_folder(name: str) -> Path:
    """Return the folder of a set of peers; without it the test is skipped, or fails where it has to run."""
    try:
        return peers.folder_of(name)
    except peers.PeerMissing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def autobahn_python() -> str:
    """Return the interpreter of an environment with Autobahn in it."""
    return str(peer_folder("clients") / "bin" / "python")


@pytest.fixture(scope="session")
def new_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewNode]:
    """Make Crossbar nodes; those that still run at the end are ended."""
    program = peer_folder("crossbar") / "bin" / "crossbar"
    nodes: list[CrossbarNode] = []

    def make(**options: Any) -> CrossbarNode:
        nodes.append(CrossbarNode(program, tmp_path_factory.mktemp("crossbar"), **options))
        return nodes[-1]

    yield make
    for node in nodes:
        node.close()


@pytest.fixture(scope="session")
def crossbar(new_node: NewNode) -> CrossbarNode:
    """Return a node that all tests share."""
    node = new_node(auth=AUTH)
    node.start()
    return node


class Way:
    """How sessions reach the node: as `tests/test_transport_matrix.py` wants it."""

    def __init__(self, url: str, serializer: str) -> None:
        self.url = url
        self.serializer = serializer
        self.open_session = partial(trowamp.open_session, url, realm=REALM, serializers=[serializer])

    @asynccontextmanager
    async def sessions(self) -> AsyncGenerator[tuple[Session, Session], None]:
        async with self.open_session() as one, self.open_session() as other:
            yield one, other


@pytest.fixture(params=itertools.product(("ws", "rs"), SERIALIZERS), ids=" ".join)
async def way(crossbar: CrossbarNode, request: pytest.FixtureRequest) -> AsyncGenerator[Way, None]:
    framing, serializer = request.param
    with trio.fail_after(20):
        yield Way(crossbar.url(framing), serializer)


# the set of peers, the program, and its arguments
PROGRAMS = {
    "autobahn-asyncio": ("clients", "autobahn_client.py", "asyncio"),
    "autobahn-twisted": ("clients", "autobahn_client.py", "twisted"),
    "xconn": ("clients", "xconn_client.py"),
    "autobahn-js": ("node", "autobahn_client.js"),
    "wampy": ("node", "wampy_client.js"),
}


@pytest.fixture(scope="session")
def new_client() -> Iterator[NewClient]:
    """Give a client of a name: one that was given before, if it still runs."""
    clients: dict[str, RemoteClient] = {}
    started: list[RemoteClient] = []

    def give(name: str) -> RemoteClient:
        if name not in clients or not clients[name].is_running:
            clients[name] = start_client(*PROGRAMS[name])
            started.append(clients[name])
        return clients[name]

    yield give
    for client in started:
        client.close()


def start_client(kind: str, program: str, *arguments: str) -> RemoteClient:
    folder = peer_folder(kind)
    if kind == "node":
        return RemoteClient(["node", str(CLIENTS / program)], {"NODE_PATH": str(folder / "node_modules")})
    return RemoteClient([str(folder / "bin" / "python"), str(CLIENTS / program), *arguments])
