"""Authenticators of a session: by name and by object, several at once, and both forms of what they may look like."""

from __future__ import annotations

from typing import Any

import pytest
from trowamp_compat.wamp._authenticators import agreed, check_welcome, merged_authextra
from trowamp_compat.wamp.auth import create_authenticator
from trowamp_compat.wamp.types import ComponentConfig

from tests.compat.kit import Kit, Run, on_both


@on_both
@pytest.mark.autobahn("C-25")
def test_a_session_takes_an_authenticator_by_name_or_as_an_object(run: Run) -> None:
    assert run(by_name_and_as_object) == {
        "wampcra": "AuthWampCra",
        "ticket": "AuthTicket",
    }


async def by_name_and_as_object(kit: Kit) -> dict[str, str]:
    session = kit.wamp.Session(ComponentConfig("realm1"))
    session.add_authenticator("wampcra", authid="joe", secret="secret")
    session.add_authenticator(create_authenticator("ticket", authid="joe", ticket="t"))
    with pytest.raises(ValueError, match="Unknown authenticator"):
        session.add_authenticator("magic")
    return {name: type(each).__name__ for name, each in session._authenticators.items()}


class Documented:
    """Has `on_welcome` as the interface says."""

    name = "mine"

    def on_welcome(self, authextra: Any) -> str:
        return f"documented {authextra}"


class Actual:
    """Has `on_welcome` as it is called."""

    name = "mine"

    def on_welcome(self, session: Any, authextra: Any) -> str:
        return f"actual {session} {authextra}"


@pytest.mark.frameworks("asyncio", "twisted")
@pytest.mark.autobahn("C-25")
def test_both_forms_of_on_welcome_are_called() -> None:
    assert check_welcome(Documented(), "session", 3) == "documented 3"
    assert check_welcome(Actual(), "session", 3) == "actual session 3"
    assert check_welcome(object(), "session", 3) is None


@pytest.mark.frameworks("asyncio", "twisted")
@pytest.mark.autobahn("S-41")
def test_several_authenticators_have_to_agree() -> None:
    joe = create_authenticator("ticket", ticket="t", authid="joe", authextra={"a": 1})
    key = create_authenticator("cryptosign", privkey="00" * 32, authextra={"a": 1, "b": 2})
    eve = create_authenticator("anonymous", authid="eve", authextra={"a": 2})
    assert (agreed([joe, key], "authid"), agreed([key], "authid")) == ("joe", None)
    merged = merged_authextra([joe, key])
    assert merged is not None
    assert merged.keys() == {"a", "b", "pubkey"}
    assert merged_authextra([create_authenticator("anonymous")]) is None
    with pytest.raises(ValueError, match="Inconsistent authid"):
        agreed([joe, eve], "authid")
    with pytest.raises(ValueError, match="Inconsistent authextra"):
        merged_authextra([joe, eve])
