"""trowamp/_uri_pattern.py: what is a URI, and what a declared pattern becomes."""

from __future__ import annotations

import pytest

from trowamp._uri_pattern import is_uri


@pytest.mark.checklist("URI-B1")
def test_a_line_feed_at_the_end_is_not_part_of_a_uri() -> None:
    assert not is_uri("com.example\n")
