"""A configuration file says all that a program can say: who may join, what roles may do, what is kept. The documented example is run."""

from __future__ import annotations

import os
import re
import shlex
import signal
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import trowamp
from trowamp import HistoryRule, Role, RouterAuth, RouterOptions, Rule
from trowamp.auth import CrossbarScram, Cryptosign, Scram, Ticket, WampCra
from trowamp.cli._config import LIMITS, read_config
from trowamp.cli._main import program as trowamp_program

from ..config_text import parsed
from ..docs_pages import DOCS, blocks_of
from .program import Program, Run, Start, environment_of

PAGE = DOCS / "how-to" / "configure-a-router.md"
FILES = {block.info.removeprefix("file="): block.text for block in blocks_of(PAGE) if block.info.startswith("file=")}
ANN = "4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510"
ROUTER_KEY = "6e1fde9cf9e2359a87420b65a87dc0c66136e66945196ba2475990d8a0c3a25b"
SHOP = '[router]\nrealms = ["shop", "admin"]\n'
JOE = '[router.auth.principals.joe]\nrole = "cook"\n'


def write_example(folder: Path) -> Path:
    """Write the documented configuration and the files that it names, with addresses that are free."""
    text = FILES["router.toml"].replace(":8080/", ":0/").replace("/tmp/shop/", f"{folder}/")
    secrets = {"stock.secret": "stock's secret\n", "router.key": f"{ROUTER_KEY}\n", "router.secret": "s" * 32}
    for name, content in {**secrets, "router.toml": text, "deciders.py": FILES["deciders.py"]}.items():
        (folder / name).write_text(content, encoding="utf-8")
        (folder / name).chmod(0o600)
    return folder / "router.toml"


# ---- the documented example


@pytest.fixture(scope="module")
def example(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Program, str, str]]:
    """Return the documented router, running, with its two URLs."""
    folder = tmp_path_factory.mktemp("router")
    write_example(folder)
    environment = environment_of(project, {"DOORMAN_TICKET": "let me in"})
    running = Program(("router", "--config", "router.toml"), environment, folder)
    urls = [running.says("listening on ").removeprefix("listening on ") for _ in range(2)]
    yield running, urls[0], urls[1]
    running.close()


def test_the_commands_before_the_example_make_what_it_needs(start: Start, project: Path, tmp_path: Path) -> None:
    (commands,) = (block.text for block in blocks_of(PAGE) if block.language == "sh")
    *making, starting = commands.replace("/tmp/shop", f"{tmp_path}/shop").splitlines()
    (tmp_path / "deciders.py").write_text(FILES["deciders.py"], encoding="utf-8")
    text = FILES["router.toml"].replace(":8080/", ":0/").replace("/tmp/shop/", f"{tmp_path}/shop/")
    (tmp_path / "router.toml").write_text(text, encoding="utf-8")
    program = f'trowamp() {{ {shlex.quote(sys.executable)} -m trowamp "$@"; }}'
    environment = environment_of(project, {})
    subprocess.run(["sh", "-ec", "\n".join((program, *making))], cwd=tmp_path, env=environment, check=True, timeout=30)
    variable, name, *arguments = shlex.split(starting)
    assert name == "trowamp"
    running = start(*arguments, env=dict([variable.split("=", 1)]))
    assert running.says("listening on ").startswith("listening on ws://127.0.0.1:")
    assert running.says("listening on ") == f"listening on rs+unix://{tmp_path}/shop/router.sock"
    assert running.end(signal=signal.SIGTERM) == (0, "", "")


@pytest.mark.parametrize(
    ("auth", "authid", "authrole", "method"),
    [
        (Ticket("doorman", "let me in"), "doorman", "doorman", "ticket"),
        (WampCra("stock", "stock's secret"), "stock", "backend", "wampcra"),
        (WampCra("joe", "joe's secret"), "joe", "cook", "wampcra"),
        (Scram("ann", "ann's password"), "ann", "cook", "wamp-scram"),
        (CrossbarScram("ann", "ann's password"), "ann", "cook", "scram"),
        (Cryptosign("ann", private_key=ANN), "ann", "cook", "cryptosign"),
        (
            Cryptosign(private_key=ANN, router_key=Cryptosign(private_key=ROUTER_KEY).public_key),
            "ann",
            "cook",
            "cryptosign",
        ),
        (None, None, "guest", "anonymous"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else value,
)
async def test_the_documented_router_lets_everybody_in_by_each_method(
    example: tuple[Program, str, str], auth: Any, authid: str | None, authrole: str, method: str
) -> None:
    realm = "admin" if authid == "doorman" else "shop"
    async with trowamp.open_session(example[1], realm=realm, auth=auth) as session:
        details = session.details
        assert (details.authrole, details.authmethod) == (authrole, method)
        assert authid in (None, details.authid)


@pytest.mark.parametrize(
    ("realm", "auth"),
    [
        ("shop", Ticket("doorman", "let me in")),
        ("admin", Ticket("doorman", "a guess")),
        ("shop", WampCra("joe", "a guess")),
        ("shop", Scram("ann", "a guess")),
        ("shop", Cryptosign("ann", private_key=ROUTER_KEY)),
        ("shop", WampCra("nobody", "a guess")),  # challenged like one of the others, whichever that is
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else value,
)
async def test_the_documented_router_lets_nobody_else_in(
    example: tuple[Program, str, str], realm: str, auth: Any
) -> None:
    with pytest.raises(trowamp.JoinError, match="denied|no_matching"):
        async with trowamp.open_session(example[1], realm=realm, auth=auth):
            pass


async def test_the_documented_router_allows_and_denies_by_roles(example: tuple[Program, str, str]) -> None:
    _, url, unix = example
    joe, ann = WampCra("joe", "joe's secret"), Scram("ann", "ann's password")
    async with (
        trowamp.open_session(unix, realm="shop", auth=WampCra("stock", "stock's secret")) as stock,
        trowamp.open_session(url, realm="shop", auth=joe) as cook,
        trowamp.open_session(url, realm="shop", auth=ann) as boss,
        trowamp.open_session(url, realm="shop") as guest,
    ):

        async def price(call: trowamp.Invocation) -> str | None:
            return call.caller_authid

        await stock.register("com.shop.price", price)
        await stock.register("com.shop.orders.take", lambda: "taken")
        assert await guest.call("com.shop.price") is None
        assert await cook.call("com.shop.price") == "joe"
        assert await boss.call("com.shop.orders.take") == "taken"
        for session, uri in (
            (cook, "com.shop.orders.take"),
            (guest, "com.shop.orders.take"),
            (guest, "wamp.session.count"),
        ):
            with pytest.raises(trowamp.NotAuthorized):
                await session.call(uri)
        with pytest.raises(trowamp.NotAuthorized):
            await cook.register("com.shop.mine", print)
        assert await stock.call("wamp.session.count") == 4


async def test_the_documented_router_asks_the_doorman_about_others(example: tuple[Program, str, str]) -> None:
    url = example[1]
    with pytest.raises(trowamp.JoinError):  # nobody is there to ask
        async with trowamp.open_session(url, realm="shop", auth=Ticket("tom", "t")):
            pass
    async with trowamp.open_session(url, realm="admin", auth=Ticket("doorman", "let me in")) as doorman:

        def who_is_it(realm: str, authid: str, details: dict[str, Any]) -> dict[str, Any]:
            return {"role": "cook", "ticket": details["ticket"] == "t"}

        await doorman.register("com.shop.who_is_it", who_is_it)
        async with trowamp.open_session(url, realm="shop", auth=Ticket("tom", "t")) as session:
            assert (session.details.authid, session.details.authprovider) == ("tom", "dynamic")


async def test_the_documented_router_keeps_events(example: tuple[Program, str, str]) -> None:
    url = example[1]
    async with (
        trowamp.open_session(url, realm="shop", auth=WampCra("stock", "stock's secret")) as stock,
        trowamp.open_session(url, realm="shop") as guest,
    ):
        await stock.with_options(acknowledge=True).publish("com.shop.news", "tea is back")
        assert (Path(example[2].removeprefix("rs+unix://")).parent / "events.sqlite").exists()
        subscription = await guest.subscribe("com.shop.news", print)
        assert "tea is back" in str(await guest.call("wamp.subscription.get_events", subscription.id))


def test_the_other_blocks_of_the_page_are_configurations(tmp_path: Path) -> None:
    assert parsed(FILES["tls.toml"], tmp_path).cert == tmp_path / "server.pem"


# ---- as much as Python


def test_every_option_of_python_can_be_said_in_a_file() -> None:
    """Each field of the structs is a key, or deliberately none; the example is proof that the keys are understood."""
    elsewhere = {"agent", "roles", "trust_levels", "event_history", "authenticators"}
    assert set(RouterOptions.__struct_fields__) - LIMITS == elsewhere
    example = tomllib.loads(FILES["router.toml"])["router"]
    assert elsewhere - example.keys() == {"authenticators"}
    assert set(RouterAuth.__struct_fields__) == example["auth"].keys()
    rules = [rule for role in example["roles"] for rule in role["rules"]]
    shown = {key for rule in rules for key in rule}
    assert set(Rule.__struct_fields__) - shown == {"disclose_publisher"}
    assert set(Role.__struct_fields__) == {key for role in example["roles"] for key in role}
    assert set(HistoryRule.__struct_fields__) == {key for rule in example["event_history"] for key in rule}


def test_a_file_makes_what_python_makes(tmp_path: Path) -> None:
    path = write_example(tmp_path)
    config = parsed(path.read_text("utf-8"), tmp_path, DOORMAN_TICKET="let me in")
    options = RouterOptions(**config.core)
    assert options.roles is not None
    assert options.roles[2] == Role(
        name="cook",
        rules=[
            Rule(uri="com.shop.*", allow=["call", "subscribe"], disclose_caller="always"),
            Rule(uri="com.shop.orders.*", allow=["subscribe"], ask=["call"], cache=True),
        ],
    )
    assert list(options.event_history) == [
        HistoryRule(uri="com.shop.news", max_events=100),
        HistoryRule(uri="com.shop.orders.", match="prefix", max_octets=1048576),
    ]
    assert options.trust_levels == {"backend": 5, "guest": 0}
    assert config.auth is not None
    assert config.auth.principals["doorman"]["ticket"] == "let me in"
    assert config.auth.principals["stock"]["wampcra"] == "stock's secret"
    assert config.auth.secret == b"s" * 32
    assert config.history == tmp_path / "events.sqlite"
    assert "secret" not in repr(config)


# ---- what is wrong


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[router.role]]", "unknown key router.role (did you mean roles?)"),
        ("[[router.roles]]\nnme = 'x'", "unknown key router.roles[0].nme (did you mean name?)"),
        ("[[router.roles]]\nrules = []", "Object missing required field `name` - at `router.roles[0]`"),
        ("[router]\nroles = {}", "got `object` - at `router.roles`"),
        ("[router]\nroles = [1]", "router.roles[0] must be a table"),
        ("[[router.roles]]\nname = 'x'\nrules = 1", "router.roles[0].rules must be an array of tables"),
        (
            "[[router.roles]]\nname = 'x'\nrules = [{uri = 'a'}, {uri = 'b', alow = []}]",
            "unknown key router.roles[0].rules[1].alow (did you mean allow?)",
        ),
        (
            "[[router.roles]]\nname = 'x'\nrules = [{uri = 'a', allow = ['call', 'cal']}]",
            "router.roles[0].rules[0].allow[1] must be one of call, register, publish, subscribe, not 'cal'",
        ),
        (
            "[[router.roles]]\nname = 'x'\nrules = [{uri = 'a', allow = 'call'}]",
            "Expected `array`, got `str` - at `router.roles[0].rules[0].allow`",
        ),
        (
            "[[router.roles]]\nname = 'x'\nrules = [{uri = 'a', disclose_caller = true}]",
            "at `router.roles[0].rules[0].disclose_caller`",
        ),
        ("[[router.roles]]\nname = 'x'\nrules = [{uri = 'a..b', match = 'exact'}]", "at `router.roles[0].rules[0]`"),
        ("[[router.roles]]\nname = 'x'\nrules = [{uri = 'a'}, {uri = 'a'}]", "two rules of role 'x' for 'a' (exact)"),
        ("[router.trust_levels]\nx = -1", "router.trust_levels['x'] must be an integer of 0 or more, not -1"),
        ("[router.trust_levels]\nx = 'y'", "router.trust_levels['x'] must be an integer of 0 or more, not 'y'"),
        ("[[router.event_history]]\nurl = 'x'", "unknown key router.event_history[0].url (did you mean uri?)"),
        ("[[router.event_history]]\nuri = 'x'\nmax_events = 0", "max_events of 'x' must be 1 or more"),
        ("[router]\nhistory_path = 'x'", "router.history_path is the file of an event history, but"),
        ("[router.auth]\nprincipal = {}", "unknown key router.auth.principal (did you mean principals?)"),
        ("[router.auth]\nprincipals = []", "router.auth.principals must be a table"),
        ("[router.auth]\nprincipals = {joe = 1}", "router.auth.principals.joe must be a table"),
        (JOE, "router.auth.principals.joe needs one of ticket"),
        (JOE + "tickets = 'x'", "unknown key router.auth.principals.joe.tickets (did you mean ticket?)"),
        (JOE + "ticket = 1", "router.auth.principals.joe.ticket"),
        (JOE + "ticket = {file = 'nowhere'}", "router.auth.principals.joe.ticket: cannot read 'nowhere': No such file"),
        (JOE + "ticket = {env = 'NOT_SET'}", "router.auth.principals.joe.ticket: the variable NOT_SET is not set"),
        (JOE + "cryptosign = 'abc'", "router.auth.principals.joe.cryptosign"),
        ("[router.auth]\nmethods = ['tiket']", "router.auth.methods[0] must be one of ticket, wampcra"),
        ("[router.auth]\nsecret = 'short'", "router.auth.secret must have 32 octets or more"),
        ("[router.auth]\nsecret = 1", "router.auth.secret must be a text"),
        ("[router.auth]\nprivate_key = 'x'", "router.auth.private_key: this is no private key"),
        ("[router.auth]\nauthenticator = 1", "Expected `str | null`, got `int` - at `router.auth.authenticator`"),
        (
            JOE + "ticket = 'x'\n[[router.roles]]\nname = 'cok'",
            "router.auth.principals.joe.role must be one of cok, not 'cook'",
        ),
        (
            "[router.auth]\nanonymous_role = 'gast'\n[[router.roles]]\nname = 'guest'",
            "router.auth.anonymous_role must be one of guest, not 'gast'",
        ),
        ("[router.limits]\nroles = []", "unknown key router.limits.roles"),
        (
            SHOP + "[[router.roles]]\nname = 'x'\n[[router.roles]]\nname = 'y'\nrealm = 'shopp'",
            "router.roles[1].realm must be one of shop, admin, not 'shopp'",
        ),
        (
            SHOP + JOE + "ticket = 'x'\nrealms = ['shop', 'shopp']",
            "router.auth.principals.joe.realms[1] must be one of shop, admin, not 'shopp'",
        ),
        (
            SHOP + JOE + "ticket = 'x'\nrealm = 'shopp'",
            "router.auth.principals.joe.realm must be one of shop, admin, not 'shopp'",
        ),
        (
            SHOP + "[router.auth]\nauthenticator = 'com.example.who'\nrealm = 'adminn'",
            "router.auth.realm must be one of shop, admin, not 'adminn'",
        ),
        ("[router.auth]\nrealm = 'realm1'", "router.auth.realm is about router.auth.authenticator, and there is none"),
        (
            "[router.auth]\nmethods = ['ticket']",
            "router.auth.methods is about router.auth.authenticator, and there is none",
        ),
        (
            SHOP + JOE + "ticket = 'x'\nrealm = 'admin'\n[[router.roles]]\nname = 'cook'\nrealm = 'shop'",
            "router.auth.principals.joe.role: there is no role 'cook' in realm 'admin'",
        ),
        (
            SHOP + JOE + "ticket = 'x'\nrealms = ['shop', 'admin']\n[[router.roles]]\nname = 'cook'\nrealm = 'shop'",
            "router.auth.principals.joe.role: there is no role 'cook' in realm 'admin'",
        ),
        (
            "[router.auth]\nauthenticator = 'com.shop.who'\nmethods = []",
            "router.auth.methods is empty, so router.auth.authenticator would never be asked; known: ticket, wampcra",
        ),
        (
            "[router.trust_levels]\nnobody = 1\n[[router.roles]]\nname = 'guest'",
            "router.trust_levels.nobody: there is no such role; known: guest",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        parsed(text)


@pytest.mark.parametrize(
    "text",
    [
        SHOP + "limits.auto_realms = true\n[[router.roles]]\nname = 'x'\nrealm = 'on.demand'",
        SHOP
        + "[[router.roles]]\nname = 'x'\nrealm = 'shop'\n"
        + "[router.auth]\nauthenticator = 'a.b'\nrealm = 'admin'",
        "[router.trust_levels]\nanybody = 1",
    ],
)
def test_names_that_there_may_be_are_no_errors(text: str) -> None:
    assert parsed(text).named_realms == {}


def test_realms_that_the_command_line_says_are_those_that_a_file_without_any_may_name(
    here: Run, start: Start, tmp_path: Path
) -> None:
    text = "[router]\nlisten = ['rs://127.0.0.1:0']\n[[router.roles]]\nname = 'x'\nrealm = 'shop'"
    (tmp_path / "router.toml").write_text(text, encoding="utf-8")
    command = ("router", "--config", "router.toml")
    code, _, err = here(*command, "--realm", "shopp")
    assert (code, err.count("\n")) == (2, 1)
    assert "'--config': router.toml: router.roles[0].realm must be one of shopp, not 'shop'" in err
    assert "must be one of realm1, not 'shop'" in here(*command).err
    assert start(*command, "--realm", "shop").says("listening on ")


def test_a_misspelt_realm_is_told_with_its_file(here: Run, tmp_path: Path) -> None:
    (tmp_path / "router.toml").write_text(SHOP + "auth.authenticator = 'a.b'\nauth.realm = 'adminn'", encoding="utf-8")
    code, _, err = here("router", "--config", "router.toml")
    assert code == 2
    assert "router.toml: router.auth.realm must be one of shop, admin, not 'adminn'" in err


@pytest.mark.parametrize(
    ("cert", "key", "missing"),
    [("x.pem", None, "x.pem"), ("there.pem", "y.key", "y.key"), (".", None, ".")],
    ids=["certificate", "key", "folder"],
)
def test_a_certificate_that_cannot_be_read_is_told_with_its_file(
    here: Run, tmp_path: Path, cert: str, key: str | None, missing: str
) -> None:
    lines = ["[router]", "listen = ['wss://127.0.0.1:0/']", "[router.tls]", f"cert = '{cert}'"]
    lines += [] if key is None else [f"key = '{key}'"]
    (tmp_path / "router.toml").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "there.pem").touch()
    code, _, err = here("router", "--config", "router.toml")
    assert (code, err.count("\n")) == (2, 1)
    assert f"cannot read {missing}: " in err


def test_no_secret_is_told() -> None:
    for line in ("ticket = ['canary']", "wampcra = {key = 'canary'}", "cryptosign = 'canary'", "wamp-scram = 'canary'"):
        with pytest.raises(ValueError) as caught:  # noqa: PT011  # which one is told above
            parsed(JOE + line)
        assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("authorizer = 'nowhere:decide'", "there is no module 'nowhere'"),
        ("authorizer = 'deciders:nothing'", "there is no 'nothing' in deciders"),
        ("authorizer = 'deciders:plain'", "router.authorizer: deciders:plain is no async function"),
        ("authorizer = 'no uri'", "router.authorizer must be the URI of a procedure or module:name, not 'no uri'"),
        ("auth.authenticator = 'deciders:plain'", "router.auth.authenticator: deciders:plain is no async function"),
        ("auth.authenticators = ['deciders:plain']", "deciders:plain is no authentication method of a router"),
    ],
)
def test_functions_that_cannot_be_used_are_told_at_the_start(
    here: Run, tmp_path: Path, line: str, complaint: str
) -> None:
    (tmp_path / "deciders.py").write_text("def plain(): pass\n", encoding="utf-8")
    (tmp_path / "router.toml").write_text(f"[router]\n{line}\n", encoding="utf-8")
    code, _, err = here("router", "--config", "router.toml", "--listen", "ws://127.0.0.1:0/ws")
    assert code == 2
    assert complaint in err


async def test_functions_and_methods_of_a_module_decide(start: Start, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN, encoding="utf-8")
    (tmp_path / "router.toml").write_text(
        '[router]\nlisten = ["rs://127.0.0.1:0"]\nauthorizer = "own:decide"\n'
        '[router.auth]\nauthenticator = "own:who"\nauthenticators = ["own:friends"]\n'
        '[[router.roles]]\nname = "cook"\nrules = [{uri = "com.*", ask = ["register"]}]\n',
        encoding="utf-8",
    )
    url = start("router", "--config", "router.toml").says("listening on ").split()[-1]
    async with trowamp.open_session(url, realm="realm1", auth=Ticket("tom", "t")) as session:
        await session.register("com.yes", print)
        with pytest.raises(trowamp.NotAuthorized):
            await session.register("com.no", print)
    async with trowamp.open_session(url, realm="realm1") as session:
        assert session.details.authid == "a friend"


OWN = """
from trowamp.auth import AnonymousAuthenticator

async def who(claim):
    return {"role": "cook", "ticket": claim.ticket == "t"}

class Decide:
    async def __call__(self, session, uri, action, options):
        return uri == "com.yes"

class Friends(AnonymousAuthenticator):
    def begin(self, attempt):
        import trowamp.auth
        return trowamp.auth.Accept(authid="a friend", role="cook")

decide, friends = Decide(), Friends(lambda: 1)
"""


# ---- files that others can read


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
@pytest.mark.parametrize(
    ("text", "exposed"),
    [
        (JOE + "ticket = 'x'", ["router.toml"]),
        (JOE + "ticket = {file = 'joe.secret'}", ["joe.secret"]),
        (JOE + "ticket = {env = 'HOME'}", []),
        (JOE + f"cryptosign = '{'ab' * 32}'", []),
        (f"[router.auth]\nprivate_key = '{ANN}'", ["router.toml"]),
        ("[router.tls]\ncert = 'server.pem'\nkey = 'server.key'", ["server.key"]),
        ("[router]\nrealms = ['shop']", []),
    ],
)
def test_files_with_secrets_that_others_can_read_are_named(tmp_path: Path, text: str, exposed: list[str]) -> None:
    for name, content in {"router.toml": text, "joe.secret": "x", "server.key": "x", "server.pem": "x"}.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
        (tmp_path / name).chmod(0o640)
    assert read_config(tmp_path / "router.toml").exposed == [tmp_path / name for name in exposed]
    for path in tmp_path.iterdir():
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    assert read_config(tmp_path / "router.toml").exposed == []


def test_the_router_warns_of_them_and_starts(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "router.toml"
    path.write_text(JOE + "ticket = 'x'\n[router]\nlisten = ['rs://127.0.0.1:0']", encoding="utf-8")
    path.chmod(0o644)
    running = start("router", "--config", "router.toml")
    assert running.tells("warning: ") == (
        "warning: others can read router.toml, which holds a secret: chmod 600 router.toml"
    )
    assert running.says("listening on ")


def test_the_help_says_what_the_file_holds() -> None:
    (option,) = [each for each in trowamp_program.commands["router"].params if each.name == "config"]
    assert "who may join" in (option.help or "")
