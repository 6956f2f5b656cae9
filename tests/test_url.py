"""URLs of routers."""

from __future__ import annotations

import pytest

from trowamp._url import RouterUrl, parse_url

GOOD = {
    "ws://router.example/ws": RouterUrl(scheme="ws", host="router.example", port=80, target="/ws"),
    "wss://router.example": RouterUrl(scheme="wss", host="router.example", port=443),
    "ws://127.0.0.1:0/ws": RouterUrl(scheme="ws", host="127.0.0.1", port=0, target="/ws"),
    "ws://h:8080/a/b?x=1&y=%20": RouterUrl(scheme="ws", host="h", port=8080, target="/a/b?x=1&y=%20"),
    "ws://h?x=1": RouterUrl(scheme="ws", host="h", port=80, target="/?x=1"),
    "ws://h/straße": RouterUrl(scheme="ws", host="h", port=80, target="/stra%C3%9Fe"),
    "WS://Router.Example:8080/WS": RouterUrl(scheme="ws", host="router.example", port=8080, target="/WS"),
    "ws://münchen.example/": RouterUrl(scheme="ws", host="xn--mnchen-3ya.example", port=80),
    "ws://h:/ws": RouterUrl(scheme="ws", host="h", port=80, target="/ws"),
    "rs://h:9000": RouterUrl(scheme="rs", host="h", port=9000),
    "rs://h:9000/": RouterUrl(scheme="rs", host="h", port=9000),
    "rss://[2001:db8::1]:9000": RouterUrl(scheme="rss", host="2001:db8::1", port=9000),
    "ws://[::]:0": RouterUrl(scheme="ws", host="::", port=0),
    "ws://[fe80::1%25eth0]:80/": RouterUrl(scheme="ws", host="fe80::1%eth0", port=80),
    "http://router.example/lp": RouterUrl(scheme="http", host="router.example", port=80, target="/lp"),
    "https://h/lp?x=1": RouterUrl(scheme="https", host="h", port=443, target="/lp?x=1"),
    "http+unix:///run/r.sock?target=/lp": RouterUrl(scheme="http+unix", path="/run/r.sock", target="/lp"),
    "rs+unix:///run/router.sock": RouterUrl(scheme="rs+unix", path="/run/router.sock"),
    "rs+unix:///run/my%20router%3F%23%25.sock": RouterUrl(scheme="rs+unix", path="/run/my router?#%.sock"),
    "rs+unix:///run/%FF.sock": RouterUrl(scheme="rs+unix", path="/run/\udcff.sock"),
    "ws+unix:///run/router.sock": RouterUrl(scheme="ws+unix", path="/run/router.sock"),
    "ws+unix:///run/r.sock?target=/ws": RouterUrl(scheme="ws+unix", path="/run/r.sock", target="/ws"),
    "ws+unix:///run/r.sock?target=/ws%3Fx%3D1%26y%3D2": RouterUrl(
        scheme="ws+unix", path="/run/r.sock", target="/ws?x=1&y=2"
    ),
}

BAD = {
    "": "is no router's URL, which is one of ws://",
    "router.example": "did you mean ws://router.example?",
    "localhost:8080/ws?token=secret": "did you mean ws://localhost:8080/ws?",
    "joe:secret@localhost:8080": "is no router's URL",
    "/run/router.sock": "did you mean ws+unix:///run/router.sock?",
    "//router.example": "did you mean ws://router.example?",
    "tcp://router.example:80": "did you mean rs://?",
    "unix:///run/router.sock": "did you mean rs+unix://?",
    "ws:router.example": "names no host",
    "ws://": "names no host",
    "ws://:8080": "names no host",
    "ws:///ws": "names no host",
    "rs://router.example": "rs:// needs a port",
    "rss://router.example:": "rss:// needs a port",
    "ws://h:99999": "the port must be a number from 0 to 65535",
    "ws://h:-1": "the port must be a number",
    "ws://h:http": "the port must be a number",
    "ws://::1:8080/": "an IPv6 address stands in brackets",
    "ws://[::1": "its host is not understood",
    "ws://[nonsense]:80": "its host is not understood",
    "ws://a..b:80": "there is no such host name",
    "ws://" + 64 * "a": "there is no such host name",
    "ws://h/ws#part": "no fragment",
    "ws://h/ws#": "no fragment",
    "ws://h/w s": "blanks or control characters",
    "ws://h\r\nX: y/": "blanks or control characters",
    "ws://h\0/": "blanks or control characters",
    "rs://h:1/path": "takes no path and no query",
    "rs://h:1?x": "takes no path and no query",
    "rs+unix://run/router.sock": "needs an absolute path",
    "rs+unix:///": "needs an absolute path",
    "rs+unix:///run/": "needs an absolute path",
    "rs+unix:///a%00b": "needs an absolute path",
    "rs+unix:///run/r.sock?target=/ws": "takes no query",
    "ws+unix:///run/r.sock?path=/ws": "the one query that ws+unix:// takes is a target",
    "ws+unix:///run/r.sock?target=": "the one query",
    "ws+unix:///run/r.sock?target=ws": "the one query",
    "ws+unix:///run/r.sock?target=/a&target=/b": "the one query",
    "ws+unix:///run/r.sock?target=/a%0D%0AX:y": "the target holds blanks or control characters",
}


@pytest.mark.parametrize("text", GOOD)
def test_a_url_is_understood(text: str) -> None:
    assert parse_url(text) == GOOD[text]


@pytest.mark.parametrize("text", GOOD)
def test_the_text_of_a_url_means_the_same(text: str) -> None:
    url = parse_url(text)
    assert parse_url(url.text) == url


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_url_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # its text is looked at below
        parse_url(text)
    assert BAD[text] in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "ws://joe:secret@h/",
        "http://joe:secret@h/",
        "joe:secret@h:80",
        "ws://joe:sec/secret@h:80/",
        "ws://joe:secret@[h",
        "ws://joe:secret@h:port/",
        "ws://joe:secret@h/ ",
        "rs+unix://joe:secret@h/run/r.sock",
        "rs://h:1?token=secret",
        "ws://h/#token=secret@h",
    ],
)
def test_no_error_shows_a_password_or_a_query(text: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # its text is looked at below
        parse_url(text)
    assert "sec" not in str(caught.value)


def test_people_and_logs_see_no_query() -> None:
    assert str(parse_url("ws://h/ws?token=secret")) == "ws://h:80/ws?…"
    assert str(parse_url("ws+unix:///r.sock?target=/ws%3Ftoken=secret")) == "ws+unix:///r.sock?target=/ws"
    assert str(parse_url("rs://[::1]:9000")) == "rs://[::1]:9000"


@pytest.mark.parametrize(
    ("text", "framing", "is_tls", "is_unix"),
    [
        ("ws://h", "websocket", False, False),
        ("wss://h", "websocket", True, False),
        ("rs://h:1", "rawsocket", False, False),
        ("rss://h:1", "rawsocket", True, False),
        ("ws+unix:///r", "websocket", False, True),
        ("rs+unix:///r", "rawsocket", False, True),
    ],
)
def test_the_scheme_tells_how_to_connect(text: str, framing: str, is_tls: bool, is_unix: bool) -> None:
    url = parse_url(text)
    assert (url.framing, url.is_tls, url.is_unix) == (framing, is_tls, is_unix)


@pytest.mark.parametrize(
    ("text", "websocket_url"),
    [
        ("ws://h/ws?x=1", "ws://h:80/ws?x=1"),
        ("wss://[::1]:8443/", "wss://[::1]:8443/"),
        ("ws://[fe80::1%25eth0]/", "ws://[fe80::1]:80/"),
        ("ws+unix:///run/r.sock?target=/ws", "ws://localhost/ws"),
    ],
)
def test_the_websocket_handshake_is_told_what_it_understands(text: str, websocket_url: str) -> None:
    assert parse_url(text).websocket_url == websocket_url


def test_the_port_can_be_replaced() -> None:
    assert parse_url("ws://[::1]:0/ws").with_port(8080).text == "ws://[::1]:8080/ws"


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("http://router.example/lp", "router.example"),
        ("http://router.example:443/lp", "router.example:443"),
        ("https://router.example:443/lp", "router.example"),
        ("https://[::1]:8443/lp", "[::1]:8443"),
        ("http://[fe80::1%25eth0]/lp", "[fe80::1]"),
        ("http+unix:///run/router.sock", "localhost"),
    ],
)
def test_requests_name_the_host_as_servers_expect_it(text: str, host: str) -> None:
    assert parse_url(text).host_header == host
