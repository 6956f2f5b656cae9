"""Scripts of what some sessions do, drawn at random, and a player that has them said to any router and writes down what it answers.

What is written down is the same for two routers that behave alike: ids are replaced by the order in which they came, words for people are left out.
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final, NamedTuple

import trio

from tests.serve_tools import Peer
from trowamp import messages as m
from trowamp.protocol._features import CLIENT_ROLES

from .raw_peer import connected

SESSIONS: Final = 3
GONE: Final = "connection ended"
NOBODY: Final = 2**52 + 1  # an id that nothing has
Line = tuple[Any, ...]

_EXACT: Final = ("a", "a.b", "a.c", "ab.c")
_PATTERNS: Final = {"exact": _EXACT, "prefix": ("a", "a.", "a.b"), "wildcard": (".b", "a.", ".c")}
_WRONG_URIS: Final = ("a..b", "a b", "a#b", "")
_PAYLOADS: Final[tuple[tuple[list[Any] | None, dict[str, Any] | None], ...]] = (
    (None, None),
    ([], {}),
    ([1, "zwei", None, [3.5, {"four": True}]], None),
    (None, {"key": ["value", -1]}),
    ([2**53, ""], {"a": {}}),
)


class Step(NamedTuple):
    """What one session does: which, what, and how."""

    session: int
    action: str
    uri: str
    options: dict[str, Any]
    number: int  # which of the session's subscriptions, calls, …
    payload: tuple[list[Any] | None, dict[str, Any] | None]


def random_script(seed: int, length: int) -> list[Step]:
    """Draw a script."""
    chance = random.Random(seed)
    actions = tuple(_DRAW)
    weights = [weight for weight, _ in _DRAW.values()]
    return [_random_step(chance, chance.choices(actions, weights)[0]) for _ in range(length)]


def _random_step(chance: random.Random, action: str) -> Step:
    uri, options = _DRAW[action][1](chance)
    return Step(chance.randrange(SESSIONS), action, uri, options, chance.randrange(-1, 6), chance.choice(_PAYLOADS))


def _uri(chance: random.Random) -> str:
    return chance.choice(_WRONG_URIS if chance.random() < 0.01 else _EXACT)


def _pattern(chance: random.Random) -> tuple[str, dict[str, Any]]:
    match = chance.choice(("exact", "exact", "prefix", "wildcard"))
    uri = _uri(chance) if match == "exact" else chance.choice(_PATTERNS[match])
    return uri, {"match": match} if match != "exact" or chance.random() < 0.3 else {}


def _register(chance: random.Random) -> tuple[str, dict[str, Any]]:
    uri, options = _pattern(chance)
    if chance.random() < 0.4:
        options["invoke"] = chance.choice(("single", "first", "last", "roundrobin"))
    return uri, options


def _publish(chance: random.Random) -> tuple[str, dict[str, Any]]:
    options: dict[str, Any] = {"acknowledge": True} if chance.random() < 0.5 else {}
    if chance.random() < 0.4:
        options["exclude_me"] = chance.random() < 0.3
    for name in ("exclude", "eligible"):
        if chance.random() < 0.15:  # numbers of sessions; a player puts their ids there
            options[name] = chance.sample(range(SESSIONS), chance.randrange(1, SESSIONS))
    return _uri(chance), options


def _call(chance: random.Random) -> tuple[str, dict[str, Any]]:
    return _uri(chance), {"receive_progress": True} if chance.random() < 0.3 else {}


def _cancel(chance: random.Random) -> tuple[str, dict[str, Any]]:
    return "", {"mode": chance.choice(("killnowait", "killnowait", "killnowait", "killnowait", "kill", "skip"))}


def _yield(chance: random.Random) -> tuple[str, dict[str, Any]]:
    return "", {"progress": True} if chance.random() < 0.3 else {}


def _nothing(chance: random.Random) -> tuple[str, dict[str, Any]]:
    return "", {}


def _lookup(chance: random.Random) -> tuple[str, dict[str, Any]]:
    kind = chance.choice(("registration", "subscription"))
    return f"wamp.{kind}.{chance.choice(('lookup', 'match'))}", {"of": chance.choice(_EXACT)}


_Draw = tuple[int, Callable[[random.Random], tuple[str, dict[str, Any]]]]
_DRAW: Final[dict[str, _Draw]] = {
    "subscribe": (12, _pattern),
    "unsubscribe": (6, _nothing),
    "publish": (20, _publish),
    "register": (12, _register),
    "unregister": (6, _nothing),
    "call": (20, _call),
    "cancel": (4, _cancel),
    "yield": (14, _yield),
    "fail": (4, _nothing),
    "ask": (5, _lookup),
    "leave": (1, _nothing),
    "vanish": (1, _nothing),
}


class Actor:
    """One session of a script."""

    def __init__(self, peer: Peer, session_id: int) -> None:
        self.peer = peer
        self.session_id = session_id
        self.is_leaving = False
        self.is_gone = False
        self.subscriptions: list[int] = []
        self.registrations: list[int] = []
        self.calls: list[int] = []
        self.invocations: list[tuple[int, bool]] = []  # with whether progressive results are welcome
        self._heard: list[m.Message] = []
        self._last_id = 0

    def next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    async def knows_nothing_of(self, session_id: int) -> bool:
        """Return whether the router says that there is no such session; what it says before that is kept for later."""
        request_id = self.next_id()
        self.peer.send(m.Call(request_id, {}, "wamp.session.get", [session_id]))
        return isinstance(await self._answer(request_id, m.Result | m.Error), m.Error)

    async def hear(self) -> list[m.Message]:
        """Return everything that the router has sent before it answers what is asked now."""
        if not self.is_gone:
            barrier = self.next_id()
            if not self.is_leaving:
                self.peer.send(m.Publish(barrier, {"acknowledge": True}, "com.example.barrier"))
            await self._answer(barrier, m.Published)
        heard, self._heard = self._heard, []
        return heard

    async def _answer(self, request_id: int, kind: Any) -> m.Message | None:
        """Return the answer to a request, and keep all else; None: the session has ended."""
        answer = None
        while answer is None and not self.is_gone:
            for message in await self.peer.pump.receive():
                if isinstance(message, kind) and message.request_id == request_id:
                    answer = message
                else:
                    self._heard.append(message)
                    self.is_gone = self.is_gone or isinstance(message, m.Goodbye | m.Abort)
            self.is_gone = self.is_gone or self.peer.link.is_closed
        if self.is_gone:
            self.peer.transport.abort()
        return answer

    def note(self, message: m.Message) -> None:
        """Keep what later steps refer to."""
        match message:
            case m.Subscribed():
                if message.subscription_id not in self.subscriptions:
                    self.subscriptions.append(message.subscription_id)
            case m.Registered():
                self.registrations.append(message.registration_id)
            case m.Invocation():
                self.invocations.append((message.request_id, bool(message.details.get("receive_progress"))))
            case m.Result() if not message.details.get("progress"):
                self._forget(message.request_id)
            case m.Error() if message.request_type == m.Call.code:
                self._forget(message.request_id)
            case _:
                pass

    def _forget(self, request_id: int) -> None:
        if request_id in self.calls:
            self.calls.remove(request_id)


class Player:
    """Has scripts said to one router.

    Args:
        actors: The sessions.
        place: What the URIs of this script begin with.
    """

    def __init__(self, actors: list[Actor], place: str) -> None:
        self._actors = actors
        self._place = place
        self._names: dict[tuple[str, int], str] = {
            ("session", actor.session_id): f"session {number}" for number, actor in enumerate(actors)
        }

    async def play(self, script: list[Step]) -> list[list[Line]]:
        """Return what was heard after each step."""
        return [await self._do(step) for step in script]

    async def _do(self, step: Step) -> list[Line]:
        actor = self._actors[step.session]
        if actor.is_gone:
            return []
        message = getattr(self, f"_{step.action}")(actor, step)
        if message is not None:
            actor.peer.send(message)
        present = [number for number, each in enumerate(self._actors) if not each.is_gone]
        heard = {step.session: await actor.hear()}  # what it did has been done
        if actor.is_gone:
            await self._is_forgotten(actor)

        async def hear(number: int) -> None:
            heard[number] = await self._actors[number].hear()

        async with trio.open_nursery() as nursery:
            for number in present:
                if number != step.session:
                    nursery.start_soon(hear, number)
        lines: list[Line] = []
        for number in present:
            for message in heard[number]:
                self._actors[number].note(message)
                lines.append((number, *self._line(number, message)))
        lines += [(number, GONE) for number in present if self._actors[number].is_gone]
        return sorted(lines, key=repr)  # what one message brings about has no order of its own

    async def _is_forgotten(self, gone: Actor) -> None:
        """Wait until the router has noticed that a session is gone."""
        for witness in self._actors:
            if not witness.is_gone:
                while not witness.is_gone and not await witness.knows_nothing_of(gone.session_id):
                    pass
                return

    # ---- what is said

    def _there(self, uri: str) -> str:
        return f"{self._place}.{uri}" if uri else uri

    def _subscribe(self, actor: Actor, step: Step) -> m.Message:
        return m.Subscribe(actor.next_id(), step.options, self._there(step.uri))

    def _unsubscribe(self, actor: Actor, step: Step) -> m.Message:
        return m.Unsubscribe(actor.next_id(), _taken(actor.subscriptions, step))

    def _publish(self, actor: Actor, step: Step) -> m.Message:
        ids = [each.session_id for each in self._actors]
        options = {
            name: [ids[n] for n in value] if isinstance(value, list) else value for name, value in step.options.items()
        }
        return m.Publish(actor.next_id(), options, self._there(step.uri), *step.payload)

    def _register(self, actor: Actor, step: Step) -> m.Message:
        return m.Register(actor.next_id(), step.options, self._there(step.uri))

    def _unregister(self, actor: Actor, step: Step) -> m.Message:
        return m.Unregister(actor.next_id(), _taken(actor.registrations, step))

    def _call(self, actor: Actor, step: Step) -> m.Message:
        request_id = actor.next_id()
        actor.calls.append(request_id)
        return m.Call(request_id, step.options, self._there(step.uri), *step.payload)

    def _ask(self, actor: Actor, step: Step) -> m.Message:
        return m.Call(actor.next_id(), {}, step.uri, [self._there(step.options["of"])])

    def _cancel(self, actor: Actor, step: Step) -> m.Message | None:
        if not actor.calls:
            return None
        return m.Cancel(actor.calls[step.number % len(actor.calls)], step.options)

    def _yield(self, actor: Actor, step: Step) -> m.Message | None:
        if not actor.invocations:
            return None
        place = step.number % len(actor.invocations)
        request_id, wants_progress = actor.invocations[place]
        if step.options and wants_progress:
            return m.Yield(request_id, step.options, *step.payload)
        del actor.invocations[place]
        return m.Yield(request_id, {}, *step.payload)

    def _fail(self, actor: Actor, step: Step) -> m.Message | None:
        if not actor.invocations:
            return None
        request_id, _ = actor.invocations.pop(step.number % len(actor.invocations))
        return m.Error(m.Invocation.code, request_id, {}, "com.example.error", *step.payload)

    def _leave(self, actor: Actor, step: Step) -> m.Message:
        actor.is_leaving = True
        return m.Goodbye({}, "wamp.close.close_realm")

    def _vanish(self, actor: Actor, step: Step) -> None:
        actor.peer.transport.abort()
        actor.is_gone = True

    # ---- what is heard

    def _name(self, kind: str, number: int) -> str:
        return self._names.setdefault((kind, number), f"{kind} {len(self._names)}")

    def _line(self, number: int, message: m.Message) -> Line:
        kind = type(message).__name__
        of_router = isinstance(message, m.Invocation | m.Interrupt)
        request = self._name(
            f"{'invocation' if of_router else 'request'} of {number}", getattr(message, "request_id", 0)
        )
        match message:
            case m.Subscribed():
                return kind, request, self._name("subscription", message.subscription_id)
            case m.Registered():
                return kind, request, self._name("registration", message.registration_id)
            case m.Published():
                return kind, request, self._name("publication", message.publication_id)
            case m.Event():
                topic = message.details.get("topic", "").removeprefix(self._place)
                subscription = self._name("subscription", message.subscription_id)
                return kind, subscription, self._name("publication", message.publication_id), topic, _payload(message)
            case m.Invocation():
                procedure = message.details.get("procedure", "").removeprefix(self._place)
                progress = message.details.get("receive_progress", False)
                registration = self._name("registration", message.registration_id)
                return kind, request, registration, procedure, progress, _payload(message)
            case m.Interrupt():
                return kind, request, message.options.get("mode")
            case m.Result():
                return kind, request, message.details.get("progress", False), self._answer(message)
            case m.Error():
                told = _payload(message) if message.error == "com.example.error" else None
                return kind, message.request_type, request, message.error, told
            case m.Abort():
                return kind, message.reason
            case m.Goodbye():
                return (kind,)
            case m.Unsubscribed() | m.Unregistered():
                return kind, request
            case _:
                return (kind, *message.to_wire()[1:])

    def _answer(self, message: m.Result) -> Any:
        """Return a payload; what looks like an id of a subscription or registration that is known is one."""
        args, kwargs = _payload(message)
        known = {
            number: name for (kind, number), name in self._names.items() if kind in ("subscription", "registration")
        }

        def named(value: Any) -> Any:
            if isinstance(value, list):
                return (
                    sorted(map(named, value), key=repr)
                    if all(each in known for each in value if isinstance(each, int))
                    else value
                )
            return known.get(value, value) if isinstance(value, int) else value

        return [named(value) for value in args], kwargs


def _payload(message: Any) -> tuple[list[Any], dict[str, Any]]:
    return message.args or [], message.kwargs or {}


@asynccontextmanager
async def open_player(url: str, realm: str, serializer: str, place: str) -> AsyncGenerator[Player, None]:
    """Open the sessions of one script."""
    async with AsyncExitStack() as stack:
        actors = []
        for _ in range(SESSIONS):
            peer = await stack.enter_async_context(connected(url, serializer))
            peer.send(m.Hello(realm, {"roles": CLIENT_ROLES}))
            actors.append(Actor(peer, (await peer.expect(m.Welcome)).session_id))
        yield Player(actors, place)


def _taken(known: list[int], step: Step) -> int:
    """Take the id that a step is about; one that nobody has, if it is about none."""
    return known.pop(step.number % len(known)) if known and step.number >= 0 else NOBODY
