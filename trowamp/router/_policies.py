"""Which callee of a shared registration gets a call (SR-R5): one function per invocation policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ._registrations import Endpoint, Registration

Draw = Callable[[], int]  # source of random integers
Policy = Callable[["Registration", Draw], "Endpoint"]


def _first(registration: Registration, draw: Draw) -> Endpoint:
    return registration.endpoints[0]


def _last(registration: Registration, draw: Draw) -> Endpoint:
    return registration.endpoints[-1]


def _roundrobin(registration: Registration, draw: Draw) -> Endpoint:
    endpoints = registration.endpoints
    turn = registration.turn % len(endpoints)
    registration.turn = turn + 1
    return endpoints[turn]


def _random(registration: Registration, draw: Draw) -> Endpoint:
    endpoints = registration.endpoints
    return endpoints[draw() % len(endpoints)]


POLICIES: Final[dict[str, Policy]] = {
    "single": _first,
    "first": _first,
    "last": _last,
    "roundrobin": _roundrobin,
    "random": _random,
}
