"""The reference page and `--help` know the same commands and options, and examples are commands that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from trowamp.cli._command import Command
from trowamp.cli._main import program
from trowamp.cli._settings import SharedOption

COMMANDS = sorted(program.commands)


@pytest.fixture(scope="module")
def page(project: Path) -> str:
    return (project / "docs/reference/command-line.md").read_text(encoding="utf-8")


def own_options(name: str) -> list[click.Option]:
    options = [parameter for parameter in program.commands[name].params if isinstance(parameter, click.Option)]
    return [option for option in options if not isinstance(option, SharedOption)]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_reference_has_every_option_of_a_command(page: str, name: str) -> None:
    section = page.split(f"\n## {name}\n")[1].split("\n## ", maxsplit=1)[0]
    options = [option for parameter in own_options(name) for option in (*parameter.opts, *parameter.secondary_opts)]
    shared = {"-k", "--kwarg", "--json-args"}  # in the table of arguments
    assert [option for option in options if f"{option}" not in section and option not in shared] == []


def test_the_readme_lists_every_command(project: Path) -> None:
    (line,) = re.findall(r"Command line: ([^|]+) \|", (project / "README.md").read_text(encoding="utf-8"))
    assert sorted(line.split(", ")) == COMMANDS


def test_the_reference_calls_arguments_what_the_help_calls_them(page: str) -> None:
    for name in ("call", "publish", "subscribe", "register", "run", "keygen"):
        (first, *_) = (part for part in program.commands[name].params if isinstance(part, click.Argument))
        named = first.metavar or first.human_readable_name
        assert re.search(rf"^`trowamp {name} [^`]*\b{named}\b", page, re.MULTILINE), name


def test_the_reference_has_every_shared_option_with_its_variable(page: str) -> None:
    section = page.split("\n## Options of every command\n")[1].split("\n### ", maxsplit=1)[0]
    options = [parameter for parameter in program.params if isinstance(parameter, SharedOption)]
    names = [name for option in options for name in (*option.opts, option.envvar) if name is not None]
    assert len(options) == 18
    assert [name for name in names if f"`{name}" not in section] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_examples_that_it_understands(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in ("letter.txt", "server.pem", "server.key", "router.toml"):
        (tmp_path / file).write_text("")
    command = program.commands[name]
    assert isinstance(command, Command)
    assert command.examples
    for example in command.examples:
        for words in _commands_in(example):
            context = program.make_context("trowamp", words)
            called, _, rest = program.resolve_command(context, [*context._protected_args, *context.args])
            assert called is not None
            assert program.commands[called].make_context(called, rest, parent=context).params is not None


def _commands_in(example: str) -> list[list[str]]:
    words = shlex.split(example, comments=True)
    commands: list[list[str]] = [[]]
    for word in words:
        if word == "|":
            commands.append([])
        elif not word.startswith(">"):
            commands[-1].append(word)
    return [command[1:] for command in commands if command[0] == "trowamp"]


def test_the_help_of_the_program_shows_commands_examples_and_codes(
    capsys: pytest.CaptureFixture[str], project: Path
) -> None:
    with pytest.raises(click.exceptions.Exit):
        program.make_context("trowamp", ["--help"])
    text = capsys.readouterr().out
    assert "TROWAMP_URL" in text
    assert "trowamp call com.example.add2 2 3" in text
    listed = (project / "docs/reference/exit-codes.md").read_text(encoding="utf-8")
    codes = " ".join(text.split("Exit codes: ")[1].split())
    assert [code for code in re.findall(r"^\| (\d+) \|", listed, re.MULTILINE) if f"{code} " not in codes] == []
    for name in COMMANDS:
        assert f"\n  {name} " in text
