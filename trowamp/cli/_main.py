"""The program as a whole: its commands, and how it ends."""

from __future__ import annotations

from collections.abc import Sequence

import click

from .._exit_codes import OK
from .._version import __version__
from ._call import call
from ._command import Group
from ._demo import demo
from ._errors import report
from ._hash_password import hash_password
from ._keygen import keygen
from ._publish import publish
from ._register import register
from ._router import router
from ._run import run as run_components
from ._settings import Settings
from ._subscribe import subscribe

_EXAMPLES = (
    "trowamp demo                                              # see what it can do",
    "trowamp router                                            # ws://127.0.0.1:8080/ws, realm1",
    "trowamp register com.example.add2 --file operator:add     # in a second terminal",
    "trowamp call com.example.add2 2 3                         # in a third one",
)
_EXIT_CODES = (
    "Exit codes: 0 ok, 1 the peer answered with an error, 2 usage, 3 cannot connect, 4 the router refused the session, 5 connection lost, "
    "70 a bug, 74 standard output takes nothing, 124 time is up, 130 Ctrl-C, 143 SIGTERM before there was a result."
)


@click.group(
    cls=Group, examples=_EXAMPLES, epilog=_EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, message="trowamp %(version)s")
def program() -> None:
    """WAMP on the command line: a router, and everything that can be done with one."""


for command in (router, call, publish, subscribe, register, run_components, keygen, hash_password, demo):
    program.add_command(command)


def run(args: Sequence[str]) -> int:
    """Run the command line.

    Args:
        args: The words after the name of the program.

    Returns:
        The exit code; what went wrong has been told on standard error.
    """
    settings = Settings()
    try:
        return int(program.main(list(args), prog_name="trowamp", obj=settings, standalone_mode=False) or OK)
    except (Exception, KeyboardInterrupt, BaseExceptionGroup) as error:  # noqa: BLE001  # every end becomes an exit code
        return report(error, settings)
