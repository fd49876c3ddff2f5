"""Which stickers are asked about next, and whom: further people for those that lack votes, and
batches of new ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from annotation.human.studio.assigning import Assignment, Need, assign
from annotation.human.studio.export_request import ExportRequest
from annotation.human.studio.gold import read_gold
from annotation.human.studio.ledger import Ballot, Planned, VoteLedger
from annotation.human.studio.stickers import kept_stickers
from annotation.human.studio.team import Team, check_enough
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from schemas.config import Config

_RAISE = "raise quotas in label.annotators, or add people"


@dataclass(frozen=True)
class Plan:
    """Tasks to be made, and what is to be said of them."""

    rows: tuple[Planned, ...] = ()
    notes: tuple[str, ...] = ()

    def __add__(self, other: Plan) -> Plan:
        return Plan(self.rows + other.rows, self.notes + other.notes)


def plan_further(
    workspace: Workspace, ledger: VoteLedger, team: Team, ballot: Ballot, questions: str = ""
) -> Plan:
    """Further people for every sticker that can't get the votes that it needs from those asked.

    The tasks belong to the sticker's own batch, and show what that one's tasks showed.
    """
    kept = set(kept_stickers(workspace))
    short = [one for key, one in sorted(team.stickers.items()) if one.short and key in kept]
    made = assign([Need(one.id, one.short, one.asked) for one in short], team.people, team.met)
    rows = tuple(
        Planned(
            "labelling",
            sticker,
            ballot.version,
            team.stickers[sticker].batch,
            team.stickers[sticker].gold,
            team.stickers[sticker].blind,
            person,
            questions,
        )
        for sticker, person in made.given
    )
    notes = []
    if rows:
        given = len({row.sticker for row in rows})
        people = len({row.person for row in rows})
        notes.append(
            f"{_stickers(given)} that couldn't get all votes from those who were asked: "
            f"{len(rows):,} tasks go to {people:,} others."
        )
    return Plan(rows, (*notes, *_left(made)))


def plan_labelling(
    workspace: Workspace,
    config: Config,
    ledger: VoteLedger,
    team: Team,
    request: ExportRequest,
    ballot: Ballot,
    questions: str = "",
) -> Plan:
    """The next stickers in batches, gold spread evenly over them, each for as many people as are
    asked; ``request.everyone`` asks all of the team about each."""
    check_enough(config, team)
    known = set(read_gold(config.label)["id"].to_pylist())
    fresh = [key for key in kept_stickers(workspace) if key not in team.stickers]
    count = min(_limit(request, config), len(fresh))
    blind, notes = _blind(config, team, request)
    taken = [row["batch"] for row in ledger.tasks("labelling")]
    each = len(team.people) if request.everyone else config.merge.annotators
    rows: list[Planned] = []
    ahead, met = len(fresh), team.met
    for chosen in _batches(fresh, known, count, config):
        ahead -= len(chosen)
        needs = _needs(chosen, each, ledger.wanted(), len(team.people))
        made = assign(needs, team.people, met, 0 if request.everyone else each * ahead)
        name = request.batch or next_batch(taken, "b")
        taken += [name] if made.given else []
        rows += [
            Planned("labelling", key, ballot.version, name, key in known, blind, one, questions)
            for key, one in made.given
        ]
        team = team.given(Counter(one for _, one in made.given))
    left = count - len({row.sticker for row in rows})
    if left and not rows:
        raise StickerworksError(
            f"None of the next {_stickers(left)} can go to {each} people: quotas are used up.",
            f"To go on, {_RAISE}.",
        )
    if left:
        notes += (
            f"{_stickers(left)} of the next {count:,} go to nobody yet, since quotas are used up: "
            f"{_RAISE}, and export again.",
        )
    return Plan(tuple(rows), notes)


def next_batch(taken: Collection[str], prefix: str) -> str:
    """The first unused name of a batch: b001, b002, ...

    >>> next_batch(["b001", "calibration", "b002"], "b")
    'b003'
    """
    number = 1
    while f"{prefix}{number:03d}" in taken:
        number += 1
    return f"{prefix}{number:03d}"


def _limit(request: ExportRequest, config: Config) -> float:
    if request.limit is not None or not request.everyone:
        return float("inf") if request.limit is None else request.limit
    if not config.label.calibration:
        raise StickerworksError(
            "How many stickers should everybody get? label.calibration is 0.",
            "Say it with --next, or set label.calibration.",
        )
    return config.label.calibration


def _blind(config: Config, team: Team, request: ExportRequest) -> tuple[bool, tuple[str, ...]]:
    """Whether the next batches show nothing, and what is to be said of that."""
    label = config.label
    if not label.show or request.blind or request.everyone:
        return True, ()
    missing = label.calibration - team.calibrated()
    if missing <= 0:
        return False, ()
    return True, (
        f"These show neither keywords nor suggestions yet (label.show): {_stickers(missing)} more "
        f"of {label.calibration:,} (label.calibration) must have all their votes first, given "
        "blind.",
    )


def _batches(
    fresh: Sequence[str], known: Collection[str], count: float, config: Config
) -> Iterator[list[str]]:
    label = config.label
    gold, others = [s for s in fresh if s in known], [s for s in fresh if s not in known]
    left = int(count)
    while left > 0:
        size = min(label.batch_size, left)
        share = min(len(gold), round(size * label.gold_share), size)
        share = max(share, size - len(others))
        yield sorted([*gold[:share], *others[: size - share]])
        gold, others, left = gold[share:], others[size - share :], left - size


def _needs(
    stickers: Sequence[str], each: int, wanted: Mapping[str, int], people: int
) -> list[Need]:
    return [Need(key, max(each, min(wanted.get(key, 0), people))) for key in stickers]


def _left(made: Assignment) -> Iterator[str]:
    why = Counter(made.left.values())
    if why["people"]:
        yield (
            f"{_stickers(why['people'])} lack votes, and nobody is left who hasn't seen them: "
            "add people to label.annotators."
        )
    if why["quotas"]:
        yield (
            f"{_stickers(why['quotas'])} lack votes, and the quotas of those who haven't seen them "
            f"are used up: {_RAISE}."
        )


def _stickers(count: float) -> str:
    return f"{count:,.0f} sticker{'' if count == 1 else 's'}"
