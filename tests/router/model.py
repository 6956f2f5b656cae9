"""Random lives of a few sessions, against a model: who may hear what, who is answered how often, what is left at the end.

The model knows registrations, subscriptions and calls, and no messages: it predicts, for every step, exactly what each client receives.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from trowamp import uris
from trowamp.messages import (
    Call,
    Cancel,
    Error,
    Event,
    Goodbye,
    Interrupt,
    Invocation,
    Message,
    Publish,
    Published,
    Register,
    Registered,
    Result,
    Subscribe,
    Subscribed,
    Unregister,
    Unregistered,
    Unsubscribe,
    Unsubscribed,
)

from .harness import ALL_FEATURES, NO_FEATURES, Speaker, World
from .socket_world import SocketWorld

URIS = ["a", "a.b", "a.c", "ab.c"]
PATTERNS = [
    ("a", "exact"),
    ("a.b", "exact"),
    ("a", "prefix"),
    ("a.", "prefix"),
    ("", "prefix"),
    (".c", "wildcard"),
    ("a.", "wildcard"),
]
POLICIES = ["single", "first", "last", "roundrobin", "random"]
SERIALIZERS = ["json", "msgpack", "cbor"]
STREAMING = (*ALL_FEATURES, "progressive_call_invocations")
who = st.integers(0, 10**6)  # which of the present sessions, or of whatever else
HowToCall = tuple[bool, bool, int]  # whether with progress, whether with several inputs, seconds until it times out
HOW_TO_CALL = st.tuples(st.booleans(), st.booleans(), st.sampled_from([0, 0, 2, 5]))


def is_match(pattern: tuple[str, str], uri: str) -> bool:
    text, match = pattern
    if match == "exact":
        return text == uri
    if match == "prefix":
        return uri.startswith(text)
    wanted, components = text.split("."), uri.split(".")
    return len(wanted) == len(components) and all(w in ("", c) for w, c in zip(wanted, components, strict=True))


@dataclass(eq=False)
class Flight:
    """A call without a final answer."""

    caller: Member
    call_id: int
    callee: Member
    invocation: Invocation
    wants_progress: bool
    deadline: float
    timeout: float
    procedure: str
    takes_inputs: bool = False
    is_killed: bool = False


@dataclass(eq=False)
class Member:
    """A session, and what the model expects it to receive."""

    client: Speaker
    can_cancel: bool
    subscriptions: dict[int, tuple[str, str]] = field(default_factory=dict)
    registrations: dict[int, tuple[str, str]] = field(default_factory=dict)
    testaments: list[str] = field(default_factory=list)  # topics
    late: list[tuple[int, str]] = field(
        default_factory=list
    )  # calls that ended before their last input, and their procedures
    over: list[Invocation] = field(default_factory=list)  # invocations that ended without this callee's answer
    expected: list[Any] = field(default_factory=list)


class RouterModel(RuleBasedStateMachine):
    """One router, up to six sessions.

    Attributes:
        reached: How often lives came as far as to what is rare, since a test began to count.
    """

    reached: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        self.world = self.open_world()
        self.members: list[Member] = []
        self.shared: dict[tuple[str, str], tuple[int, str, list[Member]]] = {}  # pattern: id, policy, callees
        self.flights: list[Flight] = []

    def open_world(self) -> World | SocketWorld:
        """Return a router around which there is nobody yet."""
        raise NotImplementedError

    def pick(self, number: int) -> Member:
        return self.members[number % len(self.members)]

    # ---- what may happen

    @initialize(pattern=st.sampled_from(PATTERNS), policy=st.sampled_from(POLICIES))
    def begin(self, pattern: tuple[str, str], policy: str) -> None:
        """Somebody who can be called, and somebody to call him: lives that have to find each other rarely come as far."""
        self.join("msgpack", can_cancel=True)
        self.join("json", can_cancel=True)
        self.register(0, pattern, policy)

    @precondition(lambda self: len(self.members) < 6)
    @rule(serializer=st.sampled_from(SERIALIZERS), can_cancel=st.booleans())
    def join(self, serializer: str, can_cancel: bool) -> None:
        features = STREAMING if can_cancel else NO_FEATURES
        self.members.append(Member(self.world.join(serializer=serializer, features=features), can_cancel))

    @precondition(lambda self: self.members)
    @rule(number=who, pattern=st.sampled_from(PATTERNS))
    def subscribe(self, number: int, pattern: tuple[str, str]) -> None:
        member = self.pick(number)
        member.client.send(Subscribe(member.client.next_id(), {"match": pattern[1]}, pattern[0]))
        (reply,) = member.client.received()
        assert isinstance(reply, Subscribed)
        known = {p: i for other in self.members for i, p in other.subscriptions.items()}
        assert reply.subscription_id == known.get(pattern, reply.subscription_id)
        assert pattern in known or reply.subscription_id not in known.values()
        member.subscriptions[reply.subscription_id] = pattern

    @precondition(lambda self: any(member.subscriptions for member in self.members))
    @rule(number=who)
    def unsubscribe(self, number: int) -> None:
        owned = [(member, i) for member in self.members for i in member.subscriptions]
        member, subscription_id = owned[number % len(owned)]
        del member.subscriptions[subscription_id]
        member.client.send(Unsubscribe(member.client.next_id(), subscription_id))
        member.expected.append(Unsubscribed)

    @precondition(lambda self: self.members)
    @rule(
        number=who,
        topic=st.sampled_from(URIS),
        exclude_me=st.booleans(),
        acknowledge=st.booleans(),
        eligible=st.none() | st.lists(who, max_size=3),
        exclude=st.none() | st.lists(who, max_size=3),
    )
    def publish(
        self,
        *,
        number: int,
        topic: str,
        exclude_me: bool,
        acknowledge: bool,
        eligible: list[int] | None,
        exclude: list[int] | None,
    ) -> None:
        publisher = self.pick(number)
        options: dict[str, Any] = {"exclude_me": exclude_me, "acknowledge": acknowledge}
        if acknowledge:
            publisher.expected.append(Published)
        allowed, banned = set(self.members), set[Member]()
        if eligible is not None:
            allowed = {self.pick(other) for other in eligible}
            options["eligible"] = [member.client.session_id for member in allowed]
        if exclude is not None:
            banned = {self.pick(other) for other in exclude}
            options["exclude"] = [member.client.session_id for member in banned]
        if exclude_me:
            banned.add(publisher)
        publisher.client.send(Publish(publisher.client.next_id(), options, topic, [topic]))
        for member in allowed - banned:
            for subscription_id, pattern in member.subscriptions.items():
                if is_match(pattern, topic):
                    member.expected.append((Event, subscription_id, pattern[1] != "exact" and topic))

    @precondition(lambda self: any(member.subscriptions or member.registrations for member in self.members))
    @rule(number=who, other=who)
    def touch_what_is_anothers(self, number: int, other: int) -> None:
        """An id of somebody else's is worth nothing."""
        member = self.pick(number)
        subscriptions = {i for each in self.members for i in each.subscriptions} - member.subscriptions.keys()
        registrations = {i for each in self.members for i in each.registrations} - member.registrations.keys()
        for request, ids, error in (
            (Unsubscribe, subscriptions, uris.ERROR_NO_SUCH_SUBSCRIPTION),
            (Unregister, registrations, uris.ERROR_NO_SUCH_REGISTRATION),
        ):
            if ids:
                request_id = member.client.next_id()
                member.client.send(request(request_id, sorted(ids)[other % len(ids)]))
                member.expected.append((Error, request_id, error))

    @precondition(lambda self: self.members)
    @rule(number=who, topic=st.sampled_from(URIS))
    def leave_a_testament(self, number: int, topic: str) -> None:
        member = self.pick(number)
        call_id = member.client.call(uris.SESSION_ADD_TESTAMENT, topic, [topic], {})
        member.expected.append((Result, call_id, False))
        member.testaments.append(topic)

    @precondition(lambda self: self.members)
    @rule(number=who, pattern=st.sampled_from(PATTERNS))
    def look_up(self, number: int, pattern: tuple[str, str]) -> None:
        client = self.pick(number).client
        known = {p: i for member in self.members for i, p in member.subscriptions.items()}
        shared = self.shared.get(pattern)
        expected = {
            uris.SUBSCRIPTION_LOOKUP: known.get(pattern),
            uris.REGISTRATION_LOOKUP: shared and shared[0],
        }
        for procedure, entry_id in expected.items():
            client.call(procedure, pattern[0], {"match": pattern[1]})
            (reply,) = client.received()
            assert isinstance(reply, Result)
            assert reply.args == [entry_id]

    @precondition(lambda self: self.members)
    @rule(number=who, pattern=st.sampled_from(PATTERNS), policy=st.sampled_from(POLICIES))
    def register(self, number: int, pattern: tuple[str, str], policy: str) -> None:
        member = self.pick(number)
        member.client.send(Register(member.client.next_id(), {"match": pattern[1], "invoke": policy}, pattern[0]))
        (reply,) = member.client.received()
        existing = self.shared.get(pattern)
        if existing is not None and (existing[1] == "single" or existing[1] != policy or member in existing[2]):
            assert isinstance(reply, Error)
            assert reply.error == uris.ERROR_PROCEDURE_ALREADY_EXISTS
            return
        assert isinstance(reply, Registered)
        registration_id, _, callees = self.shared.setdefault(pattern, (reply.registration_id, policy, []))
        assert reply.registration_id == registration_id
        callees.append(member)
        member.registrations[registration_id] = pattern

    @precondition(lambda self: any(member.registrations for member in self.members))
    @rule(number=who)
    def unregister(self, number: int) -> None:
        owned = [(member, i) for member in self.members for i in member.registrations]
        member, registration_id = owned[number % len(owned)]
        self.withdraw(member, registration_id)
        member.client.send(Unregister(member.client.next_id(), registration_id))
        member.expected.append(Unregistered)

    @precondition(lambda self: self.members)
    @rule(number=who, procedure=st.sampled_from(URIS), how=HOW_TO_CALL)
    def call(self, number: int, procedure: str, how: HowToCall) -> None:
        self.begin_call(self.pick(number), procedure, *how)

    @precondition(lambda self: self.shared)
    @rule(number=who, which=who, how=HOW_TO_CALL)
    def call_what_is_registered(self, number: int, which: int, how: HowToCall) -> None:
        reachable = [uri for uri in URIS if self.best(uri)]
        self.begin_call(self.pick(number), reachable[which % len(reachable)], *how)

    def begin_call(self, caller: Member, procedure: str, wants_progress: bool, streams: bool, timeout: int) -> None:
        streams = streams and caller.can_cancel
        options = {"receive_progress": wants_progress, "timeout": timeout * 1000, "progress": streams}
        call_id = caller.client.call(procedure, procedure, options=options)
        best = self.best(procedure)
        if best is None:
            self.refuse(caller, call_id, procedure, uris.ERROR_NO_SUCH_PROCEDURE, streams=streams)
            return
        registration_id, policy, callees = self.shared[best]
        candidates = {"single": callees[:1], "first": callees[:1], "last": callees[-1:]}.get(policy, callees)
        messages = [(member, message) for member in self.members for message in member.client.received()]
        arrived = [(member, message) for member, message in messages if isinstance(message, Invocation)]
        if streams and not arrived:
            assert not all(callee.can_cancel for callee in candidates)
            assert [essence(message) for _, message in messages] == [(Error, call_id, uris.ERROR_FEATURE_NOT_SUPPORTED)]
            caller.late.append((call_id, procedure))
            return
        ((callee, invocation),) = arrived
        assert callee in candidates
        assert callee.can_cancel or not streams
        assert isinstance(invocation, Invocation)
        assert invocation.registration_id == registration_id
        assert invocation.args == [procedure]
        assert invocation.details.get("procedure") == (procedure if best[1] != "exact" else None)
        assert invocation.details.get("receive_progress", False) == (wants_progress and callee.can_cancel)
        self.reached["invocations"] += 1
        self.flights.append(
            Flight(
                caller,
                call_id,
                callee,
                invocation,
                wants_progress and callee.can_cancel,
                self.world.now + timeout if timeout else float("inf"),
                timeout,
                procedure,
                streams,
            )
        )

    @precondition(lambda self: any(flight.takes_inputs for flight in self.flights))
    @rule(number=who, is_last=st.booleans())
    def send_an_input(self, number: int, is_last: bool) -> None:
        streams = [flight for flight in self.flights if flight.takes_inputs]
        flight = streams[number % len(streams)]
        self.send_more(flight.caller, flight.call_id, flight.procedure, is_last)
        flight.takes_inputs = not is_last
        (invocation,) = flight.callee.client.received()
        assert isinstance(invocation, Invocation)
        assert invocation.request_id == flight.invocation.request_id
        assert invocation.details.get("progress", False) is not is_last

    @precondition(lambda self: any(member.late for member in self.members))
    @rule(number=who, is_last=st.booleans())
    def send_an_input_too_late(self, number: int, is_last: bool) -> None:
        """Nobody gets it."""
        late = [(member, *entry) for member in self.members for entry in member.late]
        member, call_id, procedure = late[number % len(late)]
        self.send_more(member, call_id, procedure, is_last)
        if is_last:
            member.late.remove((call_id, procedure))

    @precondition(lambda self: self.flights)
    @rule(number=who, how=st.sampled_from(["yield", "error", "progress"]))
    def answer(self, number: int, how: str) -> None:
        flight = self.flights[number % len(self.flights)]
        client, invocation = flight.callee.client, flight.invocation
        if how == "progress":
            client.progress(invocation, 1)
            if flight.wants_progress:
                flight.caller.expected.append((Result, flight.call_id, True))
                flight.deadline = self.world.now + flight.timeout if flight.timeout else float("inf")
            return
        self.finish(flight)
        if how == "yield":
            client.answer(invocation, 1)
            flight.caller.expected.append((Result, flight.call_id, False))
        else:
            client.fail(invocation, "com.example.error")
            flight.caller.expected.append((Error, flight.call_id, "com.example.error"))

    @precondition(lambda self: any(member.over for member in self.members))
    @rule(number=who)
    def answer_too_late(self, number: int) -> None:
        member, invocation = [(m, i) for m in self.members for i in m.over][
            number % sum(len(m.over) for m in self.members)
        ]
        member.client.answer(invocation, "too late")

    @precondition(lambda self: self.flights)
    @rule(number=who)
    def cancel_and_wait_for_the_callee(self, number: int) -> None:
        self.cancel(number, "kill")

    @precondition(lambda self: self.flights)
    @rule(number=who, mode=st.sampled_from(["skip", "killnowait", None]))
    def cancel_and_wait_no_more(self, number: int, mode: str | None) -> None:
        self.cancel(number, mode)

    def cancel(self, number: int, mode: str | None) -> None:
        self.reached["cancellations"] += 1
        flight = self.flights[number % len(self.flights)]
        flight.caller.client.send(Cancel(flight.call_id, {"mode": mode} if mode else {}))
        if mode == "kill" and flight.callee.can_cancel:
            if not flight.is_killed:
                flight.callee.expected.append((Interrupt, flight.invocation.request_id, "kill"))
            flight.is_killed = True
            return
        self.end(flight, uris.ERROR_CANCELED)
        if mode != "skip":
            self.interrupt(flight)

    @precondition(lambda self: self.flights)
    @rule(number=who, call_id=st.integers(1, 100))
    def cancel_what_is_not_there(self, number: int, call_id: int) -> None:
        member = self.pick(number)
        if not any(flight.caller is member and flight.call_id == call_id for flight in self.flights):
            member.client.cancel(call_id, "kill")

    @precondition(lambda self: self.flights)
    @rule(seconds=st.integers(1, 4))
    def wait(self, seconds: int) -> None:
        self.world.pass_time(seconds)
        for flight in [flight for flight in self.flights if flight.deadline <= self.world.now]:
            self.end(flight, uris.ERROR_TIMEOUT)
            self.interrupt(flight)

    @precondition(lambda self: len(self.members) > 2)
    @rule(number=who, other=who)
    def kill(self, number: int, other: int) -> None:
        killer, victim = self.pick(number), self.pick(other)
        call_id = killer.client.call(uris.SESSION_KILL, victim.client.session_id)
        if killer is victim:
            killer.expected.append((Error, call_id, uris.ERROR_NO_SUCH_SESSION))
            return
        killer.expected.append((Result, call_id, False))
        self.mourn(victim)
        assert [type(message) for message in victim.client.received()] == [Goodbye]
        victim.client.drop()

    @precondition(lambda self: len(self.members) > 2)
    @rule(number=who, politely=st.booleans())
    def leave(self, number: int, politely: bool) -> None:
        self.bid_farewell(self.pick(number), politely)

    @precondition(lambda self: self.flights)
    @rule(number=who, is_caller=st.booleans(), politely=st.booleans())
    def leave_in_the_middle_of_a_call(self, number: int, is_caller: bool, politely: bool) -> None:
        flight = self.flights[number % len(self.flights)]
        self.bid_farewell(flight.caller if is_caller else flight.callee, politely)

    @precondition(lambda self: self.flights)
    @rule(number=who, politely=st.booleans())
    def cancel_and_leave(self, number: int, politely: bool) -> None:
        flight = self.flights[number % len(self.flights)]
        self.cancel(number, "kill")
        self.everybody_received_what_was_expected_and_nothing_else()
        self.bid_farewell(flight.caller, politely)

    # ---- what must hold

    @invariant()
    def everybody_received_what_was_expected_and_nothing_else(self) -> None:
        for member in self.members:
            received = sorted(map(repr, map(essence, member.client.received())))
            assert received == sorted(map(repr, member.expected))
            member.expected.clear()

    @invariant()
    def the_router_holds_what_the_model_holds(self) -> None:
        figures = self.world.figures()
        assert figures.sessions == len(self.members)
        assert figures.calls_in_flight == len(self.flights)
        assert figures.registrations == len(self.shared)
        assert figures.subscriptions == len({i for member in self.members for i in member.subscriptions})
        assert figures.deadlines == sum(flight.deadline < float("inf") for flight in self.flights)
        assert figures.violations == figures.slow_consumers == 0

    def teardown(self) -> None:
        for member in list(self.members):
            self.bid_farewell(member, False)
            self.everybody_received_what_was_expected_and_nothing_else()
        assert self.world.held() == {}

    # ---- the model's own workings

    def best(self, uri: str) -> tuple[str, str] | None:
        if (uri, "exact") in self.shared:
            return (uri, "exact")
        hits = [pattern for pattern in self.shared if is_match(pattern, uri)]
        prefixes = [pattern for pattern in hits if pattern[1] == "prefix"]
        if prefixes:
            return max(prefixes, key=lambda pattern: len(pattern[0]))
        return max(hits, key=lambda pattern: bool(pattern[0].split(".")[0]), default=None)

    def refuse(self, caller: Member, call_id: int, procedure: str, uri: str, *, streams: bool) -> None:
        caller.expected.append((Error, call_id, uri))
        if streams:
            caller.late.append((call_id, procedure))

    def send_more(self, member: Member, call_id: int, procedure: str, is_last: bool) -> None:
        member.client.send(Call(call_id, {} if is_last else {"progress": True}, procedure, [procedure]))

    def finish(self, flight: Flight) -> None:
        """The call is over, whether or not its caller knows and has sent its last input."""
        self.flights.remove(flight)
        if flight.takes_inputs:
            flight.caller.late.append((flight.call_id, flight.procedure))

    def end(self, flight: Flight, uri: str) -> None:
        self.finish(flight)
        flight.callee.over.append(flight.invocation)
        flight.caller.expected.append((Error, flight.call_id, uri))

    def interrupt(self, flight: Flight) -> None:
        if flight.callee.can_cancel and not flight.is_killed:
            flight.callee.expected.append((Interrupt, flight.invocation.request_id, "killnowait"))

    def withdraw(self, member: Member, registration_id: int) -> None:
        pattern = member.registrations.pop(registration_id)
        callees = self.shared[pattern][2]
        callees.remove(member)
        if not callees:
            del self.shared[pattern]

    def bid_farewell(self, member: Member, politely: bool) -> None:
        self.mourn(member)
        if politely:
            member.client.goodbye()
            assert [type(message) for message in member.client.received()] == [Goodbye]
        member.client.drop()
        assert member.client.received() == []

    def mourn(self, member: Member) -> None:
        """Expect what the end of a session means for the others."""
        self.members.remove(member)
        for registration_id in list(member.registrations):
            self.withdraw(member, registration_id)
        for flight in [flight for flight in self.flights if member in (flight.caller, flight.callee)]:
            self.finish(flight)
            if flight.caller is not member:
                flight.caller.expected.append((Error, flight.call_id, uris.ERROR_CANCELED))
            elif flight.callee is not member:
                self.reached["calls of sessions that ended"] += 1
                self.reached["of those, with an interrupted callee"] += flight.is_killed
                flight.callee.over.append(flight.invocation)
                self.interrupt(flight)
        for topic in member.testaments:
            for other in self.members:
                for subscription_id, pattern in other.subscriptions.items():
                    if is_match(pattern, topic):
                        other.expected.append((Event, subscription_id, pattern[1] != "exact" and topic))


def essence(message: Message) -> Any:
    """Reduce a message to what the model predicts."""
    if isinstance(message, Event):
        assert message.args is not None
        return (Event, message.subscription_id, message.details.get("topic", False))
    if isinstance(message, Result):
        return (Result, message.request_id, message.details.get("progress", False))
    if isinstance(message, Error):
        return (Error, message.request_id, message.error)
    if isinstance(message, Interrupt):
        return (Interrupt, message.request_id, message.options["mode"])
    return type(message)
