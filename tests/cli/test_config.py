from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from trowamp import RouterOptions
from trowamp.cli._config import LIMITS, read_config

from ..config_text import parsed

COMPLETE = """
[router]
realms = ["shop", "test"]
listen = ["ws://127.0.0.1:0/ws", "rs://127.0.0.1:0"]

[router.tls]
cert = "server.pem"
key = "/etc/ssl/server.key"

[router.limits]
max_connections = 5
ping_interval = inf
handshake_timeout = 3
outbox_limit = 1000
slow_consumer = "drop_events"
strict_uris = true
"""


def test_a_file_says_everything_that_a_router_is_told() -> None:
    config = parsed(COMPLETE, Path("/etc/trowamp"))
    assert config.realms == ["shop", "test"]
    assert config.listen == ["ws://127.0.0.1:0/ws", "rs://127.0.0.1:0"]
    assert config.cert == Path("/etc/trowamp/server.pem")
    assert config.key == Path("/etc/ssl/server.key")
    assert config.server == {"max_connections": 5, "ping_interval": math.inf}
    options = RouterOptions(**config.core)
    assert (options.outbox_limit, options.slow_consumer, options.handshake_timeout) == (1000, "drop_events", 3)
    assert options.strict_uris


def test_a_router_of_a_file_may_close_at_once_as_one_of_a_program_may() -> None:
    assert parsed("[router.limits]\nclose_timeout = 0", Path()).server == {"close_timeout": 0}


def test_an_empty_file_says_nothing() -> None:
    config = parsed("", Path())
    assert (config.realms, config.listen, config.cert, config.key, config.server, config.core) == (
        [],
        [],
        None,
        None,
        {},
        {},
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[rooter]", "unknown key rooter (did you mean router?)"),
        ("[router]\nrealm = 'x'", "unknown key router.realm (did you mean realms?)"),
        ("[router.tls]\ncertificate = 'x'", "unknown key router.tls.certificate (known: cert, key)"),
        (
            "[router.limits]\nmax_conections = 1",
            "unknown key router.limits.max_conections (did you mean max_connections?)",
        ),
        ("[router.limits]\nauthenticators = []", "unknown key router.limits.authenticators"),
        ("[router.tls]\nkey = 'x'", "Object missing required field `cert` - at `router.tls`"),
        ("[router]\nrealms = 'realm1'", "Expected `array`, got `str` - at `router.realms`"),
        ("[router]\nrealms = [1]", "Expected `str`, got `int` - at `router.realms[0]`"),
        ("[router.limits]\nmax_connections = 'many'", "Expected `int`, got `str` - at `router.limits.max_connections`"),
        ("[router.limits]\nstrict_uris = 1", "Expected `bool`, got `int` - at `router.limits.strict_uris`"),
        ("[router.limits]\nslow_consumer = 'wait'", "Invalid enum value 'wait' - at `router.limits.slow_consumer`"),
        ("[router.limits]\nmax_connections = 0", "router.limits.max_connections must be more than 0, not 0"),
        ("[router.limits]\nping_interval = nan", "router.limits.ping_interval must be more than 0, not nan"),
        ("[router.limits]\nclose_timeout = -1", "router.limits.close_timeout must be 0 seconds or more, not -1.0"),
        ("router = 1", "router must be a table"),
        ("[router]\nlimits = 1", "router.limits must be a table"),
        ("[router", "Expected"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        parsed(text, Path())


def test_complaints_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "router.toml"
    with pytest.raises(ValueError, match="cannot read .*router.toml: No such file"):
        read_config(path)
    path.write_text("[rooter]", encoding="utf-8")
    with pytest.raises(ValueError, match="router.toml: unknown key rooter"):
        read_config(path)


def test_file_names_are_relative_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "router.toml"
    path.write_text("[router.tls]\ncert = 'server.pem'", encoding="utf-8")
    assert read_config(path).cert == tmp_path / "server.pem"


def test_every_limit_is_in_the_reference(project: Path) -> None:
    page = (project / "docs/reference/options-and-limits.md").read_text(encoding="utf-8")
    assert [name for name in sorted(LIMITS) if f"`{name}`" not in page] == []
