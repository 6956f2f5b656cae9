"""`import autobahn...` answered by this package, and `import txaio` where txaio is not installed.

A module has one identity, whatever it was imported as: `autobahn.wamp.types` is `trowamp_compat.wamp.types`, the same object.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Final

__all__ = ["answer_imports"]

_PACKAGE: Final = __name__.partition(".")[0]


class _Alias(Loader):
    """Loads nothing: it imports a module by its own name.

    Args:
        name: That name.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def create_module(self, spec: ModuleSpec) -> ModuleType:  # noqa: ARG002  # the interface of importlib
        """Return the module; what importlib is going to write into it is kept aside."""
        module = importlib.import_module(self._name)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Give the module its own specification back: its relative imports and `reload` go by it."""
        module.__spec__ = self._spec


class _Finder(MetaPathFinder):
    """Answers for a package and what is below it by another one.

    Args:
        package: The name that programs import.
        answer: The name of the package that they get.
    """

    def __init__(self, package: str, answer: str) -> None:
        self._package = package
        self._answer = answer

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002  # the interface of importlib
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Return a specification that leads to the answer, or None: then somebody else may know.

        Raises:
            ModuleNotFoundError: The package is to be run.
        """
        package, dot, rest = fullname.partition(".")
        if package != self._package:
            return None
        if rest == "__main__":  # that would be the program that runs programs
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        name = self._answer + dot + rest
        found = importlib.util.find_spec(name)
        if found is None:
            return None
        return ModuleSpec(fullname, _Alias(name), is_package=found.submodule_search_locations is not None)


def answer_imports() -> None:
    """Answer the imports of this process from now on, also where Autobahn is installed; txaio's only where it is not installed.

    Raises:
        RuntimeError: Autobahn has been imported already.
    """
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    if "autobahn" in sys.modules:
        raise RuntimeError("autobahn has been imported already")
    sys.meta_path.insert(0, _Finder("autobahn", _PACKAGE))
    if "txaio" not in sys.modules and importlib.util.find_spec("txaio") is None:
        sys.meta_path.insert(0, _Finder("txaio", f"{_PACKAGE}.txaio"))
