"""Asking a model about many stickers at once, each answer kept as it comes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from annotation.machine.answers import AnswerStore, ModelIdentity
from annotation.machine.captioner import CaptionInput
from annotation.machine.chat import Chat
from annotation.machine.conversation import Asked, Request, converse
from annotation.machine.prompt_set import PromptSet
from pipeline.engine.errors import StickerworksError
from pipeline.engine.text import storable_lines

Progress = Callable[[int], None]


@dataclass(frozen=True)
class TextModel:
    """A model of its own for turns that are about a text alone."""

    chat: Chat
    identity: ModelIdentity


@dataclass(frozen=True)
class ChatJob:
    """Who is asked what, in which languages; ``text`` is who answers turns that stand alone."""

    chat: Chat
    identity: ModelIdentity
    prompts: tuple[PromptSet, ...]
    languages: tuple[str, ...]
    text: TextModel | None = None

    @property
    def identities(self) -> tuple[ModelIdentity, ...]:
        """All who answer."""
        return (self.identity, *([self.text.identity] if self.text else []))

    async def close(self) -> None:
        """Close all chats."""
        await self.chat.close()
        if self.text is not None:
            await self.text.chat.close()


@dataclass
class RequestTally:
    """Requests that were sent by prompt set, answers kept before (``reused``), stickers done.

    What the answers took stands in the ledger: ``Answers.usage``.
    """

    requests: Counter[str] = field(default_factory=Counter)
    reused: int = 0
    stickers: int = 0


async def ask_all(
    stickers: Sequence[CaptionInput],
    job: ChatJob,
    answers: AnswerStore,
    progress: Progress,
    tally: RequestTally | None = None,
) -> None:
    """Ask every prompt set about every sticker; captions are kept in the ledger.

    As many stickers are talked about at once as the chat has questions in flight. Raises what the
    chat raises when no question can be answered; answers that came by then are kept. Any other
    error of one sticker is raised when all the others are done.
    """
    tally = tally if tally is not None else RequestTally()
    faults: list[Exception] = []
    queue = iter(stickers)
    async with first_error(), asyncio.TaskGroup() as group:
        for _ in range(max(1, min(job.chat.in_flight, len(stickers)))):
            group.create_task(_work(queue, job, answers, _Counts(progress, tally, faults)))
    if faults:
        raise faults[0]


@asynccontextmanager
async def first_error() -> AsyncIterator[None]:
    """Raise the first error of a group of tasks by itself: the others follow from it."""
    try:
        yield
    except BaseExceptionGroup as group:
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from first.__cause__


@dataclass(frozen=True)
class _Counts:
    progress: Progress
    tally: RequestTally
    faults: list[Exception]


async def _work(
    queue: Iterator[CaptionInput], job: ChatJob, answers: AnswerStore, counts: _Counts
) -> None:
    for sticker in queue:
        try:
            await _ask_sticker(sticker, job, answers, counts.tally)
        except StickerworksError:
            raise
        except Exception as error:  # noqa: BLE001 - raised at the end, when it costs one row alone
            counts.faults.append(error)
        counts.tally.stickers += 1
        counts.progress(counts.tally.stickers)


async def _ask_sticker(
    sticker: CaptionInput, job: ChatJob, answers: AnswerStore, tally: RequestTally
) -> None:
    main = TextModel(job.chat, job.identity)
    books = {who.digest: answers.of_sticker(sticker.id, who) for who in job.identities}
    under_way: dict[str, asyncio.Task[Asked]] = {}

    async def send(request: Request) -> Asked:
        digest = request.question.digest
        who = job.text if request.alone and job.text else main
        identity = who.identity
        attempt = books[identity.digest].attempts(digest)
        answer = await who.chat.ask(replace(request.question, attempt=attempt))
        answer = replace(answer, text=None if answer.text is None else storable_lines(answer.text))
        tally.requests[request.prompt] += 1
        asked = answers.record(sticker.id, identity, request, attempt, answer)
        # Where asking again failed, the earlier answer still counts.
        if not attempt:
            return asked
        return answers.of_sticker(sticker.id, identity).find(digest) or asked

    async def ask(request: Request) -> Asked:
        digest = request.question.digest
        who = job.text if request.alone and job.text else main
        known = books[who.identity.digest].find(digest)
        if known is not None:
            tally.reused += 1
            return known
        # Two sets may have a question in common.
        if digest not in under_way:
            under_way[digest] = asyncio.create_task(send(request))
        return await under_way[digest]

    # Sets know nothing of each other, so that they may go on side by side.
    talks = (converse(sticker, prompts, job.languages, ask) for prompts in job.prompts)
    try:
        found = await asyncio.gather(*talks)
    finally:
        for task in under_way.values():
            task.cancel()
    for prompts, captions in zip(job.prompts, found, strict=True):
        alone = {turn.name for turn in prompts.turns if turn.alone and job.text}
        by = [job.identities[-1 if caption.turn in alone else 0] for caption in captions]
        answers.keep(sticker.id, job.identities, prompts.title, captions, by)
