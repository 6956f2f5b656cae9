"""Mistakes of the program, not of the network: they are told in words, at the earliest time, and no component tries again because of them."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from trowamp_compat.asyncio.component import Component as AsyncioComponent
from trowamp_compat.wamp import message
from trowamp_compat.wamp.types import CallOptions, PublishOptions

from tests.compat.fake_router import joined
from tests.compat.kit import Kit, Run, on_both

URL = "rs://127.0.0.1:1"


class Silent:
    """A logger that says nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


async def outcome(kit: Kit, failure: Exception, is_fatal: Any = None, jitter: Any = 0) -> tuple[int, list[Any], Any]:
    """Let attempts fail, of which there may be three; return how many there were, what the listener was told, and how the component ended."""
    told: list[Any] = []

    class Component(kit.component.Component):  # type: ignore[misc, name-defined]
        attempts = 0

        def _connect(self, *arguments: Any) -> Any:
            self.attempts += 1
            raise failure

    retries = {"max_retries": 1, "initial_retry_delay": 0, "retry_delay_jitter": jitter}
    component = Component(transports=[{"url": URL, **retries}, {"url": URL, "max_retries": 0}], is_fatal=is_fatal)
    component.log = Silent()
    component.on_connectfailure(lambda _, error: told.append(error))
    try:
        await component.start(kit.loop)
    except Exception as error:  # noqa: BLE001  # the outcome
        return component.attempts, told, error
    raise AssertionError("it has not failed")


@on_both
@pytest.mark.autobahn("S-9", "W-31")
@pytest.mark.parametrize("kind", [ValueError, TypeError])
def test_an_attempt_that_fails_for_a_mistake_is_the_last_one(run: Run, kind: type[Exception]) -> None:
    async def scenario(kit: Kit) -> None:
        failure = kind("nobody can connect so")
        assert await outcome(kit, failure) == (1, [failure], failure)

    run(scenario)


@on_both
@pytest.mark.autobahn("S-9", "S-29")
@pytest.mark.parametrize(
    "kind", [OSError, ConnectionRefusedError, TimeoutError, ssl.SSLCertVerificationError, RuntimeError]
)
def test_an_attempt_that_fails_for_what_may_pass_is_followed_by_others(run: Run, kind: type[Exception]) -> None:
    async def scenario(kit: Kit) -> None:
        failure = kind("not today")
        assert await outcome(kit, failure) == (3, [failure] * 3, failure)

    run(scenario)


@on_both
@pytest.mark.autobahn("S-9")
def test_whether_another_attempt_follows_what_may_pass_is_for_is_fatal_to_say(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        failure = RuntimeError("can't start new thread")
        assert await outcome(kit, failure, is_fatal=lambda error: error is failure) == (2, [failure] * 2, failure)

    run(scenario)


@on_both
@pytest.mark.autobahn("S-9", "S-34")
@pytest.mark.parametrize("argument", ["is_fatal", "jitter"])
def test_a_bug_in_a_function_about_retries_ends_a_component_instead_of_leaving_it_waiting(
    run: Run, argument: str
) -> None:
    bug = ZeroDivisionError("a bug")

    def fails(*_: Any) -> Any:
        raise bug

    async def scenario(kit: Kit) -> None:
        attempts, _, error = await outcome(kit, OSError("not today"), **{argument: fails})
        assert (attempts, error) == ({"is_fatal": 1, "jitter": 0}[argument], bug)

    run(scenario)


@on_both
@pytest.mark.autobahn("S-24", "S-85")
@pytest.mark.parametrize("tls", [object(), ssl, "yes", 1], ids=["object", "module", "text", "number"])
def test_tls_that_is_none_of_the_framework_is_refused_where_it_is_given(run: Run, tls: Any) -> None:
    async def scenario(kit: Kit) -> None:
        endpoint = {"type": "tcp", "host": "127.0.0.1", "port": 1, "tls": tls}
        with pytest.raises(ValueError, match="tls is True, False, a dictionary"):
            kit.component.Component(transports={"type": "rawsocket", "endpoint": endpoint})
        with pytest.raises(ValueError, match="tls is True, False, a dictionary"):
            kit.wamp.ApplicationRunner("wss://127.0.0.1:1/", "realm1", ssl=tls)

    run(scenario)


def test_an_endpoint_object_is_refused_on_asyncio() -> None:
    class Endpoint:
        def connect(self, factory: Any) -> None:
            """As those of Twisted have it."""

    with pytest.raises(ValueError, match="endpoint objects are Twisted's"):
        AsyncioComponent(transports={"type": "rawsocket", "endpoint": Endpoint()})


@on_both
@pytest.mark.autobahn("S-24")
def test_a_trust_root_that_vanishes_is_named(run: Run, tmp_path: Path) -> None:
    async def scenario(kit: Kit) -> None:
        path = tmp_path / "authority.pem"
        trustme.CA().cert_pem.write_to_path(path)
        endpoint = {"type": "tcp", "host": "127.0.0.1", "port": 1, "tls": {"trust_root": str(path)}}
        transport = {"type": "rawsocket", "endpoint": endpoint, "max_retries": 0}
        component = kit.component.Component(transports=transport)
        path.unlink()
        with pytest.raises(OSError, match=r"authority\.pem"):
            await component.start(kit.loop)

    run(scenario)


@on_both
@pytest.mark.autobahn("S-2", "S-4", "S-7")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"realm": ""}, "a realm must be a URI, not ''"),
        ({"realm": "a b#"}, "a realm must be a URI, not 'a b#'"),
        ({"realm": 5}, "a realm must be a URI, not 5"),
        ({"transports": []}, "at least one transport"),
        ({"session_factory": 5}, '"session_factory" must be callable'),
        ({"authentication": "ticket"}, "authentication must be a dictionary .* not of type str"),
        ({"authentication": ["ticket"]}, "authentication must be a dictionary .* not of type list"),
        ({"authentication": {"ticket": None}}, "authentication 'ticket' must be .* not of type NoneType"),
        ({"authentication": {"ticket": "hidden"}}, "authentication 'ticket' must be .* not of type str"),
    ],
    ids=str,
)
def test_an_argument_that_a_component_cannot_use_is_refused(run: Run, arguments: dict[str, Any], words: str) -> None:
    async def scenario(kit: Kit) -> None:
        with pytest.raises(ValueError, match=words) as caught:
            kit.component.Component(**arguments)
        assert "hidden" not in str(caught.value)

    run(scenario)


@on_both
@pytest.mark.parametrize("realm", ["", "a b#", 5])
def test_a_runner_refuses_a_realm_that_is_none(run: Run, realm: Any) -> None:
    async def scenario(kit: Kit) -> None:
        with pytest.raises(AssertionError, match=f"realm must be a URI, not {realm!r}"):
            kit.wamp.ApplicationRunner(URL, realm)

    run(scenario)


@on_both
@pytest.mark.parametrize(
    ("method", "arguments", "named", "words"),
    [
        ("call", [None], {}, "procedure must be a string, not None"),
        ("call", [], {}, "procedure must be a string, not None"),
        ("call", [5], {}, "procedure must be a string, not 5"),
        ("call", ["a.b"], {"options": PublishOptions()}, "of type CallOptions, not PublishOptions"),
        ("publish", [None], {}, "topic must be a string, not None"),
        ("publish", [5], {}, "topic must be a string, not 5"),
        ("publish", ["a.b"], {"options": 5}, "of type PublishOptions, not int"),
        ("register", [print, "a.b"], {"options": CallOptions()}, "of type RegisterOptions, not CallOptions"),
        ("subscribe", [print, "a.b"], {"options": CallOptions()}, "of type SubscribeOptions, not CallOptions"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_request_of_the_wrong_types_is_a_type_error(
    run: Run, method: str, arguments: list[Any], named: dict[str, Any], words: str
) -> None:
    async def scenario(kit: Kit) -> None:
        _, session = joined(kit)
        with pytest.raises(TypeError, match=words):
            getattr(session, method)(*arguments, **named)

    run(scenario)


@on_both
def test_a_uri_may_be_given_by_name_or_be_of_a_class_derived_from_text(run: Run) -> None:
    class Text(str):
        __slots__ = ()

    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        session.publish(topic="com.example.named")
        session.publish(Text("com.example.derived"))
        await session.register(print, "com.example.last")
        assert [sent.topic for sent in router.of(message.Publish)] == ["com.example.named", "com.example.derived"]

    run(scenario)
