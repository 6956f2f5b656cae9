"""The dictionaries that components take for transports, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path
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
        websocket(endpoint={**TCP, "timeout": -1}),
        websocket(options={1: 2}),
        websocket(headers={"A": "b\r\nC: d"}),
        {"url": "ws://h", 1: 2},
        [],
    ],
    ids=str,
)
def test_what_is_not_legal_is_refused(config: Any) -> None:
    with pytest.raises(ValueError, match="."):
        read_transports([config])


@pytest.mark.autobahn("S-24", "S-28", "W-33")
@pytest.mark.parametrize(
    ("config", "words"),
    [
        (websocket(endpoint={**TCP, "tls": {"trustroot": "x"}}), "unknown keys of tls: trustroot"),
        (websocket(endpoint={**TCP, "tls": {"trust_root": 5}}), "the trust_root of tls .* not 5"),
        (websocket(endpoint={**TCP, "tls": {"trust_root": ""}}), "the trust_root of tls .* not ''"),
        (
            websocket(endpoint={**TCP, "tls": {"trust_root": "/no/such.pem"}}),
            "trust_root .*'/no/such.pem'.*No such file",
        ),
        (websocket(endpoint={**TCP, "tls": {"hostname": 5}}), "the hostname of tls .* not 5"),
        (websocket(endpoint={**TCP, "tls": "yes"}), "tls is .* not 'yes'"),
        (websocket(endpoint={**TCP, "tls": 1}), "tls is .* not 1"),
        (websocket(endpoint={**TCP, "port": 99999}), "the port of an endpoint .* not 99999"),
        (websocket(endpoint={**TCP, "port": 0}), "the port of an endpoint .* not 0"),
        (websocket(proxy={"host": "h", "port": 99999}), "the port of a proxy .* not 99999"),
        (websocket(proxy={"host": 5, "port": 1}), "the host of a proxy .* not 5"),
        (websocket(options={"autoPingInterval": "x"}), "auto_ping_interval .* a number of seconds, not 'x'"),
        (websocket(options={"open_handshake_timeout": -1}), "open_handshake_timeout .* not -1"),
        (websocket(options={"maxMessagePayloadSize": 1.5}), "max_message_payload_size .* not 1.5"),
        (rawsocket(options={"maxMessagePayloadSize": True}), "max_message_payload_size .* not True"),
        (websocket(options={"tcpNoDelay": "no"}), "tcp_no_delay must be a bool, not 'no'"),
        (websocket(options={"perMessageCompressionOffers": "deflate"}), "offers must be a list, not 'deflate'"),
        (websocket(max_retries="x"), "max_retries is a whole number, not 'x'"),
        (websocket(max_retries=1.5), "max_retries is a whole number, not 1.5"),
        (websocket(initial_retry_delay="x"), "initial_retry_delay is a number, not 'x'"),
        (websocket(retry_delay_jitter="x"), "retry_delay_jitter is a number, not 'x'"),
        (websocket(headers=[1]), r"headers .* not \[1\]"),
        (websocket(headers={1: "x"}), "headers .* not {1: 'x'}"),
        ("ws://h:99999/", "'ws://h:99999/'.*range"),
        ("ws://h:xx/", "'ws://h:xx/'.*xx"),
        ("rs://h:99999", "'rs://h:99999'.*range"),
    ],
    ids=str,
)
def test_a_value_that_cannot_be_used_is_refused_by_name_and_value(config: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        TransportConfig(config)


@pytest.mark.autobahn("S-4")
def test_no_transport_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one transport"):
        read_transports([])


@pytest.mark.autobahn("S-24")
def test_a_file_without_certificates_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "empty.pem"
    path.write_text("nothing")
    for trust_root in (path, str(path)):
        with pytest.raises(ValueError, match=r"empty\.pem"):
            TransportConfig(websocket(endpoint={**TCP, "tls": {"trust_root": trust_root}}))


@pytest.mark.autobahn("S-26")
def test_an_option_that_is_none_is_as_if_it_were_not_there() -> None:
    config = TransportConfig(websocket(options={"autoPingInterval": None, "openHandshakeTimeout": 7}))
    assert (config.ping_interval, config.open_timeout) == (10, 7)


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
