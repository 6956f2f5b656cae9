from __future__ import annotations

import signal
import ssl
from pathlib import Path

import pytest
import trio
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

import trowamp

from .program import Program, Run, Start


def addresses(program: Program, count: int) -> list[str]:
    return [program.says("listening on ").removeprefix("listening on ") for _ in range(count)]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def certificates(authority: trustme.CA, tmp_path: Path) -> dict[str, str]:
    server = authority.issue_cert("127.0.0.1")
    files = {name: str(tmp_path / f"{name}.pem") for name in ("ca", "cert", "key")}
    authority.cert_pem.write_to_path(files["ca"])
    server.cert_chain_pems[0].write_to_path(files["cert"])
    server.private_key_pem.write_to_path(files["key"])
    return files


async def test_each_listener_has_a_line_with_its_real_address(start: Start, tmp_path: Path) -> None:
    unix = f"rs+unix://{tmp_path}/router.sock"
    listen = [word for url in ("ws://127.0.0.1:0/ws", "rs://127.0.0.1:0", unix) for word in ("--listen", url)]
    program = start("router", *listen, "--realm", "one", "--realm", "two")
    urls = addresses(program, 3)
    assert urls[2] == unix
    for url, realm in zip(urls, ("one", "two", "one"), strict=True):
        async with trowamp.open_session(url, realm=realm) as session:
            assert session.realm == realm
    assert await trio.to_thread.run_sync(lambda: program.end(signal=signal.SIGTERM)) == (0, "", "")


def test_a_configuration_file_says_it_all(
    start: Start, here: Run, certificates: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "router.toml").write_text(
        '[router]\nrealms = ["shop"]\nlisten = ["wss://127.0.0.1:0/ws"]\n'
        '[router.tls]\ncert = "cert.pem"\nkey = "key.pem"\n[router.limits]\nmax_connections = 1\n',
        encoding="utf-8",
    )
    (url,) = addresses(start("router", "--config", "router.toml"), 1)
    assert url.startswith("wss://")
    command = ("--url", url, "--realm", "shop", "publish", "com.example.topic", "--ack")
    assert here(*command, "--cafile", certificates["ca"]).code == 0
    assert here(*command, "--insecure").code == 0
    code, _, err = here(*command)
    assert (code, "tls=" in err) == (3, False)
    assert err.endswith("; to trust its issuer: --cafile FILE\n")


def test_options_count_more_than_the_file(start: Start, here: Run, tmp_path: Path) -> None:
    (tmp_path / "router.toml").write_text('[router]\nrealms = ["shop"]\nlisten = ["rs://127.0.0.1:0"]\n', "utf-8")
    (url,) = addresses(start("router", "--config", "router.toml", "--realm", "test"), 1)
    assert url.startswith("rs://")
    assert here("--url", url, "--realm", "test", "publish", "com.example.topic").code == 0
    assert here("--url", url, "--realm", "shop", "publish", "com.example.topic").code == 4


def test_a_client_can_show_a_certificate(start: Start, here: Run, certificates: dict[str, str]) -> None:
    files = ("--cert", certificates["cert"], "--key", certificates["key"])
    (url,) = addresses(start("router", "--listen", "rss://127.0.0.1:0", *files), 1)
    assert here("--url", url, "--cafile", certificates["ca"], *files, "publish", "com.example.topic").code == 0


def test_long_polling_is_a_way_like_others(start: Start, here: Run) -> None:
    (url,) = addresses(start("router", "--listen", "ws://127.0.0.1:0/ws"), 1)
    url = url.replace("ws://", "http://").replace("/ws", "/lp")
    assert here("--url", url, "publish", "com.example.topic", "--ack").code == 0
    code, _, err = here("--url", url, "call", "com.example.nobody")
    assert (code, "no_such_procedure" in err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--config", "nowhere.toml"), "error: Invalid value for '--config': cannot read nowhere.toml: No such file"),
        (("--listen", "tcp://127.0.0.1"), "error: Invalid value for '--listen': "),
        (
            ("--listen", "wss://127.0.0.1:0/ws"),
            "error: wss://127.0.0.1:0/ws needs a certificate: --cert FILE and --key FILE",
        ),
        (("--cert", "nowhere.pem"), "error: Invalid value for '--cert': "),
        (("--realm", "no realm"), "error: "),
    ],
)
def test_what_a_router_cannot_do_is_wrong_usage(here: Run, arguments: tuple[str, ...], complaint: str) -> None:
    code, out, err = here("router", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(complaint)
    assert err.count("\n") == 1


def test_a_file_that_is_no_certificate_is_named(here: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    code, _, err = here("router", "--cert", "empty.pem", "--key", "empty.pem")
    assert code == 2
    assert err.startswith("error: empty.pem and empty.pem are not a certificate and its private key")
    code, _, err = here("router", "--key", "empty.pem")
    assert (code, err) == (2, "error: --key needs --cert (see trowamp router --help)\n")


def test_a_file_that_holds_no_certificates_cannot_be_trusted(here: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    code, _, err = here("--url", "wss://127.0.0.1:1/ws", "--cafile", "empty.pem", "call", "com.example.f")
    assert code == 2
    assert err.startswith("error: --cafile empty.pem holds no certificates: ")


def test_an_encrypted_key_is_refused_without_asking(here: Run, certificates: dict[str, str], tmp_path: Path) -> None:
    key = load_pem_private_key(Path(certificates["key"]).read_bytes(), None)
    secret = BestAvailableEncryption(b"secret")
    (tmp_path / "secret.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret))
    code, _, err = here("router", "--cert", certificates["cert"], "--key", "secret.pem")
    assert code == 2
    assert "the key is encrypted; decrypt it first" in err


def test_everybody_is_told_when_the_router_stops(start: Start) -> None:
    program = start("router", "--listen", "ws://127.0.0.1:0/ws")
    (url,) = addresses(program, 1)
    subscriber = start("--url", url, "subscribe", "com.example.topic")
    subscriber.tells("subscribed to")
    assert program.end(signal=signal.SIGTERM).code == 0
    assert "wamp.close.system_shutdown" in subscriber.end().err


def test_the_default_tls_is_strict(authority: trustme.CA) -> None:
    from trowamp.cli._connection import client_tls
    from trowamp.cli._settings import Settings

    settings = Settings()
    assert client_tls(settings).verify_mode is ssl.CERT_REQUIRED
    assert client_tls(settings).check_hostname
    settings.insecure = True
    assert client_tls(settings).verify_mode is ssl.CERT_NONE
