"""What stands on people's first pages, gathered from ledger, Label Studio and gold."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from annotation.human.gateway.feedback import GoldAnswer, finished_batches, gold_answers
from annotation.human.gateway.holdings import LedgerHoldings, OwnTask, all_projects
from annotation.human.gateway.kept_gold import kept_gold_batches
from annotation.human.gateway.live import Answer, LiveProgress
from annotation.human.gateway.pages import Home, Share, home_page, lead_page
from annotation.human.gateway.words import WORDS
from annotation.human.studio.gateway_settings import GatewaySettings, Reader
from annotation.human.studio.gold_file import read_gold_file
from annotation.human.studio.guidelines import read_guidelines
from annotation.human.studio.server_paths import ServerPaths, read_accounts
from schemas.questions import Language

_MOST_GOLD, _AT_ONCE = 100, 4


@dataclass(frozen=True)
class Homes:
    """Makes first pages of people."""

    place: ServerPaths
    live: LiveProgress

    async def annotator(
        self, settings: GatewaySettings, reader: Reader, user: int, batch: str | None
    ) -> str:
        """The page of an annotator; ``batch`` is the one whose gold they want to see."""
        token = await asyncio.to_thread(self.token)
        holdings = LedgerHoldings(self.root, reader.account)
        mine = await asyncio.to_thread(holdings.projects)
        done: set[int] = set()
        counts: dict[int, int] = {}
        for project in mine:
            answered = await self.live.done(settings.inside, token, project.project)
            counts[project.project] = len(answered)
            done |= answered
        tasks = await asyncio.to_thread(holdings.labelling)
        chosen, batches, gold = await self._gold(settings, token, tasks, done, user, batch)
        home = Home(
            name=reader.name,
            language=reader.language,
            batches=_by_batch(tasks, done),
            projects=tuple(
                Share("", p.project, min(counts[p.project], p.stickers), p.stickers)
                for p in mine
                if p.purpose == "labelling"
            ),
            screening=tuple(
                Share("", p.project, min(counts[p.project], p.stickers), p.stickers)
                for p in mine
                if p.purpose == "screening"
            ),
            guidelines=self.guidelines(settings, reader.language),
            gold_batch=chosen,
            gold_batches=batches,
            gold=tuple(gold),
        )
        return home_page(home)

    async def lead(self, settings: GatewaySettings) -> str:
        """The page of the lead."""
        token = await asyncio.to_thread(self.token)
        language: Language = settings.language
        shares = []
        for project in await asyncio.to_thread(all_projects, self.root):
            answered = await self.live.done(settings.inside, token, project.project)
            reader = settings.reader(project.person)
            who = reader.name if reader else project.person
            name = f"{WORDS[language][project.purpose]} {who}".strip() + f" ({project.batches})"
            done = min(len(answered), project.stickers)
            shares.append(Share(name, project.project, done, project.stickers))
        return lead_page(language, settings.lead, shares, self.guidelines(settings, language))

    @property
    def root(self) -> Path:
        """The workspace."""
        return self.place.root.parent

    def guidelines(self, settings: GatewaySettings, language: Language) -> str:
        """The guidelines as HTML, "" without any."""
        if settings.guidelines is None:
            return ""
        return read_guidelines(Path(settings.guidelines), language)

    def token(self) -> str:
        """The lead's, which may read everything."""
        return str(read_accounts(self.place)["token"])

    async def _gold(
        self,
        settings: GatewaySettings,
        token: str,
        tasks: Sequence[OwnTask],
        done: set[int],
        user: int,
        wanted: str | None,
    ) -> tuple[str, tuple[str, ...], list[GoldAnswer]]:
        if not settings.gold_feedback or settings.gold is None:
            return "", (), []
        with_gold = await asyncio.to_thread(kept_gold_batches, self.root, tasks)
        batches = tuple(b for b in finished_batches(tasks, done) if b in with_gold)
        if not batches:
            return "", (), []
        chosen = wanted if wanted in batches else batches[-1]
        shown = [task for task in tasks if task.gold and task.batch == chosen][:_MOST_GOLD]
        known = await asyncio.to_thread(read_gold_file, Path(settings.gold))
        gate = asyncio.Semaphore(_AT_ONCE)

        async def ask(task: OwnTask) -> tuple[str, Answer | None]:
            async with gate:
                said = await self.live.answer(settings.inside, token, task.task, user)
                return task.sticker, said

        # What they haven't answered stays unknown to them, whatever the counts said.
        answers = dict(await asyncio.gather(*map(ask, shown)))
        said = {sticker: answer for sticker, answer in answers.items() if answer is not None}
        return chosen, batches, gold_answers(self.place.files, said, known)


def _by_batch(tasks: Sequence[OwnTask], done: set[int]) -> tuple[Share, ...]:
    every = Counter(task.batch for task in tasks)
    finished = Counter(task.batch for task in tasks if task.task in done)
    return tuple(Share(batch, 0, finished[batch], every[batch]) for batch in every)
