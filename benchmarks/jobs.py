"""What a run measures: a list of jobs, each of one subject in one setting. Jobs that are compared stand side by side, so that they run in turn."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

from . import processes
from .instructions import counted
from .limits import limits_command
from .processes import (
    PAYLOADS_TIMEOUT,
    PROGRAM_TIMEOUT,
    ProgramFailed,
    Row,
    Server,
    command_of,
    measure,
    shared_processor,
)
from .programs.payloads import KINDS

GROUPS = ("clients", "compat", "payloads", "latency", "routers", "growth", "memory", "match", "instructions")
ROUTERS: dict[str, Callable[[Path], AbstractContextManager[Server]]] = {
    "trowamp": processes.trowamp_router,
    "crossbar": processes.crossbar_router,
}


@dataclass(frozen=True)
class Subject:
    """A client library on a loop.

    Attributes:
        program: The program that knows it.
        is_peer: Whether it lives in the peers' environment.
        environment: What the program is told.
        can_idle: Whether the program can hold many sessions.
    """

    program: str
    is_peer: bool = True
    environment: dict[str, str] = field(default_factory=dict)
    can_idle: bool = True


CLIENTS = {
    "trowamp": Subject("trowamp_client", is_peer=False),
    "autobahn": Subject("autobahn_asyncio_client"),
    "autobahn-uvloop": Subject("autobahn_asyncio_client", environment={"UVLOOP": "1"}),
    "autobahn-twisted": Subject("autobahn_twisted_client", can_idle=False),
    "xconn": Subject("xconn_client"),
    "xconn-uvloop": Subject("xconn_client", environment={"UVLOOP": "1"}),
}


# The C library keeps what a load has freed. Got again page by page, large messages would let the load be what limits a router.
_KEEPS_MEMORY = {"MALLOC_TOP_PAD_": str(2**26), "MALLOC_MMAP_THRESHOLD_": str(2**25)}  # octets

_COMPAT = {"PACKAGE": "trowamp_compat"}

# The compatibility layer beside what it stands for, on the same loop: the same program with another package.
COMPAT = {
    "asyncio": {
        "trowamp_compat": Subject("autobahn_asyncio_client", is_peer=False, environment=_COMPAT),
        "autobahn": Subject("autobahn_asyncio_client"),
    },
    "Twisted": {
        "trowamp_compat": Subject("autobahn_twisted_client", is_peer=False, environment=_COMPAT),
        "autobahn-twisted": Subject("autobahn_twisted_client"),
    },
}


@dataclass(frozen=True)
class Job:
    """One measurement.

    Attributes:
        group: The table that it belongs to.
        setting: Transport and serializer.
        subject: Who is measured.
        run: Measure.
        case: What is measured, where a table has several programs' work.
        is_steady: Whether once is enough: it measures no time, or takes too much of it.
    """

    group: str
    setting: str
    subject: str
    run: Callable[[], list[Row]]
    case: str = ""
    is_steady: bool = False

    @property
    def title(self) -> str:
        """What tells it from all other jobs of a round."""
        return f"{self.group}: {self.setting} {self.subject} {self.case}".strip()


@dataclass(frozen=True)
class Extent:
    """How much is measured.

    Attributes:
        n: How many operations.
        settings: Transports and serializers.
        sessions: How many idle ones are held.
        megabytes: Large payloads of each kind.
        entries: The most that are matched against.
        counted: Whose instructions are counted: the name of a metric, a program's work, a serializer.
    """

    n: int
    settings: tuple[tuple[str, str], ...]
    sessions: int
    megabytes: int
    entries: int
    counted: tuple[tuple[str, str, str], ...]


COUNTED = (
    ("routed call, in memory", "call", "msgpack"),
    ("acknowledged event, in memory", "event", "msgpack"),
    *((f"CALL and RESULT made and read, {name}", "codecs", name) for name in ("json", "msgpack", "cbor")),
)
_TYPICAL = (("rs", "msgpack"), ("ws", "json"))
_ALL = tuple((framing, serializer) for framing in ("rs", "ws") for serializer in ("msgpack", "json", "cbor"))
FULL = Extent(5000, _ALL, 1000, 20, 100_000, COUNTED)
QUICK = Extent(1000, _TYPICAL, 200, 5, 10_000, COUNTED[:1])


class Bench:
    """The servers of a run, started when the first job needs them, and the jobs.

    Args:
        extent: How much.
        subjects: The clients and routers to compare, the first one first.
        stack: Ends the servers.
    """

    def __init__(self, extent: Extent, subjects: list[str], stack: ExitStack) -> None:
        self._extent = extent
        self._clients = {name: subject for name, subject in CLIENTS.items() if name in subjects}
        self._router_names = [name for name in ROUTERS if name in subjects]
        self._stack = stack
        self._routers: dict[str, Server] = {}
        self._failed: dict[str, ProgramFailed] = {}

    def jobs(self, groups: list[str]) -> Iterator[Job]:
        """Yield the jobs of one round."""
        makers: dict[str, Callable[[], Iterator[Job]]] = {
            "clients": self._of_clients,
            "compat": self._of_compat,
            "payloads": self._of_payloads,
            "latency": self._of_latency,
            "routers": self._of_routers,
            "growth": self._of_growth,
            "memory": self._of_memory,
            "match": self._of_matching,
            "instructions": self._of_instructions,
        }
        for group in groups:
            yield from makers[group]()

    # ---- the other ends

    @cached_property
    def _folder(self) -> Path:
        return Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="trowamp-bench-")))

    @cached_property
    def _python(self) -> str:
        """What runs stubs and loads: the peers' interpreter, for it has uvloop; ours, if there are no peers in this run."""
        has_peers = "crossbar" in self._router_names or any(subject.is_peer for subject in self._clients.values())
        return processes.peers_python() if has_peers else sys.executable

    @cached_property
    def _stub(self) -> Server:
        return self._stack.enter_context(processes.stub_router(self._python, self._folder))

    @cached_property
    def _echo(self) -> Server:
        return self._stack.enter_context(processes.echo_server(self._python, self._folder))

    def _router(self, name: str) -> Server:
        """Return a router; one that did not start is not tried again."""
        if name in self._failed:
            raise self._failed[name]
        if name not in self._routers:
            try:
                self._routers[name] = self._stack.enter_context(ROUTERS[name](self._folder))
            except ProgramFailed as error:
                self._failed[name] = error
                raise
        return self._routers[name]

    # ---- programs

    def _client_command(self, subject: Subject, url: str, serializer: str, scenario: str, n: int) -> list[str]:
        python = self._python if subject.is_peer else sys.executable
        return command_of(python, subject.program, url, serializer, scenario, n)

    def _with_stub(self, subject: Subject, setting: tuple[str, str], scenario: str, n: int) -> list[Row]:
        command = self._client_command(subject, self._stub.url(setting[0]), setting[1], scenario, n)
        timeout = PAYLOADS_TIMEOUT if scenario in KINDS else PROGRAM_TIMEOUT
        return measure(command, subject.environment, timeout=timeout, processor=shared_processor())

    def _load(self, router: str, what: str, framing: str, n: int) -> list[Row]:
        server = self._router(router)
        return measure(
            command_of(self._python, "router_load", server.port, server.pid, what, framing, n), _KEEPS_MEMORY
        )

    # ---- groups

    def _of_clients(self) -> Iterator[Job]:
        n = self._extent.n
        for setting in self._extent.settings:
            job = partial(Job, "Clients with a stub router", " ".join(setting))
            for name, subject in self._clients.items():
                yield job(name, partial(self._with_stub, subject, setting, "operations", n))
            yield job("[bare socket]", partial(self._bare_socket, setting, n))
            yield job("[codecs alone]", partial(measure, limits_command("client-codecs", setting[1], n)))

    def _of_compat(self) -> Iterator[Job]:
        for loop, subjects in COMPAT.items():
            for setting in self._extent.settings:
                for name, subject in subjects.items():
                    if not subject.is_peer or name in self._clients:
                        run = partial(self._with_stub, subject, setting, "operations", self._extent.n)
                        yield Job(f"The compatibility layer on {loop}", " ".join(setting), name, run)

    def _bare_socket(self, setting: tuple[str, str], n: int) -> list[Row]:
        command = limits_command("socket", setting[1], n, self._echo.port, setting[0])
        return measure(command, processor=shared_processor())

    def _of_payloads(self) -> Iterator[Job]:
        for setting in self._extent.settings:
            if setting[1] == "msgpack" or len(self._extent.settings) <= 2:
                job = partial(Job, "Clients and large payloads", " ".join(setting))
                for kind in KINDS:
                    if setting[1] != "json" or kind != "bytes":  # not every library makes text of octets
                        for name, subject in self._clients.items():
                            run = partial(self._with_stub, subject, setting, kind, self._extent.megabytes)
                            yield job(name, run, case=kind)

    def _of_latency(self) -> Iterator[Job]:
        for setting in _TYPICAL:
            job = partial(Job, "Latency: caller, router and callee in three processes", " ".join(setting))
            for router in self._router_names:
                for name, subject in self._clients.items():
                    yield job(f"{name} at {router}", partial(self._latency, subject, router, setting))

    def _latency(self, subject: Subject, router: str, setting: tuple[str, str]) -> list[Row]:
        url, n = self._router(router).url(setting[0]), self._extent.n
        callee = self._client_command(subject, url, setting[1], "callee", n)
        with processes.running(callee, '"ready"', self._folder / "callee.log", subject.environment):
            return measure(self._client_command(subject, url, setting[1], "latency", n), subject.environment)

    def _of_routers(self) -> Iterator[Job]:
        table, n = (
            "Routers",
            4 * self._extent.n,
        )
        for what, framing, count in (
            ("calls", "rs", n),
            ("calls", "ws", n),
            ("fan-out", "rs", n),
            ("fan-out", "ws", n),
            ("joins", "rs", n),
            ("joins", "ws", n),
            ("payloads", "rs", self._extent.megabytes),
        ):
            for router in self._router_names:
                run = partial(self._load, router, what, framing, count)
                yield Job(table, f"{framing} msgpack", router, run, case=what)
            if what == "calls":
                floor = partial(measure, limits_command("router-codecs", "msgpack", n))
                yield Job(table, f"{framing} msgpack", "[codecs alone]", floor)

    def _of_growth(self) -> Iterator[Job]:
        for router in self._router_names:
            run = partial(self._load, router, "growth", "rs", 4 * self._extent.n)
            yield Job("Growth", "rs msgpack", router, run, is_steady=True)

    def _of_memory(self) -> Iterator[Job]:
        n = self._extent.sessions
        for framing in ("rs", "ws"):
            for router in self._router_names:
                run = partial(self._load_of_new_router, router, framing, n)
                yield Job("Memory of routers", f"{framing} msgpack", router, run, is_steady=True)
        for framing in ("rs", "ws"):
            for name, subject in self._clients.items():
                if subject.can_idle:
                    run = partial(self._with_stub, subject, (framing, "msgpack"), "idle", n)
                    yield Job("Memory of clients", f"{framing} msgpack", name, run, is_steady=True)

    def _load_of_new_router(self, router: str, framing: str, n: int) -> list[Row]:
        """Measure a router that has no free memory left from earlier jobs."""
        with tempfile.TemporaryDirectory() as folder, ROUTERS[router](Path(folder)) as server:
            return measure(command_of(self._python, "router_load", server.port, server.pid, "idle", framing, n))

    def _of_matching(self) -> Iterator[Job]:
        command = command_of(sys.executable, "match", self._extent.entries)
        yield Job("Match of a URI", "", "trowamp", partial(measure, command), is_steady=True)

    def _of_instructions(self) -> Iterator[Job]:
        for metric, what, serializer in self._extent.counted:
            run = partial(counted, metric, what, serializer, 200)
            yield Job("Instructions", "", "trowamp", run, case=metric, is_steady=True)


@contextmanager
def open_bench(extent: Extent, subjects: list[str]) -> Iterator[Bench]:
    """Have servers until the end of the block."""
    with ExitStack() as stack:
        yield Bench(extent, subjects, stack)
