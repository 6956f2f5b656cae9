"""The official multi-session vectors of the WAMP specification, played against the router.

The files are not part of this project. They are looked for in $WAMP_VECTORS, then in `../shared/vectors` beside the project's root folder.
Their request ids are examples, and not sequential; the ids that a router chooses are compared by where they come again, not by value.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from trowamp.messages import MESSAGE_BY_CODE, Event, Message

from .harness import Client, World, roles_with

ROOT = Path(__file__).resolve().parents[2]
VECTORS = Path(os.environ.get("WAMP_VECTORS", ROOT.parent / "shared" / "vectors"))
FILES = sorted((VECTORS / "testsuite" / "multisession").rglob("*.json"))
CLASSES = {cls.name: cls for cls in MESSAGE_BY_CODE.values()}
CHOSEN_BY_ROUTER = {"subscription_id", "registration_id", "publication_id", "session_id"}


def scenarios() -> list[Any]:
    if not FILES:
        absent = pytest.mark.skip(reason=f"no vectors at {VECTORS}; set WAMP_VECTORS to their folder")
        return [pytest.param(None, marks=absent, id="vectors")]
    return [pytest.param(path, id=path.stem) for path in FILES]


def fields_of(described: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in described.items() if name != "type"}


@pytest.mark.parametrize("path", scenarios())
def test_the_router_plays_the_scenario(path: Path) -> None:
    scenario = json.loads(path.read_text(encoding="utf-8"))
    world = World(*{session["realm"] for session in scenario["sessions"]}, strict_roles=True)
    clients: dict[str, Client] = {}
    for session in scenario["sessions"]:
        client = world.connect()
        clients[session["session_id"]] = client.join(session["realm"], roles=roles_with((), *session["roles"]))
    inboxes: dict[str, list[Message]] = {name: [] for name in clients}
    chosen: dict[tuple[str, int], int] = {}  # the router's ids in place of the example's
    for step in scenario["sequence"]:
        described = step["message"]
        fields = fields_of(described)
        if step["to"] == "router":
            for field in CHOSEN_BY_ROUTER & fields.keys():
                fields[field] = chosen[field, fields[field]]
            clients[step["from"]].send(CLASSES[described["type"]](**fields))
            continue
        name = step["to"]
        inboxes[name] += clients[name].received()
        message = inboxes[name].pop(0)
        assert message.name == described["type"], step
        for field, value in fields.items():
            actual = getattr(message, field)
            if field in CHOSEN_BY_ROUTER:
                value = chosen.setdefault((field, value), actual)  # noqa: PLW2901
            assert actual == value, step
    left = [message for inbox in inboxes.values() for message in inbox]
    left += [message for client in clients.values() for message in client.received()]
    assert [message for message in left if isinstance(message, Event)] == []


def test_the_vectors_are_found_or_named_as_missing() -> None:
    assert scenarios()
