"""URIs on functions: what the decorators note, and what patterns bind."""

from __future__ import annotations

from typing import Any

import pytest
from trowamp_compat import wamp
from trowamp_compat.wamp.types import RegisterOptions, SubscribeOptions
from trowamp_compat.wamp.uri import Pattern, convert_starred_uri, patterns_of


def handler(text: str, **options: Any) -> Pattern:
    return Pattern(text, Pattern.URI_TARGET_HANDLER, SubscribeOptions(**options) if options else None)


@pytest.mark.autobahn("S-65", "S-66", "C-3")
def test_procedure_and_topic_are_other_names_of_register_and_subscribe() -> None:
    @wamp.procedure("com.example.add2")
    def add2(x: int, y: int) -> int:
        return x + y

    @wamp.topic("com.example.topic")
    def on_event() -> None: ...

    (procedure,), (topic,) = patterns_of(add2), patterns_of(on_event)
    assert (procedure.uri(), procedure.is_endpoint(), procedure.is_handler()) == ("com.example.add2", True, False)
    assert (topic.uri(), topic.is_endpoint(), topic.is_handler()) == ("com.example.topic", False, True)
    assert add2(2, 3) == 5


@pytest.mark.autobahn("S-49")
def test_decorators_stack_and_keep_their_options() -> None:
    options = RegisterOptions(invoke="roundrobin")

    @wamp.register("com.example.second", options, check_types=True)
    @wamp.subscribe("com.example.first")
    def both() -> None: ...

    first, second = patterns_of(both)
    assert [each.uri() for each in both._wampuris] == ["com.example.first", "com.example.second"]  # type: ignore[attr-defined]
    assert (first.options, first.check_types) == (None, None)
    assert (second.options, second.check_types) == (options, True)


@pytest.mark.autobahn("S-13", "C-8")
def test_without_a_uri_the_name_of_the_function_is_it() -> None:
    @wamp.register(None)
    def first() -> None: ...

    @wamp.register()
    def second() -> None: ...

    @wamp.register
    def third() -> None: ...

    @wamp.subscribe
    def fourth() -> None: ...

    assert [patterns_of(each)[0].uri() for each in (first, second, third, fourth)] == [
        "first",
        "second",
        "third",
        "fourth",
    ]


@pytest.mark.autobahn("S-49", "S-67")
def test_methods_static_methods_and_objects_can_be_decorated() -> None:
    class Backend:
        @wamp.register("com.example.method")
        def method(self) -> None: ...

        @staticmethod
        @wamp.register("com.example.inner")
        def inner() -> None: ...

        @wamp.register("com.example.outer")
        @staticmethod
        def outer() -> None: ...

        @wamp.register("com.example.class")
        @classmethod
        def of_class(cls) -> None: ...

        def __call__(self) -> None: ...

    backend = Backend()
    wamp.register("com.example.object")(backend)
    members = (backend.method, backend.inner, backend.outer, backend.of_class, backend)
    assert [patterns_of(each)[0].uri() for each in members] == [
        "com.example.method",
        "com.example.inner",
        "com.example.outer",
        "com.example.class",
        "com.example.object",
    ]


def test_what_cannot_be_called_is_not_decorated() -> None:
    with pytest.raises(AssertionError, match="can be called"):
        wamp.register("com.example.add2")(3)  # type: ignore[type-var]
    assert patterns_of(3) == []


@pytest.mark.autobahn("S-73", "C-9")
@pytest.mark.parametrize(
    ("text", "concrete", "bound"),
    [
        ("com.myapp.task.<taskId>.delete", "com.myapp.task.t7.delete", ([], {"taskId": "t7"})),
        ("com.myapp.item.<int:id>.get", "com.myapp.item.7.get", ([], {"id": 7})),
        ("com.myapp.item.<id:int>.get", "com.myapp.item.7.get", ([], {"id": 7})),
        ("com.myapp.<string:obj_type>.<int:id>", "com.myapp.user.3", ([], {"obj_type": "user", "id": 3})),
        ("com.myapp.task..delete", "com.myapp.task.t7.delete", (["t7"], {})),
        ("com.myapp.<a>..<b>", "com.myapp.1.2.3", (["2"], {"a": "1", "b": "3"})),
        ("com.myapp.add2", "com.myapp.add2", ([], {})),
    ],
)
def test_components_of_a_uri_are_bound(text: str, concrete: str, bound: Any) -> None:
    assert handler(text).match(concrete) == bound


@pytest.mark.autobahn("S-76", "C-9")
@pytest.mark.parametrize("text", ["com.myapp.us.<suffix:path>", "com.myapp.us.<path:suffix>"])
def test_a_suffix_takes_all_that_remains(text: str) -> None:
    pattern = handler(text)
    assert pattern.match("com.myapp.us.montana.billings") == ([], {"path": "montana.billings"})
    assert (pattern.uri_type, pattern.wire.uri, pattern.wire.match) == (2, "com.myapp.us.", "prefix")


@pytest.mark.autobahn("S-74")
@pytest.mark.parametrize(
    ("concrete", "matches"),
    [
        ("com.myapp.us.montana.billings.on_concert", True),
        ("com.myapp.us.montana.billings", False),
        ("com.myapp.us.montana.billings.on_challenge", False),
        ("com.myapp.us.montana.west.billings.on_concert", False),
    ],
)
def test_a_wildcard_matches_as_many_components_only(concrete: str, matches: bool) -> None:
    pattern = handler("com.myapp.<country>.<state>.<city>.on_concert")
    assert (pattern.wire.uri, pattern.wire.match) == ("com.myapp....on_concert", "wildcard")
    if matches:
        assert pattern.match(concrete) == ([], {"country": "us", "state": "montana", "city": "billings"})
    else:
        with pytest.raises(ValueError, match="does not match"):
            pattern.match(concrete)


@pytest.mark.autobahn("S-72", "C-9")
def test_an_explicit_match_decides_and_binds_no_empty_component() -> None:
    pattern = handler("com.myapp.task..delete", match="wildcard")
    assert pattern.match("com.myapp.task.t7.delete") == ([], {})
    assert (pattern.uri_type, pattern.wire.uri) == (Pattern.URI_TYPE_WILDCARD, "com.myapp.task..delete")
    prefix = handler("com.myapp", match="prefix")
    assert (prefix.uri_type, prefix.wire.match) == (Pattern.URI_TYPE_PREFIX, "prefix")


def test_a_component_that_does_not_convert_does_not_match() -> None:
    with pytest.raises(ValueError, match="integer"):
        handler("com.myapp.<int:id>").match("com.myapp.seven")


@pytest.mark.parametrize("text", ["com.<", "com.<a>.<a>", "com.my app", "com.<float:x>", "com.<suffix:a>.x", "com#x"])
def test_what_is_no_uri_is_a_type_error(text: str) -> None:
    with pytest.raises(TypeError, match="invalid URI"):
        handler(text)


def test_a_pattern_is_refused_with_wrong_arguments() -> None:
    for wrong in ((3, 1), ("", 1), ("a.b", 7), ("a.b", 1, SubscribeOptions()), ("a.b", 3, RegisterOptions())):
        with pytest.raises(AssertionError, match=r"."):
            Pattern(*wrong)
    with pytest.raises(TypeError, match="match='exact'"):
        handler("com.<x>", match="exact")


@pytest.mark.parametrize(
    ("starred", "converted"),
    [
        ("com.x", ("com.x", "exact")),
        ("com.*.x", ("com..x", "wildcard")),
        ("com.x*", ("com.x", "prefix")),
        ("com.x.*", ("com.x.", "prefix")),
        ("*", ("", "prefix")),
        ("com.*.x*", ("com..x", "wildcard")),
    ],
)
def test_stars_become_patterns(starred: str, converted: tuple[str, str]) -> None:
    assert convert_starred_uri(starred) == converted


def test_a_repr_tells_what_it_is() -> None:
    assert repr(handler("com.<x>")) == "<Pattern 'com.<x>' (wildcard)>"
