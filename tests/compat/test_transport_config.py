"""The dictionaries that components take for transports, and what is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest
from trowamp_compat.wamp._transports import TransportConfig, jitter_of, read_transports

pytestmark = pytest.mark.frameworks("asyncio", "twisted")  # one reading for both

TCP = {"type": "tcp", "host": "h", "port": 1}


def websocket(**more: Any) -> dict[str, Any]:
    return {"type": "websocket", "url": "ws://h/ws", **more}


def rawsocket(**more: Any) -> dict[str, Any]:
    return {"type": "rawsocket", "url": "rs://h:1", **more}


@pytest.mark.autobahn("S-4", "S-21", "S-22", "C-28")
@pytest.mark.parametrize(
    ("config", "kind", "host", "port"),
    [
        ("ws://h:1/ws", "websocket", "h", 1),
        ("ws://h/ws", "websocket", "h", 80),
        ("wss://h/ws", "websocket", "h", 443),
        ("rs://h:1", "rawsocket", "h", 1),
        ("rss://h:1", "rawsocket", "h", 1),
        ({"url": "rs://h:1"}, "rawsocket", "h", 1),
        ({"type": "rawsocket", "url": "ws://h:1/ws"}, "rawsocket", "h", 1),
        ({"type": "rawsocket", "endpoint": TCP}, "rawsocket", "h", 1),
        (websocket(endpoint={**TCP, "port": 7}), "websocket", "h", 7),
    ],
)
def test_type_and_endpoint_follow_from_the_url(config: Any, kind: str, host: str, port: int) -> None:
    read = TransportConfig(config)
    assert (read.kind, read.endpoint.host, read.endpoint.port) == (kind, host, port)


@pytest.mark.autobahn("S-23")
@pytest.mark.parametrize(
    "config", ["rs://unix:/run/x.sock", {"type": "rawsocket", "endpoint": {"type": "unix", "path": "/run/x.sock"}}]
)
def test_an_endpoint_may_be_a_unix_socket(config: Any) -> None:
    assert TransportConfig(config).endpoint.path == "/run/x.sock"


@pytest.mark.autobahn("S-24", "C-27", "W-1")
@pytest.mark.parametrize(
    ("config", "is_secure"),
    [
        ("wss://h/ws", True),
        ("rss://h:1", True),
        ("ws://h/ws", False),
        (websocket(url="wss://h/ws", endpoint=TCP), True),
        (rawsocket(url="rss://h:1", endpoint=TCP), True),
        (websocket(url="wss://h/ws", endpoint={**TCP, "tls": False}), False),
        (websocket(endpoint={**TCP, "tls": True}), True),
        (rawsocket(endpoint={**TCP, "tls": {"hostname": "x"}}), True),
    ],
)
def test_tls_follows_from_the_url_unless_the_endpoint_says_otherwise(config: Any, is_secure: bool) -> None:
    assert TransportConfig(config).is_secure is is_secure


@pytest.mark.autobahn("S-25", "S-26", "S-27", "S-30", "S-31", "S-32", "S-33", "S-34", "W-24")
@pytest.mark.parametrize(
    "config",
    [
        websocket(serializers=["json", "msgpack", "cbor"]),
        rawsocket(serializer="json"),
        websocket(options={"open_handshake_timeout": 100, "autoPingInterval": 10, "failByDrop": False}),
        rawsocket(options={"maxMessagePayloadSize": 1024}),
        websocket(proxy={"host": "proxy", "port": 3128}, headers={"X-A": "b"}),
        websocket(endpoint={**TCP, "timeout": 0.5, "version": 6}),
        websocket(
            max_retries=-1,
            max_retry_delay=10,
            initial_retry_delay=0.5,
            retry_delay_growth=2,
            retry_delay_jitter=0.2,
        ),
        websocket(retry_delay_jitter=lambda: 0.5),
        websocket(max_retry_delay=1),
    ],
)
def test_every_documented_key_is_taken(config: dict[str, Any]) -> None:
    assert [str(read) for read in read_transports(config)] == [config["url"]]


@pytest.mark.autobahn("S-28", "W-33")
@pytest.mark.parametrize(
    "config",
    [
        7,
        {},
        {"type": "telepathy", "url": "ws://h"},
        "http://h",
        "ws:///ws",
        websocket(url="rs://h:1"),
        websocket(url=7),
        websocket(unknown=1),
        websocket(serializer="json"),
        websocket(serializers="json"),
        websocket(serializers=["json.batched"]),
        websocket(serializers=["unknown"]),
        rawsocket(serializers=["json"]),
        rawsocket(proxy={"host": "h", "port": 1}),
        rawsocket(options={"autoPingInterval": 1}),
        websocket(options={"unknown": 1}),
        websocket(options=7),
        websocket(proxy={"host": "h"}),
        websocket(proxy={"host": "h", "port": "1"}),
        websocket(endpoint={"host": "h", "port": 1}),
        websocket(endpoint={"type": "tcp", "host": "h"}),
        websocket(endpoint={"type": "tcp", "port": 1}),
        websocket(endpoint={**TCP, "unknown": 1}),
        websocket(endpoint={**TCP, "path": "/x"}),
        websocket(endpoint={**TCP, "timeout": "1"}),
        websocket(endpoint={**TCP, "version": 5}),
        websocket(endpoint={"type": "unix"}),
        websocket(endpoint={"type": "unix", "path": "/x", "host": "h"}),
        websocket(endpoint={"type": "unix", "path": "/x", "tls": True}),
        websocket(endpoint=7),
        websocket(max_retries=-2),
        websocket(retry_delay_growth=0.5),
    ],
    ids=str,
)
def test_what_is_not_legal_is_refused(config: Any) -> None:
    with pytest.raises(ValueError, match="."):
        read_transports([config])


@pytest.mark.autobahn("C-14")
def test_the_first_retry_waits_for_the_initial_delay_and_each_delay_stays_below_the_maximum() -> None:
    schedule = TransportConfig(websocket(max_retries=9, retry_delay_jitter=0)).schedule()
    delays = [schedule.next_delay(0.5) for _ in range(9)]
    assert delays[:4] == [1.5, 2.25, 3.375, 5.0625]
    capped = TransportConfig(websocket(initial_retry_delay=5, max_retry_delay=6, retry_delay_jitter=0)).schedule()
    assert [capped.next_delay(0.5) for _ in range(3)] == [5, 6, 6]


@pytest.mark.autobahn("C-14", "S-34")
def test_a_jitter_may_be_a_function() -> None:
    config = TransportConfig(websocket(retry_delay_jitter=lambda: 0.5))
    assert config.schedule().next_delay(jitter_of([config])) == pytest.approx(2.25)
