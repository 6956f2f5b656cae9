"""Which reactor Twisted uses: one that is named, or the best one of the platform. To be asked before anything imports `twisted.internet.reactor`."""

from __future__ import annotations

import sys
from typing import Any, Final

__all__ = ["current_reactor_klass", "install_optimal_reactor", "install_reactor"]

# By the beginning of `sys.platform`: the name that Twisted knows the reactor by, and that of its class.
_OPTIMAL: Final = {
    "linux": ("epoll", "EPollReactor"),
    "darwin": ("kqueue", "KQueueReactor"),
    "freebsd": ("kqueue", "KQueueReactor"),
    "win32": ("iocp", "IOCPReactor"),
}
_ANYWHERE: Final = ("select", "SelectReactor")


def current_reactor_klass() -> str | None:
    """Return the name of the installed reactor's class, or None if none is installed; none gets installed by asking."""
    reactor = sys.modules.get("twisted.internet.reactor")
    return None if reactor is None else type(reactor).__name__


def install_optimal_reactor(require_optimal_reactor: bool = True) -> Any:
    """Install the best reactor of this platform, unless it is installed.

    Args:
        require_optimal_reactor: Whether another one that is installed is an error.

    Returns:
        The reactor that is installed.

    Raises:
        twisted.internet.error.ReactorAlreadyInstalledError: Another one is, and it may not be.
    """
    short, klass = next((names for system, names in _OPTIMAL.items() if sys.platform.startswith(system)), _ANYWHERE)
    current = current_reactor_klass()
    if current is None:
        _install(short)
    elif current != klass and require_optimal_reactor:
        from twisted.internet.error import ReactorAlreadyInstalledError  # noqa: PLC0415  # would be early above

        raise ReactorAlreadyInstalledError(f"{current} is installed, not {klass}")
    return _installed()


def install_reactor(
    explicit_reactor: str | None = None, verbose: bool = False, log: Any = None, require_optimal_reactor: bool = True
) -> Any:
    """Install a reactor.

    Args:
        explicit_reactor: The name that Twisted knows it by, for example "asyncio"; default: the best one of this platform.
        verbose: Whether to log which one is in use.
        log: Where to log it, a logger of txaio; default: one of this module.
        require_optimal_reactor: Whether another one that is installed already is an error, if none is named.

    Returns:
        The reactor that is installed.

    Raises:
        twisted.internet.error.ReactorAlreadyInstalledError: Another one is installed.
        twisted.application.reactors.NoSuchReactor: Twisted knows none of this name.
    """
    if explicit_reactor:
        _install(explicit_reactor)
        reactor = _installed()
    else:
        reactor = install_optimal_reactor(require_optimal_reactor)
    if verbose:
        from .._logging import make_logger  # noqa: PLC0415  # it makes txaio use Twisted, and with that its reactor

        (log or make_logger("twisted")).info("running on {reactor}", reactor=type(reactor).__name__)
    return reactor


def _install(name: str) -> None:
    from twisted.application.reactors import installReactor  # noqa: PLC0415  # late, like all that may install one

    installReactor(name)


def _installed() -> Any:
    from twisted.internet import reactor  # noqa: PLC0415  # importing it installs one

    return reactor
