"""trowamp/router/_history_journal.py: whoever does what the journal says has the history again, up to the last time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trowamp.router import HistoryJournal, HistoryRule, PastEvent

from .harness import REALM, World

RULES = (HistoryRule(uri="a", max_events=3), HistoryRule(uri="b.", match="prefix", max_events=2, max_octets=600))
TOPICS = ["a", "b.x", "b.y", "c"]
Saved = dict[int, PastEvent]


class Store:
    """What somebody keeps who saves now and then."""

    def __init__(self) -> None:
        self.events: Saved = {}

    def save(self, journal: HistoryJournal) -> None:
        changes = journal.take()
        for realm, event in changes.kept:
            assert realm == REALM
            assert event.number not in self.events
            self.events[event.number] = event
        for _, number in changes.dropped:
            del self.events[number]  # nothing is dropped that was not saved

    def load(self) -> Mapping[str, list[PastEvent]]:
        return {REALM: [self.events[number] for number in sorted(self.events)]}


def begin(store: Store) -> tuple[World, HistoryJournal]:
    world = World(event_history=RULES)
    return world, world.router.record_history(store.load())


def kept(world: World) -> list[Any]:
    history = world.router._realms[REALM].broker.history
    assert history is not None
    return [event.args for log in history._all for event in log.events]


steps = st.one_of(
    st.tuples(st.sampled_from(TOPICS), st.integers(0, 400)), st.just("save"), st.just("crash"), st.just("restart")
)


@given(st.lists(steps, max_size=60))
def test_a_history_is_what_was_saved_last_and_what_came_since(actions: list[Any]) -> None:
    store = Store()
    world, journal = begin(store)
    client, saved, count = world.join(), kept(world), 0
    for action in actions:
        if isinstance(action, tuple):
            topic, size = action
            count += 1
            client.publish(topic, count, "x" * size)
        elif action == "crash":
            world, journal = begin(store)
            client = world.join()
            assert kept(world) == saved
        else:
            store.save(journal)
            saved = kept(world)
            if action == "restart":
                world, journal = begin(store)
                client = world.join()
                assert kept(world) == saved
                assert not journal
        assert len(journal) <= sum(rule.max_events for rule in RULES)
    store.save(journal)
    assert sorted(event.args for event in store.events.values()) == sorted(kept(world))


def test_an_event_that_goes_before_it_was_saved_leaves_no_trace() -> None:
    world, journal = begin(Store())
    client = world.join()
    for number in range(100):
        client.publish("a", number)
    assert len(journal) == 3
    changes = journal.take()
    assert [event.args for _, event in changes.kept] == [[97], [98], [99]]
    assert changes.dropped == []
    assert not journal


def test_numbers_go_on_where_they_were() -> None:
    store = Store()
    for _ in range(3):
        world, journal = begin(store)
        world.join().publish("a", "x")
        store.save(journal)
    assert sorted(store.events) == [1, 2, 3]


@pytest.mark.parametrize("realm", ["other", "made.on.demand"])
def test_what_other_realms_have_is_not_touched(realm: str) -> None:
    store = Store()
    world, journal = begin(store)
    world.join().publish("a", "x")
    (_, event), *_ = journal.take().kept
    other = World(event_history=RULES, auto_realms=True)
    journal = other.router.record_history({realm: [event]})
    other.join("made.on.demand").publish("a", "y")
    assert not journal
    assert other.statistics()["past_events"] == 1
