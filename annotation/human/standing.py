"""Where each sticker stands: the votes that it has and needs, and who is still asked about it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from annotation.human.merge import current_votes, merge_votes
from annotation.human.vote_rule import needed_votes
from schemas.config import MergeConfig

_NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Standing:
    """A sticker that people were asked about.

    ``pending`` are those who are there, with a task of their own, whom nobody has heard of yet (an
    answer that was deleted on the server was heard of, and counts), ``open_to`` those who may
    answer a task that is everybody's, ``withdrawn`` those whose task was taken from them, and
    ``asked`` all of these and who answered. ``votes`` and ``skips`` count what counts,
    ``coming`` how many votes can come without asking anybody else, and ``settles`` says whether
    these can settle it, if nothing has yet.
    """

    id: str
    batch: str
    gold: bool
    blind: bool
    needed: int
    votes: int
    skips: int
    status: str
    pending: frozenset[str]
    open_to: frozenset[str]
    withdrawn: frozenset[str]
    asked: frozenset[str]
    coming: int
    settles: bool

    @property
    def had(self) -> frozenset[str]:
        """Who was given it, or answered, and may keep it."""
        return self.asked - self.open_to - self.withdrawn

    @property
    def rejected(self) -> bool:
        """Whether skips settled it, so that nobody else need look at it."""
        return self.status == "rejected"

    @property
    def complete(self) -> bool:
        return self.votes >= self.needed

    @property
    def short(self) -> int:
        """How many people it lacks, though everybody who was asked should answer."""
        return 0 if self.rejected else max(0, self.needed - self.votes - self.coming)


def standings(
    tasks: Iterable[Mapping[str, Any]],
    votes: pa.Table,
    rule: MergeConfig,
    known: Collection[str] | None,
    team: Collection[str],
    wanted: Mapping[str, int],
) -> dict[str, Standing]:
    """By sticker, from rows of the table ``tasks`` and votes in the tags of the newest ballot.

    ``team`` are the accounts who are there, and answer what is everybody's; ``wanted`` says which
    stickers need more votes than the rule asks for.
    """
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for row in tasks:
        if row["purpose"] == "labelling":
            rows.setdefault(row["id"], []).append(row)
    labels = merge_votes(votes, list(rows), rule, known).to_pylist()
    answered = set(zip(votes["task"].to_pylist(), votes["annotator"].to_pylist(), strict=True))
    cast = current_votes(votes).select(["id", "annotator"]).to_pylist()
    counted: dict[str, set[str]] = {}
    for vote in cast:
        counted.setdefault(vote["id"], set()).add(vote["annotator"])
    people = frozenset(team)
    found = {}
    for label in labels:
        key = label["id"]
        found[key] = _standing(
            rows[key],
            label,
            max(rule.annotators, wanted.get(key, 0)),
            rule,
            frozenset(counted.get(key, _NOBODY)),
            answered,
            people,
        )
    return found


def _standing(
    rows: list[Mapping[str, Any]],
    label: Mapping[str, Any],
    needed: int,
    rule: MergeConfig,
    voted: frozenset[str],
    answered: set[tuple[Any, Any]],
    team: frozenset[str],
) -> Standing:
    own = [row for row in rows if row["person"]]
    shared = [row for row in rows if not row["person"]]
    done = voted | {row["person"] for row in own if (row["task"], row["person"]) in answered}
    done |= {one for one in team for row in shared if (row["task"], one) in answered}
    pending = (frozenset(row["person"] for row in own if not row["withdrawn"]) & team) - done
    # A task that is everybody's leaves people's lists when it has the votes that it was made for.
    open_ = rule.annotators - label["votes"] if shared and label["status"] != "rejected" else 0
    open_to = (team - done - pending) if open_ > 0 else _NOBODY
    coming = len(pending) + min(len(open_to), max(0, open_))
    return Standing(
        id=label["id"],
        batch=rows[0]["batch"] or "",
        gold=any(row["gold"] for row in rows),
        blind=all(row["blind"] for row in rows),
        needed=needed,
        votes=label["votes"],
        skips=label["skips"],
        status=label["status"],
        pending=pending,
        open_to=open_to,
        withdrawn=frozenset(row["person"] for row in own if row["withdrawn"]),
        asked=frozenset(row["person"] for row in own) | done | open_to,
        coming=coming,
        settles=coming > 0 and _can_settle(label, coming, rule),
    )


def _can_settle(label: Mapping[str, Any], coming: int, rule: MergeConfig) -> bool:
    """Whether so many further votes or skips, at best, leave it neither open nor short of votes."""
    if label["status"] not in ("insufficient", "unlabelled"):
        return True
    if label["skips"] + coming >= rule.agree or label["votes"] + coming >= rule.annotators:
        return True
    more = np.arange(1, coming + 1)
    most = max((tag["votes"] for tag in label["counts"] or ()), default=0)
    return bool(np.any(most + more >= needed_votes(label["votes"] + more, rule)))
