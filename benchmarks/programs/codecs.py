"""Serializers for the far ends of the benchmarks: plain lists, no checks."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cbor2

_msgpack = importlib.import_module("msgpack")  # it has no types


@dataclass
class Codec:
    """How a serializer makes octets of a list, and a list of octets."""

    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]
    is_binary: bool = True


JSON = Codec(lambda message: json.dumps(message, separators=(",", ":")).encode(), json.loads, is_binary=False)
MSGPACK = Codec(_msgpack.packb, _msgpack.unpackb)
CBOR = Codec(cbor2.dumps, cbor2.loads)
BY_RAWSOCKET_ID = {1: JSON, 2: MSGPACK, 3: CBOR}
BY_SUBPROTOCOL: dict[Any, Codec] = {"wamp.2.json": JSON, "wamp.2.msgpack": MSGPACK, "wamp.2.cbor": CBOR}
