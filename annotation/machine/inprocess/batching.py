"""Questions of many tasks, gathered into batches for one thread, so that the loop stays free."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from annotation.machine.chat import Answer, Question
from annotation.machine.inprocess.answering import Answering
from annotation.machine.inprocess.loading import load
from annotation.machine.inprocess.options import InProcessOptions
from pipeline.engine.errors import StickerworksError

GATHER = 0.005
"""Seconds that a batch which isn't full waits for more."""


@dataclass(frozen=True, eq=False)
class _Waiting:
    question: Question
    answered: asyncio.Future[Answer]


class InProcessChat:
    """A model in this process that answers ``batch`` questions at once."""

    def __init__(self, options: InProcessOptions) -> None:
        self._batch = options.batch
        self._answering = Answering(load(options), options)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._waiting: list[_Waiting] = []
        self._working: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def in_flight(self) -> int:
        """Two batches: one is answered while the next gathers."""
        return 2 * self._batch

    async def ask(self, question: Question) -> Answer:
        """The model's answer; cancelling the caller takes back a question that still waits.

        ``seconds`` counts from here, as it does for a served model: waiting for a batch included.
        """
        started = time.perf_counter()
        if self._closed:
            raise StickerworksError("The model was closed.", "Run the same command again.")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(question, loop.create_future())
        self._waiting.append(waiting)
        if self._working is None or self._working.done():
            self._working = loop.create_task(self._work())
        answer = await waiting.answered
        return replace(answer, seconds=time.perf_counter() - started)

    async def close(self) -> None:
        """Cancel what is open, wait for the thread, and free the model."""
        self._closed = True
        self._answering.stop()
        if self._working is not None and not self._working.done():
            self._working.cancel()
            await asyncio.gather(self._working, return_exceptions=True)
        for waiting in self._waiting:
            waiting.answered.cancel()
        self._waiting.clear()
        await asyncio.to_thread(self._worker.shutdown)
        self._answering.free()

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            if len(self._waiting) < self._answering.most:
                await asyncio.sleep(GATHER)
            taken = self._take()
            if not taken:
                continue
            questions = [waiting.question for waiting in taken]
            job = loop.run_in_executor(self._worker, self._answering.answer, questions)
            try:
                (outcome,) = await asyncio.gather(job, return_exceptions=True)
                _hand_out(taken, outcome)
            finally:
                for waiting in taken:
                    waiting.answered.cancel()  # changes nothing where an answer came

    def _take(self) -> list[_Waiting]:
        """The first that wait; those whose caller has gone are dropped."""
        wanted = [waiting for waiting in self._waiting if not waiting.answered.done()]
        most = self._answering.most
        self._waiting = wanted[most:]
        return wanted[:most]


def _hand_out(taken: Sequence[_Waiting], outcome: list[Answer] | BaseException) -> None:
    for place, waiting in enumerate(taken):
        if waiting.answered.done():
            continue
        if isinstance(outcome, BaseException):
            waiting.answered.set_exception(outcome)
        else:
            waiting.answered.set_result(outcome[place])
