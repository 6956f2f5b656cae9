"""Identifiers of session scope."""

from __future__ import annotations

import pytest

from trowamp._ids import MAX_ID, next_id


@pytest.mark.checklist("ID-B1")
def test_the_largest_id_is_2_to_the_53rd() -> None:
    assert MAX_ID == 9007199254740992


@pytest.mark.checklist("ID-B1", "ID-C1")
def test_ids_start_at_1_and_count_up() -> None:
    ids = [0]
    for _ in range(5):
        ids.append(next_id(ids[-1]))
    assert ids == [0, 1, 2, 3, 4, 5]


@pytest.mark.checklist("ID-B2")
def test_ids_begin_anew_after_the_largest() -> None:
    assert next_id(MAX_ID - 1) == MAX_ID
    assert next_id(MAX_ID) == 1
