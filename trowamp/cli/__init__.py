"""The command line `trowamp`, the same as `python -m trowamp`.

It needs the extra `cli` (click and rich); without it there is one line that says so.
"""

from __future__ import annotations

import sys

from .._exit_codes import USAGE
from ._process import prepare_process

_NEEDED = {"click", "rich"}


def main() -> None:
    """Run the command line with the arguments of the process.

    Raises:
        SystemExit: Always; the codes are listed in `docs/reference/exit-codes.md`.
    """
    prepare_process()
    try:
        import rich  # noqa: F401, PLC0415  # a bare install has neither of the two

        from ._main import run  # noqa: PLC0415  # imports click
    except ModuleNotFoundError as error:
        if error.name not in _NEEDED:
            raise
        sys.stderr.write('the command line needs click and rich: pip install "trowamp[cli]"\n')
        sys.exit(USAGE)
    sys.exit(run(sys.argv[1:]))
