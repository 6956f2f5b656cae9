"""Fixtures of the protocol's tests."""

from __future__ import annotations

import pytest

from tests.protocol.fake_link import Client, FakeLink


@pytest.fixture
def link() -> FakeLink:
    """Return a link that keeps what is sent."""
    return FakeLink()


@pytest.fixture
def client() -> Client:
    """Return an established session over a link of its own."""
    return Client()
