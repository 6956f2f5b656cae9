"""One heap for all deadlines: cancelling and moving are cheap, and nothing fires twice, early or never."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from trowamp.router._deadlines import Deadlines


class Item:
    def __init__(self) -> None:
        self.deadline = math.inf
        self.fired: list[float] = []

    def fire(self, _: object, now: float) -> None:
        self.fired.append(now)


def tick(deadlines: Deadlines, now: float) -> None:
    for item, action in deadlines.due(now):
        action(item, now)


def push(deadlines: Deadlines, item: Item, deadline: float) -> None:
    deadlines.push(item, deadline, item.fire)


def test_items_are_due_in_the_order_of_their_deadlines() -> None:
    deadlines, items = Deadlines(), [Item() for _ in range(4)]
    for item, deadline in zip(items, (3.0, 1.0, 2.0, 2.0), strict=True):
        push(deadlines, item, deadline)
    assert deadlines.next() == 1.0
    assert [item for item, _ in deadlines.due(2.0)] == [items[1], items[2], items[3]]
    assert deadlines.next() == 3.0
    assert len(deadlines) == 1


def test_a_cancelled_deadline_is_never_due() -> None:
    deadlines, item = Deadlines(), Item()
    push(deadlines, item, 1.0)
    deadlines.cancel(item)
    deadlines.cancel(item)
    assert deadlines.next() is None
    tick(deadlines, 10.0)
    assert item.fired == []
    assert len(deadlines) == 0


def test_a_deadline_can_be_moved_without_the_heap() -> None:
    deadlines, item = Deadlines(), Item()
    push(deadlines, item, 1.0)
    item.deadline = 5.0
    tick(deadlines, 4.0)
    assert item.fired == []
    assert deadlines.next() == 5.0
    tick(deadlines, 5.0)
    assert item.fired == [5.0]


def test_an_item_with_a_new_deadline_is_due_once() -> None:
    deadlines, item = Deadlines(), Item()
    push(deadlines, item, 1.0)
    deadlines.cancel(item)
    push(deadlines, item, 3.0)
    assert len(deadlines) == 1
    for now in (1.0, 2.0, 3.0, 4.0):
        tick(deadlines, now)
    assert item.fired == [3.0]


def test_cancelled_reminders_do_not_pile_up() -> None:
    deadlines = Deadlines()
    kept = Item()
    push(deadlines, kept, 1e9)
    for number in range(10_000):
        item = Item()
        push(deadlines, item, 1000.0 + number)
        deadlines.cancel(item)
    assert len(deadlines._heap) < 1000
    assert deadlines.next() == 1e9


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 30), st.sampled_from(["push", "cancel", "later"]))))
def test_every_item_is_due_exactly_when_its_deadline_says(steps: list[tuple[int, int, str]]) -> None:
    deadlines, items, now = Deadlines(), [Item() for _ in range(5)], 0.0
    expected: dict[Item, float] = {}
    for index, amount, action in steps:
        item = items[index]
        if action == "push" and item not in expected:
            expected[item] = now + amount
            push(deadlines, item, now + amount)
        elif action == "cancel":
            expected.pop(item, None)
            deadlines.cancel(item)
        elif action == "later" and item in expected:
            expected[item] = item.deadline = item.deadline + amount
        assert deadlines.next() == (min(expected.values()) if expected else None)
        assert len(deadlines) == len(expected)
        now += 3
        due = {item for item, deadline in expected.items() if deadline <= now}
        assert {item for item, _ in deadlines.due(now)} == due
        expected = {item: deadline for item, deadline in expected.items() if item not in due}
