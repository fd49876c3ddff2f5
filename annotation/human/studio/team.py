"""The people who label, what each has been given, and which stickers need further people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from annotation.human.migration import migrate
from annotation.human.standing import Standing, standings
from annotation.human.studio.assigning import Assignee, meetings
from annotation.human.studio.frozen import all_changes
from annotation.human.studio.ledger import VoteLedger
from annotation.human.studio.tables import answers, asked_rows
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from schemas.config import Config


@dataclass(frozen=True)
class Team:
    """Who labels now (accounts), how much each still takes, and where each sticker stands."""

    people: tuple[Assignee, ...]
    stickers: Mapping[str, Standing]

    @cached_property
    def met(self) -> dict[tuple[str, str], int]:
        """How often two people were asked about one sticker."""
        return meetings(one.asked for one in self.stickers.values())

    def given(self, had: Counter[str]) -> Team:
        """The team with less room, after so many stickers each."""
        people = (
            one if one.room is None else replace(one, room=max(0, one.room - had[one.account]))
            for one in self.people
        )
        return replace(self, people=tuple(people))

    def calibrated(self) -> int:
        """Stickers that have all their votes, given blind."""
        return sum(one.blind and one.complete for one in self.stickers.values())


def present(config: Config, ledger: VoteLedger) -> tuple[str, ...]:
    """Accounts of the configured annotators who haven't left."""
    gone = ledger.departed()
    return tuple(account for account in config.label.accounts if account not in gone)


def team_of(workspace: Workspace, config: Config, ledger: VoteLedger) -> Team:
    """The team by what the ledger knows, tasks that wait to be sent among it."""
    accounts = present(config, ledger)
    ballot = ledger.ballot()
    votes = migrate(answers(workspace, ledger, config.label)["votes"], all_changes(ledger))
    known = None if ballot is None else frozenset(ballot.tags)
    found = standings(asked_rows(ledger), votes, config.merge, known, accounts, ledger.wanted())
    return Team(tuple(_assignees(config, accounts, found.values())), found)


def _assignees(
    config: Config, accounts: Iterable[str], stickers: Iterable[Standing]
) -> Iterable[Assignee]:
    had = Counter(person for one in stickers for person in one.had)
    quotas = {one.key: one.quota for one in config.label.annotators}
    for account in accounts:
        quota = quotas[account]
        yield Assignee(account, None if quota is None else max(0, quota - had[account]))


def check_enough(config: Config, team: Team) -> None:
    """Raise StickerworksError when fewer people are there than each sticker is to meet."""
    there, needed = len(team.people), config.merge.annotators
    if there < needed:
        raise StickerworksError(
            f"Every sticker goes to {needed} people (merge.annotators), and {there} "
            f"{'is' if there == 1 else 'are'} there to ask.",
            "Add people to label.annotators, take somebody back (`label leave PERSON --back`), "
            "or lower merge.annotators and merge.agree.",
        )
