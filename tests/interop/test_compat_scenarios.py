"""What the compatibility layer tells on every event loop, told once more against Crossbar.io."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compat.kit import Run, on_both
from tests.compat.test_scenarios import everything

from .crossbar_node import SERIALIZERS, CrossbarNode


@on_both
@pytest.mark.parametrize("framing", ["ws", "rs"])
@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_a_session_calls_registers_subscribes_and_publishes(
    run: Run, crossbar: CrossbarNode, framing: str, serializer: str
) -> None:
    config: dict[str, Any] = {"url": crossbar.url(framing)}
    if framing == "ws":
        config["serializers"] = [serializer]
    else:
        config["serializer"] = serializer
    assert run(everything, config, f"com.example.compat.{framing}.{serializer}") == "left"
