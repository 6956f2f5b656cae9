"""What cannot be meant is refused with one line and exit code 2, before anything is connected."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from trowamp import __version__

from .program import LONG_ENOUGH, Run, environment_of


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("", "Missing command (see trowamp --help)"),
        ("cal", "No such command 'cal'"),
        ("call", "Missing argument 'URI' (see trowamp call --help)"),
        ("call com.example.f --progres", "No such option '--progres'"),
        ("call com.example.f 1 -x", "No such option '-x'"),
        ("call com.example.f 1 --bogus=5", "No such option '--bogus'"),
        ("call com.example.f -k a", "'a' is not of the form key=value"),
        ("call com.example.f @nowhere", "cannot read nowhere: No such file or directory"),
        ("call com.example.f -k a=@nowhere", "cannot read nowhere: No such file or directory"),
        ("call com.example.f --json-args [1", "'[1' is not JSON"),
        ("call com.example.f 1 --json-args [1]", "give positional values either as words or as one --json-args"),
        ("call com.example.f --json-args [1] --json-args [2]", "give positional values either as words or as one"),
        ("call com.example.f --timeout 0", "'--timeout'"),
        ("call com.example.f --repeat 0", "'--repeat'"),
        ("call com.example.f --progress --repeat 2", "--progress shows one call"),
        ("call com.example.f -o yaml", "'yaml' is not one of 'text', 'json', 'jsonl', 'raw'"),
        ("--url tcp://127.0.0.1 call com.example.f", "no router's URL"),
        ("--serializer xml call com.example.f", "'xml' is not one of"),
        ("--cafile nowhere.pem call com.example.f", "'nowhere.pem' does not exist"),
        ("call bad..uri", "'URI': 'bad..uri' is not a legal URI (see trowamp call --help)"),
        ("call com.example.#", "'com.example.#' is not a legal URI"),
        ("publish bad..uri 1", "'TOPIC': 'bad..uri' is not a legal URI (see trowamp publish --help)"),
        (
            "--realm bad..realm call com.example.f",
            "'bad..realm' is not a legal realm: it has to be a URI (see trowamp --help)",
        ),
        ("subscribe com.example.t --realm #", "'--realm': '#' is not a legal realm"),
        ("call com.example.f -O timeout=abc", "'-O': the option timeout of the request cannot be \"abc\""),
        ("publish com.example.t -O exclude=7", "the option exclude of the request cannot be 7"),
        ("subscribe com.example.t -O get_retained=1", "the option get_retained of the request cannot be 1"),
        ("register com.example.f --echo -O invoke=never", 'the option invoke of the request cannot be "never"'),
        ("publish com.example.t 1 --stdin lines", "--stdin takes the positional values from standard input"),
        ("publish com.example.t --stdin csv", "'csv' is not one of 'lines', 'jsonl'"),
        ("subscribe", "Missing argument 'TOPIC'"),
        ("subscribe com#example", "com#example"),
        ("subscribe com.example.t --match fuzzy", "'fuzzy' is not one of"),
        ("subscribe com.example.t --format %x", "--format: no such field: %x (known: %t, %p,"),
        ("subscribe com.example.t --format 100%", "--format: no such field: %"),
        ("register com.example.f", "say how to answer, in one way"),
        ("register com.example.f --echo --returns 1", "say how to answer, in one way"),
        ("register com.example.f --echo -- cat", "say how to answer, in one way"),
        ("register com.example.f -- no_such_command 1", "there is no command 'no_such_command'"),
        ("register com.example.f -- ./nothing", "there is no command './nothing'"),
        ("register com.example.f --returns [1", "'[1' is not JSON"),
        ("register com.example.f --file operator", "'operator' is not of the form module:name"),
        ("register com.example.f --file operator:nothing", "there is no 'nothing' in operator"),
        ("register com.example.f --file no_such_module:f", "there is no module 'no_such_module' in "),
        ("register com.example.f --file string:digits", "string:digits is no function, but str"),
        ("register com#f --echo", "com#f"),
        ("run operator:add", "operator:add is no Component and no list of Components, but builtin_function"),
        ("run string:digits", "string:digits is no Component and no list of Components, but str"),
        ("--url rs://127.0.0.1:1 router", "--url has no effect on the command router"),
        ("--realm a --proxy b run operator:add", "--proxy, --realm has no effect on the command run"),
        ("--json demo", "--output has no effect on the command demo"),
        ("router --bogus", "No such option '--bogus'"),
    ],
)
def test_what_cannot_be_meant_is_refused(here: Run, words: str, complaint: str) -> None:
    code, out, err = here(*words.split())
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert complaint in err
    assert err.count("\n") == 1


def test_what_is_wrong_is_named_by_where_it_stands(here: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROWAMP_URL", "tcp://127.0.0.1")
    assert "Invalid value for '--url' (env var: 'TROWAMP_URL'): " in here("call", "com.example.f").err
    monkeypatch.delenv("TROWAMP_URL")
    assert "Invalid value for '--url': " in here("--url", "tcp://127.0.0.1", "call", "com.example.f").err


@pytest.mark.parametrize("command", ["call", "publish"])
@pytest.mark.parametrize("uri", ["", "bad uri"])
def test_a_uri_that_is_none_is_refused(here: Run, command: str, uri: str) -> None:
    code, out, err = here(command, uri)
    assert (code, out) == (2, "")
    assert f"{uri!r} is not a legal URI" in err
    assert err.count("\n") == 1


def test_an_option_that_is_not_known_is_sent_as_it_is(here: Run) -> None:
    code, _, err = here("--url", "rs+unix:///nowhere/router.sock", "call", "com.example.f", "-O", "x_mine=abc")
    assert code == 3, err


def test_the_version_is_told(here: Run) -> None:
    assert here("--version") == (0, f"trowamp {__version__}\n", "")


@pytest.mark.parametrize("name", ["router", "call", "publish", "subscribe", "register", "run", "demo"])
def test_every_command_explains_itself(here: Run, name: str) -> None:
    code, text, err = here(name, "--help")
    assert (code, err) == (0, "")
    assert text.startswith(f"Usage: trowamp {name}")
    assert f"\nExamples:\n  trowamp {name}" in text
    assert "-q, --quiet" in text


def test_a_module_that_cannot_be_imported_says_why(here: Run, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import no_such_dependency", encoding="utf-8")
    complaint = "error: cannot import broken: ModuleNotFoundError: No module named 'no_such_dependency'\n"
    assert here("register", "com.example.f", "--file", "broken:f") == (2, "", complaint)


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_its_extra_there_is_one_line_that_tells_what_to_install(missing: str, project: Path) -> None:
    script = (
        f"import sys; sys.modules[{missing!r}] = None; import runpy; runpy.run_module('trowamp', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment_of(project, {}),
        capture_output=True,
        text=True,
        timeout=LONG_ENOUGH,
        check=False,
    )
    line = 'the command line needs click and rich: pip install "trowamp[cli]"\n'
    assert (done.returncode, done.stdout, done.stderr) == (2, "", line)
