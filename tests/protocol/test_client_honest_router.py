"""A router that keeps to the rules, at its own pace: when all has been said, both sides agree on what exists.

The router takes the client's messages in order and its own arrive in order, but either side may be far ahead of the other; that is where requests,
cancellations and revocations cross.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.protocol.fake_link import Client
from trowamp._exceptions import Canceled
from trowamp.protocol import Delivery, Inbound, Interrupted, Invoked, Progress, Reply, Revoked

TOPICS = {"com.example.a": 600, "com.example.b": 601}
PROCEDURES = {"com.example.f": 500, "com.example.g": 501}

topics = st.sampled_from(sorted(TOPICS))
procedures = st.sampled_from(sorted(PROCEDURES))
pick = st.integers(0, 20)


class Router:
    """Holds one session's subscriptions, registrations and calls. `refuses` makes the next SUBSCRIBE or REGISTER fail."""

    def __init__(self) -> None:
        self.outgoing: deque[list[Any]] = deque()
        self.subscriptions: set[int] = set()
        self.registrations: set[int] = set()
        self.calls: dict[int, bool] = {}  # whether the call is being killed
        self.invocations: set[int] = set()
        self.invoked = 0
        self.refuses = False

    def takes(self, raw: list[Any]) -> None:
        getattr(self, f"on_{raw[0]}")(*raw[1:])

    def says(self, *raw: Any) -> None:
        self.outgoing.append(list(raw))

    def refused(self, code: int, request_id: int) -> bool:
        refuses, self.refuses = self.refuses, False
        if refuses:
            self.says(8, code, request_id, {}, "wamp.error.not_authorized")
        return refuses

    def on_32(self, request_id: int, options: dict[str, Any], topic: str) -> None:
        if not self.refused(32, request_id):
            self.subscriptions.add(TOPICS[topic])
            self.says(33, request_id, TOPICS[topic])

    def on_64(self, request_id: int, options: dict[str, Any], procedure: str) -> None:
        if PROCEDURES[procedure] in self.registrations:
            self.says(8, 64, request_id, {}, "wamp.error.procedure_already_exists")
        elif not self.refused(64, request_id):
            self.registrations.add(PROCEDURES[procedure])
            self.says(65, request_id, PROCEDURES[procedure])

    def on_34(self, request_id: int, subscription_id: int) -> None:
        self.removes(34, self.subscriptions, request_id, subscription_id)

    def on_66(self, request_id: int, registration_id: int) -> None:
        self.removes(66, self.registrations, request_id, registration_id)

    def removes(self, code: int, table: set[int], request_id: int, target: int) -> None:
        if target in table:
            table.remove(target)
            self.says(code + 1, request_id)
        else:
            self.says(8, code, request_id, {}, "wamp.error.no_such_thing")

    def on_48(self, request_id: int, options: dict[str, Any], procedure: str) -> None:
        self.calls[request_id] = False

    def on_49(self, request_id: int, options: dict[str, Any]) -> None:
        if request_id in self.calls and options["mode"] == "kill":
            self.calls[request_id] = True
        elif request_id in self.calls:
            del self.calls[request_id]
            self.says(8, 48, request_id, {}, "wamp.error.canceled")

    def on_70(self, request_id: int, options: dict[str, Any], args: object = None) -> None:
        assert request_id in self.invocations
        if not options:
            self.invocations.remove(request_id)

    def on_8(self, request_type: int, request_id: int, *rest: Any) -> None:
        assert request_type == 68
        self.invocations.remove(request_id)

    def publishes(self) -> None:
        for subscription_id in self.subscriptions:
            self.says(36, subscription_id, 900, {})

    def invokes(self, registration_id: int) -> None:
        if registration_id in self.registrations:
            self.invoked += 1
            self.invocations.add(self.invoked)
            self.says(68, self.invoked, registration_id, {})

    def interrupts(self, request_id: int, options: dict[str, Any]) -> None:
        if request_id in self.invocations:
            self.says(69, request_id, options)

    def revokes(self, target: int) -> None:
        if target in self.subscriptions:
            self.subscriptions.remove(target)
            self.says(35, 0, {"subscription": target})
        if target in self.registrations:
            self.registrations.remove(target)
            self.says(67, 0, {"registration": target})

    def answers(self, request_id: int, *, is_final: bool) -> None:
        if request_id in self.calls:
            self.says(50, request_id, {} if is_final else {"progress": True})
            if is_final:
                del self.calls[request_id]


class HonestRouter(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.client = Client()
        self.session = self.client.session
        self.router = Router()
        self.waiting: dict[str, tuple[int, str]] = {}  # waiters of REGISTER and SUBSCRIBE: request and handler
        self.others: dict[str, int] = {}  # waiters of all other requests
        self.handlers: dict[str, int] = {}  # handlers that were confirmed, and not ended since
        self.tasks: set[int] = set()
        self.made = 0

    def name(self, kind: str) -> str:
        self.made += 1
        return f"{kind} {self.made}"

    # ---- the client's side

    @rule(topic=topics)
    def subscribe(self, topic: str) -> None:
        waiter, handler = self.name("waiter"), self.name("handler")
        self.waiting[waiter] = (self.session.subscribe(topic, {}, handler, waiter), handler)

    @rule(procedure=procedures)
    def register(self, procedure: str) -> None:
        waiter, handler = self.name("waiter"), self.name("handler")
        self.waiting[waiter] = (self.session.register(procedure, {}, handler, waiter), handler)

    @precondition(lambda self: self.waiting)
    @rule(which=pick)
    def abandon(self, which: int) -> None:
        waiter = sorted(self.waiting)[which % len(self.waiting)]
        self.session.abandon(self.waiting.pop(waiter)[0])

    @precondition(lambda self: self.handlers)
    @rule(which=pick)
    def end_one(self, which: int) -> None:
        handler = sorted(self.handlers)[which % len(self.handlers)]
        target, waiter = self.handlers.pop(handler), self.name("waiter")
        end = self.session.unsubscribe if target >= 600 else self.session.unregister
        if end(target, handler, waiter):
            self.others[waiter] = target

    @rule()
    def call(self) -> None:
        waiter = self.name("waiter")
        self.others[waiter] = self.session.call("com.example.f", (), {}, {}, waiter)

    @rule(which=pick, mode=st.sampled_from(["skip", "kill", "killnowait"]))
    def cancel(self, which: int, mode: str) -> None:
        before = self.session.pending_calls
        self.session.cancel(which, mode, notify=True)
        if self.session.pending_calls < before:
            self.others = {waiter: issued for waiter, issued in self.others.items() if issued != which}

    @precondition(lambda self: self.tasks)
    @rule(which=pick, how=st.sampled_from(["answer", "progress", "fail"]))
    def work(self, which: int, how: str) -> None:
        request_id = sorted(self.tasks)[which % len(self.tasks)]
        if how == "progress":
            self.session.progress(request_id, (1,), {})
            return
        self.tasks.remove(request_id)
        if how == "answer":
            self.session.answer(request_id, (1,), {})
        else:
            self.session.fail(request_id, Canceled())

    # ---- the router's side

    @rule(count=st.integers(1, 4))
    def the_router_reads(self, count: int) -> None:
        sent = self.client.link.sent
        for raw in sent[:count]:
            self.router.takes(raw)
        del sent[:count]

    @rule()
    def the_router_refuses(self) -> None:
        self.router.refuses = True

    @rule(which=st.sampled_from([500, 501, 600, 601]))
    def the_router_revokes(self, which: int) -> None:
        self.router.revokes(which)

    @rule(which=st.sampled_from([500, 501]))
    def the_router_invokes(self, which: int) -> None:
        self.router.invokes(which)
        self.router.publishes()

    @rule(which=pick, options=st.sampled_from([{}, {"mode": "kill"}, {"mode": "killnowait"}]))
    def the_router_interrupts(self, which: int, options: dict[str, Any]) -> None:
        self.router.interrupts(which, options)

    @rule(which=pick, is_final=st.booleans())
    def the_router_answers(self, which: int, is_final: bool) -> None:
        self.router.answers(which, is_final=is_final)

    @rule(count=st.integers(1, 4))
    def the_client_reads(self, count: int) -> None:
        for _ in range(min(count, len(self.router.outgoing))):
            raw = self.router.outgoing.popleft()
            self.react(raw, self.client.hears(*raw))

    def react(self, raw: list[Any], inbound: Inbound | None) -> None:
        if isinstance(inbound, Reply):
            if inbound.waiter in self.waiting:
                _, handler = self.waiting.pop(inbound.waiter)
                if raw[0] != 8:
                    self.handlers[handler] = raw[2]
            else:
                del self.others[inbound.waiter]
        elif isinstance(inbound, Invoked):
            self.tasks.add(raw[1])
            self.session.serve(raw[1], str(raw[1]))
        elif isinstance(inbound, Interrupted):
            self.tasks.remove(int(inbound.token))
            self.session.fail(int(inbound.token), Canceled())
        elif isinstance(inbound, Delivery):
            assert set(inbound.handlers) <= set(self.handlers)
        elif isinstance(inbound, Revoked):
            for handler in inbound.handlers:
                del self.handlers[handler]
        else:
            assert inbound is None or isinstance(inbound, Progress)

    # ---- when all has been said

    def teardown(self) -> None:
        while self.client.link.sent or self.router.outgoing or self.tasks or self.router.calls:
            self.the_router_reads(1)
            self.the_client_reads(1)
            for request_id in list(self.router.calls):
                self.router.answers(request_id, is_final=True)
            if self.tasks:
                self.work(0, "answer")
        assert self.session.is_established
        assert self.waiting == {}
        assert self.others == {}
        assert self.router.invocations == set()
        assert set(self.handlers.values()) == self.router.subscriptions | self.router.registrations
        statistics = self.session.statistics()
        assert statistics.subscriptions == len(self.router.subscriptions)
        assert statistics.registrations == len(self.router.registrations)
        assert statistics.pending_subscribes == statistics.pending_registers == statistics.pending_removals == 0


TestHonestRouter = pytest.mark.checklist("BP-C3", "RV-C1", "CC-C2", "CC-C3", "CC-C5", "PV-C2")(HonestRouter.TestCase)
TestHonestRouter.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
