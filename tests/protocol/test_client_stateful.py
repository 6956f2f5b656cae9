"""Anything in any order: commands and router messages, legal and illegal, against a model that only counts.

What must hold whatever happens: every waiter comes back exactly once or is given up, request ids have no gaps, every invocation is answered at
most once, nothing is sent after the last word, and nothing is left when the session is over.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.protocol.fake_link import Client
from trowamp._exceptions import (
    ApplicationError,
    LocalProtocolError,
    MessageTooLarge,
    SerializationError,
    SessionClosed,
    SessionLost,
)
from trowamp.protocol import Delivery, Ended, Inbound, Interrupted, Invoked, Progress, Reply, Revoked

REQUESTS = {16, 32, 34, 48, 64, 66}
ANSWER_TO = {48: 50, 16: 17, 64: 65, 32: 33, 66: 67, 34: 35}

request_ids = st.integers(1, 12)
registration_ids = st.sampled_from([500, 501])
subscription_ids = st.sampled_from([600, 601])
handlers = st.sampled_from(["h1", "h2"])
uris = st.sampled_from(["com.example.a", "com.example.b"])
refusals = st.sampled_from([None, None, None, SerializationError("args[0]: NaN"), MessageTooLarge(20, 10)])
modes = st.sampled_from(["skip", "kill", "killnowait"])


class AnythingGoes(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.client = Client()
        self.session = self.client.session
        self.open: dict[str, tuple[int, int]] = {}  # waiters that must come back: code and id of their request
        self.targets: dict[str, int] = {}  # what a waiter's UNREGISTER or UNSUBSCRIBE is to end
        self.running: dict[int, str] = {}  # invocations and their tokens
        self.made = 0  # waiters ever made, which makes them unique
        self.last_id = 0
        self.has_said_last_word = False
        self.patience = 0  # steps before anything may end the session

    @initialize(patience=st.integers(0, 60))
    def begin(self, patience: int) -> None:
        self.patience = patience

    def issued(self, which: int) -> int:
        """Choose a request id: one that was issued, or the next one if that may end the session."""
        return 1 + which % (self.last_id + (self.patience < 0) or 1)

    # ---- what the model knows

    def waiter(self) -> str:
        self.made += 1
        return f"waiter {self.made}"

    def comes_back(self, reply: Reply[str]) -> None:
        assert (reply.message is None) != (reply.error is None)
        del self.open[reply.waiter]

    def look_at_what_was_sent(self) -> None:
        for raw in self.client.link.take():
            assert not self.has_said_last_word, raw
            if raw[0] in REQUESTS:
                assert raw[1] == self.last_id + 1
                self.last_id += 1
            elif raw[0] == 8:
                del self.running[raw[2]]
            elif raw[0] == 70 and not raw[2]:
                del self.running[raw[1]]
            elif raw[0] == 70:
                assert raw[1] in self.running
            self.has_said_last_word = raw[0] in {3, 6}

    def send(self, code: int, command: Any, refusal: Exception | None, waiter: str | None) -> None:
        """Make a request which raises when it should, and is waited for when it does not."""
        if refusal is not None:
            self.client.link.refuse(refusal)
        lives = self.session.is_established
        try:
            request_id = command()
        except (SessionClosed, SessionLost):
            assert not lives
            self.client.link._verdicts.clear()
            return
        except (SerializationError, MessageTooLarge):
            assert lives
            assert refusal is not None
            return
        assert lives
        assert refusal is None
        assert request_id == self.last_id + 1
        if waiter is not None:
            self.open[waiter] = (code, request_id)

    def hear(self, *raw: Any) -> Inbound | None:
        lives, is_over = self.session.is_established, self.session.error is not None
        inbound = self.client.hears(*raw)
        if isinstance(inbound, Ended):
            assert not is_over
            for reply in inbound.replies:
                assert isinstance(reply.error, SessionClosed | SessionLost)
                self.comes_back(reply)
            assert self.open == {}
            assert self.session.error is inbound.error
        elif not lives:
            assert inbound is None
        return inbound

    def expect_answer(
        self, request_type: int, request_id: int, inbound: Inbound | None, *, is_final: bool = True
    ) -> None:
        """Assert that the answer to a request reached its waiter if there is one, and nobody else."""
        asked = [waiter for waiter, request in self.open.items() if request == (request_type, request_id)]
        if asked and not isinstance(inbound, Ended):
            assert isinstance(inbound, Reply if is_final else Progress)
            assert asked == [inbound.waiter]
            if isinstance(inbound, Reply):
                self.comes_back(inbound)
        else:
            assert inbound is None or isinstance(inbound, Ended)

    # ---- commands

    @rule(refusal=refusals, uri=uris)
    def call(self, refusal: Exception | None, uri: str) -> None:
        waiter = self.waiter()
        self.send(48, lambda: self.session.call(uri, (1,), {}, {}, waiter), refusal, waiter)

    @rule(refusal=refusals, is_acknowledged=st.booleans())
    def publish(self, refusal: Exception | None, is_acknowledged: bool) -> None:
        waiter = self.waiter() if is_acknowledged else None
        options = {"acknowledge": True} if is_acknowledged else {}
        self.send(16, lambda: self.session.publish("com.example.a", (1,), {}, options, waiter), refusal, waiter)

    @rule(refusal=refusals, uri=uris, handler=handlers)
    def register(self, refusal: Exception | None, uri: str, handler: str) -> None:
        waiter = self.waiter()
        self.send(64, lambda: self.session.register(uri, {}, handler, waiter), refusal, waiter)

    @rule(refusal=refusals, uri=uris, handler=handlers)
    def subscribe(self, refusal: Exception | None, uri: str, handler: str) -> None:
        waiter = self.waiter()
        self.send(32, lambda: self.session.subscribe(uri, {}, handler, waiter), refusal, waiter)

    @rule(which=registration_ids, handler=handlers)
    def unregister(self, which: int, handler: str) -> None:
        waiter = self.waiter()
        if self.session.unregister(which, handler, waiter):
            self.open[waiter] = (66, self.last_id + 1)
            self.targets[waiter] = which

    @rule(which=subscription_ids, handler=handlers)
    def unsubscribe(self, which: int, handler: str) -> None:
        waiter = self.waiter()
        if self.session.unsubscribe(which, handler, waiter):
            self.open[waiter] = (34, self.last_id + 1)
            self.targets[waiter] = which

    @rule(request_id=request_ids, mode=modes, notify=st.booleans())
    def cancel(self, request_id: int, mode: str, notify: bool) -> None:
        self.session.cancel(request_id, mode, notify=notify)
        if mode != "kill" or not notify:
            self.give_up({48}, request_id)

    @rule(request_id=request_ids)
    def forget(self, request_id: int) -> None:
        self.session.forget_call(request_id)
        self.session.forget_publish(request_id)
        self.give_up({48, 16}, request_id)

    @rule(request_id=request_ids)
    def abandon(self, request_id: int) -> None:
        self.session.abandon(request_id)
        self.give_up({64, 32}, request_id)

    @precondition(lambda self: self.targets)
    @rule(data=st.data())
    def forget_removal(self, data: st.DataObject) -> None:
        waiter = data.draw(st.sampled_from(sorted(self.targets)))
        self.session.forget_removal(waiter)
        self.open.pop(waiter, None)

    def give_up(self, codes: set[int], request_id: int) -> None:
        for waiter, (code, issued) in list(self.open.items()):
            if code in codes and issued == request_id:
                del self.open[waiter]

    @rule(request_id=request_ids, refusal=refusals)
    def answer(self, request_id: int, refusal: Exception | None) -> None:
        lives = self.session.is_established and request_id in self.running
        if lives and refusal is not None:
            self.client.link.refuse(refusal)
        self.session.answer(request_id, (1,), {})
        self.finished(request_id, lives)

    @rule(request_id=request_ids, refusal=refusals, uri=st.sampled_from(["com.example.error", "no uri"]))
    def fail(self, request_id: int, refusal: Exception | None, uri: str) -> None:
        lives = self.session.is_established and request_id in self.running
        if lives and refusal is not None:
            self.client.link.refuse(refusal)
        self.session.fail(request_id, ApplicationError(uri, 1))
        self.finished(request_id, lives)

    def finished(self, request_id: int, lives: bool) -> None:
        assert lives == bool(self.client.link.sent)
        if not lives:
            self.running.pop(request_id, None)

    @rule(request_id=request_ids, refusal=refusals)
    def progress(self, request_id: int, refusal: Exception | None) -> None:
        if refusal is not None:
            self.client.link.refuse(refusal)
        try:
            self.session.progress(request_id, (1,), {})
        except LocalProtocolError:
            assert self.client.link.sent == []
        except (SerializationError, MessageTooLarge):
            assert refusal is not None
        self.client.link._verdicts.clear()

    @rule(octets=st.sampled_from([None, 0, 5, 10]))
    def flush(self, octets: int | None) -> None:
        link = self.client.link
        link.flush(octets if octets is None else min(octets, link.queued_octets - link.sent_octets))

    # ---- the router, which may say anything

    @precondition(lambda self: self.last_id or self.patience < 0)
    @rule(request_id=request_ids, request_type=st.sampled_from(sorted(ANSWER_TO)), which=st.sampled_from([0, 1]))
    def an_answer_comes(self, request_id: int, request_type: int, which: int) -> None:
        request_id = self.issued(request_id)
        lives = self.session.is_established
        tails: dict[int, list[Any]] = {48: [{}], 64: [500 + which], 32: [600 + which], 16: [900]}
        inbound = self.hear(ANSWER_TO[request_type], request_id, *tails.get(request_type, []))
        assert isinstance(inbound, Ended) == (lives and request_id > self.last_id)
        self.expect_answer(request_type, request_id, inbound)

    @precondition(lambda self: self.last_id or self.patience < 0)
    @rule(request_id=request_ids, request_type=st.sampled_from(sorted(ANSWER_TO)))
    def an_error_comes(self, request_id: int, request_type: int) -> None:
        request_id = self.issued(request_id)
        lives = self.session.is_established
        inbound = self.hear(8, request_type, request_id, {}, "com.example.error")
        assert isinstance(inbound, Ended) == (lives and (request_id > self.last_id))
        self.expect_answer(request_type, request_id, inbound)

    @precondition(lambda self: self.last_id or self.patience < 0)
    @rule(request_id=request_ids)
    def progress_comes(self, request_id: int) -> None:
        request_id = self.issued(request_id)
        self.expect_answer(48, request_id, self.hear(50, request_id, {"progress": True}), is_final=False)

    @rule(which=subscription_ids)
    def an_event_comes(self, which: int) -> None:
        inbound = self.hear(36, which, 900, {})
        assert inbound is None or (isinstance(inbound, Delivery) and inbound.handlers)

    @rule(request_id=request_ids, which=registration_ids)
    def an_invocation_comes(self, request_id: int, which: int) -> None:
        is_running = request_id in self.running
        if is_running and self.patience >= 0:
            return
        inbound = self.hear(68, request_id, which, {})
        if isinstance(inbound, Invoked):
            assert not is_running
            self.running[request_id] = token = f"token {request_id}"
            self.session.serve(request_id, token)
        elif isinstance(inbound, Ended):
            assert is_running
        elif self.client.link.sent:
            assert not is_running
            self.running[request_id] = "refused"

    @rule(request_id=request_ids, options=st.sampled_from([{}, {"mode": "kill"}, {"mode": "killnowait"}]))
    def an_interrupt_comes(self, request_id: int, options: dict[str, str]) -> None:
        lives = self.session.is_established and request_id in self.running
        inbound = self.hear(69, request_id, options)
        assert isinstance(inbound, Interrupted) == lives
        if isinstance(inbound, Interrupted):
            assert inbound.token == self.running[request_id]

    @rule(code=st.sampled_from([35, 67]), which=st.sampled_from([500, 501, 600, 601]))
    def a_revocation_comes(self, code: int, which: int) -> None:
        inbound = self.hear(code, 0, {"subscription" if code == 35 else "registration": which})
        if isinstance(inbound, Reply):
            assert self.targets[inbound.waiter] == which
            self.comes_back(inbound)
        else:
            assert inbound is None or (isinstance(inbound, Revoked) and inbound.handlers)

    # ---- the end

    @precondition(lambda self: self.patience < 0)
    @rule()
    def leave(self) -> None:
        for reply in self.session.goodbye():
            assert isinstance(reply.error, SessionClosed)
            self.comes_back(reply)
        assert not self.session.is_established
        assert self.open == {}

    @precondition(lambda self: self.patience < 0)
    @rule(raw=st.sampled_from([[6, {}, "com.example.bye"], [3, {}, "com.example.reason"]]))
    def the_router_ends_it(self, raw: list[Any]) -> None:
        is_over = self.session.error is not None
        assert isinstance(self.hear(*raw), Ended) != is_over

    @precondition(lambda self: self.patience < 0)
    @rule(
        raw=st.sampled_from(
            [
                [8, 68, 1, {}, "com.example.error"],
                [2, 1, {"roles": {"dealer": {}}}],
                [4, "ticket", {}],
                [48, 1, {}, "com.example.f"],
            ]
        )
    )
    def the_router_talks_nonsense(self, raw: list[Any]) -> None:
        lives = self.session.is_established
        assert isinstance(self.hear(*raw), Ended) == lives

    @precondition(lambda self: self.patience < 0)
    @rule(how=st.sampled_from(["lose", "abort"]))
    def it_breaks(self, how: str) -> None:
        end = self.session.lose("gone") if how == "lose" else self.session.abort("com.example.reason", "nonsense")
        for reply in end.replies:
            self.comes_back(reply)
        assert self.open == {}

    # ---- what always holds

    @invariant()
    def the_books_are_right(self) -> None:
        self.patience -= 1
        self.look_at_what_was_sent()
        statistics = self.session.statistics()
        open_by_code = [code for code, _ in self.open.values()]
        assert statistics.pending_calls == self.session.pending_calls == open_by_code.count(48)
        assert statistics.pending_publishes == open_by_code.count(16)
        assert statistics.pending_registers >= open_by_code.count(64)
        assert statistics.pending_subscribes >= open_by_code.count(32)
        assert statistics.pending_removals >= open_by_code.count(66) + open_by_code.count(34)
        for table in (self.session._registrations, self.session._subscriptions):
            assert table._subjects.keys() == table.attached.keys()
        if self.session.error is None:
            assert statistics.running_invocations == len(self.running)
        else:
            self.running.clear()
            expect_nothing_is_left(self.client)

    def teardown(self) -> None:
        for reply in self.session.lose("the test is over").replies:
            self.comes_back(reply)
        assert self.open == {}
        expect_nothing_is_left(self.client)


def expect_nothing_is_left(client: Client) -> None:
    """Assert that a session that is over holds nothing, not even in tables that nobody counts."""
    assert client.is_idle()
    session = client.session
    fields = [*vars(session).items(), *vars(session._registrations).items(), *vars(session._subscriptions).items()]
    tables = [(name, value) for name, value in fields if isinstance(value, dict | set) and name != "_counters"]
    assert len(tables) > 10
    assert [table for table in tables if table[1]] == []


TestAnythingGoes = pytest.mark.checklist("SES-C2", "ID-C1", "SES-B3", "BP-C6", "PV-C2", "SES-B5")(AnythingGoes.TestCase)
TestAnythingGoes.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
