"""Our MessagePack beside the package `msgpack`, which knows nothing of us: each reads what the other wrote."""

from __future__ import annotations

import importlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from trowamp.messages import Call
from trowamp.wire.serializers import get_serializer

oracle: Any = importlib.import_module("msgpack")  # it has no types
serializer = get_serializer("msgpack")

texts = st.text(max_size=20).filter(lambda text: not text.startswith("\0"))  # those cannot be carried in JSON
atoms = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
    | st.binary(max_size=300)
)
values = st.recursive(
    atoms, lambda inner: st.lists(inner, max_size=20) | st.dictionaries(texts, inner, max_size=20), max_leaves=30
)
calls = st.builds(
    Call,
    st.integers(1, 2**53),
    st.just({}),
    st.just("com.example.f"),
    st.lists(values, min_size=1, max_size=4),
    st.dictionaries(texts, values, min_size=1, max_size=4),
)


def exactly(value: Any) -> str:
    """Return a text that tells 1 from True and from 1.0, and 0.0 from -0.0, which `==` does not."""
    return repr(value)


@settings(max_examples=150)
@given(call=calls)
def test_the_library_reads_what_we_write(call: Call) -> None:
    assert exactly(oracle.unpackb(serializer.encode(call))) == exactly(list(call.to_wire()))


@settings(max_examples=150)
@given(call=calls)
def test_we_read_what_the_library_writes(call: Call) -> None:
    assert exactly(serializer.decode(oracle.packb(call.to_wire()))) == exactly(call)


@settings(max_examples=150)
@given(call=calls)
def test_both_write_the_same_octets(call: Call) -> None:
    assert serializer.encode(call) == oracle.packb(call.to_wire())
