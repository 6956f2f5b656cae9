"""Who reads from a session's connection: a task of its own, or, while one answer is all that is waited for, the task that waits for it.

To hand an answer from the reader to its caller takes one more pass of the scheduler, with a system call of its own. A task that makes one call
after the other need not pay it: the reader stands by, and the caller reads for itself. When nobody reads any more and the run is about to sleep,
the reader goes on; it stands by less and less often where that turns out to be in vain.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from typing import Any

from trio import current_time
from trio.lowlevel import current_task, enable_ki_protection

from ._before_sleep import before_sleep
from ._pump import Pump
from ._stream import Interruptible, ReceivingInterrupted
from ._task_slot import TaskSlot
from ._waiter import Waiter
from .messages import Message
from .protocol import ClientSession

_WORTHWHILE = 4  # calls that a stand-by has to serve: to wake the reader costs as much as they save
_MOST_SKIPPED = 63  # chances to stand by


class Reading:
    """Reads from one connection and hands on what comes.

    Args:
        pump: The connection.
        core: Knows how many calls wait.
        take: Called with each batch of messages.

    Attributes:
        is_offered: Whether the reader stands by, so that a task can `read_for` itself.
    """

    def __init__(self, pump: Pump, core: ClientSession[Any, Any, Any], take: Callable[[list[Message]], None]) -> None:
        self._pump = pump
        self._core = core
        self._take = take
        self._interrupt = pump.transport.interrupt if isinstance(pump.transport, Interruptible) else None
        self._reader = TaskSlot()  # where it stands by
        self._context: Context | None = None  # the reader's
        self.is_offered = False
        self._is_led = False  # a task reads for itself
        self._is_watched = False
        self._before_sleep = before_sleep()
        self._failure: BaseException | None = None
        self._led = 0  # answers that tasks have read for themselves since the reader stands by
        self._skipped = self._to_skip = 0  # chances to stand by

    async def run(self, messages: list[Message]) -> None:
        """Read until nothing more will be received.

        Args:
            messages: What was received already.
        """
        pump, link, core = self._pump, self._pump.link, self._core
        pump.last_received = current_time()  # what comes next is timed from here
        while True:
            waiting = core.pending_calls
            self._take(messages)
            pump.flush()
            if link.error is not None or link.is_closed:
                return
            if pump.is_above_high_water:  # the router does not take our answers: take no more work from it
                await pump.wait_writable()
            if waiting == 1 and not core.pending_calls and self._may_stand_by():
                await self._stand_by()
                messages = []
            else:
                messages = await pump.receive()

    @enable_ki_protection
    async def read_for(self, waiter: Waiter, on_cancel: Callable[[], object]) -> Any:
        """Wait for an answer, reading; like `Waiter.wait`. To be called only if that `is_offered` and no other call waits."""
        receive = self._pump.receive
        self.is_offered = False
        self._is_led = is_calm = True
        self._led += 1
        try:
            while is_calm and not waiter.has_answer:
                try:
                    messages = await receive()
                except ReceivingInterrupted:
                    continue
                is_calm = self._take_as_reader(messages)
        except BaseException:
            on_cancel()
            raise
        finally:
            self._is_led = False
            if is_calm and not self._core.pending_calls:
                self.is_offered = True
                self._watch()
            else:
                self._reader.wake()
        return waiter.answer() if waiter.has_answer else await waiter.wait(on_cancel)

    def interrupt(self) -> None:
        """An answer was given that did not come from the router: who reads for itself shall look."""
        if self._is_led and self._interrupt is not None:
            self._interrupt()

    def _take_as_reader(self, messages: list[Message]) -> bool:
        """Hand messages on as the reader would; return whether there is nothing else that only the reader can see to."""
        pump, link = self._pump, self._pump.link
        assert self._context is not None
        try:
            self._context.run(self._take, messages)
        except BaseException as error:  # noqa: BLE001  # what ends a whole program; the reader raises it
            self._failure = error
            return False
        if pump.queued:
            pump.flush()
        return not (link.is_closed or link.error is not None or pump.is_above_high_water)

    def _may_stand_by(self) -> bool:
        if self._interrupt is None:
            return False
        if self._skipped < self._to_skip:
            self._skipped += 1
            return False
        self._skipped = 0
        return True

    async def _stand_by(self) -> None:
        self._led = 0
        self._context = current_task().context
        self.is_offered = True
        self._watch()
        await self._reader.park()
        self.is_offered = False
        self._to_skip = 0 if self._led >= _WORTHWHILE else min(2 * self._to_skip + 1, _MOST_SKIPPED)
        if self._failure is not None:
            raise self._failure

    def _watch(self) -> None:
        """Let the reader go on when nobody reads and the run is about to sleep."""
        if not self._is_watched:
            self._is_watched = True
            self._before_sleep.ask(self._resume_before_sleep)

    def _resume_before_sleep(self) -> Callable[[], None] | None:
        self._is_watched = False
        return None if self._is_led else self._resume

    def _resume(self) -> None:
        """Wake the reader, unless a task has begun to read for itself since that was decided; from here on none may."""
        if not self._is_led:
            self.is_offered = False
            self._reader.wake()
