"""Which stickers an export plans and for whom, by the ledger alone: no server is needed."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from voted_stickers import answer, write_stickers

from annotation.human.merge import merge_votes
from annotation.human.studio.departing import come_back, find_person, leave, withdraw
from annotation.human.studio.export_request import ExportRequest
from annotation.human.studio.ledger import Ballot, Person, PlacedTask, Planned, Project, VoteLedger
from annotation.human.studio.ledger import open_ledger as open_at
from annotation.human.studio.planning import Plan, plan_further, plan_labelling
from annotation.human.studio.tables import answers, write_asked
from annotation.human.studio.team import Team, team_of
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from schemas.config import Config

IDS = [f"{n:03d}" for n in range(50)]
BALLOT = Ballot("v1", ("笑",))
NAMES = tuple(f"p{n}" for n in range(8))


class Desk:
    """A workspace with its ledger, whose tasks are placed, and answered, without a server."""

    def __init__(self, root: Path, people: int = 3, **label: Any) -> None:
        self.workspace = Workspace(root)
        self.held: VoteLedger | None = None
        self.label = {"annotators": [{"account": name} for name in NAMES[:people]], **label}

    @property
    def config(self) -> Config:
        return Config.model_validate({"label": self.label})

    @contextmanager
    def ledger(self) -> Iterator[VoteLedger]:
        if self.held is not None:
            yield self.held
            return
        with open_at(self.workspace.root) as ledger:
            ledger.know(Person("server", n, name, "annotator") for n, name in enumerate(NAMES, 1))
            if ledger.ballot() is None:
                ledger.connection.execute(
                    "INSERT INTO ballots (version, tags) VALUES ('v1', json_array('笑'))"
                )
            yield ledger

    def team(self, ledger: VoteLedger) -> Team:
        return team_of(self.workspace, self.config, ledger)

    def export(self, request: ExportRequest | None = None) -> Plan:
        with self.ledger() as ledger:
            team, asked = self.team(ledger), request or ExportRequest()
            plan = plan_labelling(self.workspace, self.config, ledger, team, asked, BALLOT)
            self.place(ledger, plan)
        return plan

    def assign(self) -> Plan:
        with self.ledger() as ledger:
            plan = plan_further(self.workspace, ledger, self.team(ledger), BALLOT)
            self.place(ledger, plan)
        return plan

    def place(self, ledger: VoteLedger, plan: Plan) -> None:
        ledger.plan(plan.rows)
        known = {project.person: project.project for project in ledger.projects()}
        for row in ledger.waiting("labelling"):
            if row.person not in known:
                known[row.person] = len(known) + 1
                project = Project(known[row.person], "labelling", "v1", "x", None, None, row.person)
                ledger.add_project(project)
            number = 1 + ledger.rows("SELECT coalesce(max(task), 0) FROM tasks")[0][0]
            placed = PlacedTask(row.sticker, number, None, row.person)
            ledger.place("labelling", known[row.person], "2026-01-01T00:00:00+00:00", [placed])

    def say(self, sticker: str, person: str, tags: Any = ("笑",), by: str | None = None) -> None:
        """Answer somebody's own task; None skips."""
        with self.ledger() as ledger:
            (row,) = [
                row
                for row in ledger.tasks("labelling")
                if (row["sticker"], row["person"]) == (sticker, person)
            ]
            user = NAMES.index(by or person) + 1
            ledger.append([answer(row["project"], row["task"], sticker, user, tags)], (), "now")

    def open_tasks(self) -> list[tuple[str, str]]:
        with self.ledger() as ledger:
            team = self.team(ledger)
            return [(key, one) for key, each in team.stickers.items() for one in each.pending]

    def valid(self) -> dict[str, int]:
        """Valid votes by sticker."""
        with self.ledger() as ledger:
            votes = answers(self.workspace, ledger, self.config.label)["votes"]
        labels = merge_votes(votes, IDS, self.config.merge, BALLOT.tags).to_pylist()
        return {row["id"]: row["votes"] for row in labels}

    def reasons(self) -> Counter[str]:
        with self.ledger() as ledger:
            votes = answers(self.workspace, ledger, self.config.label)["votes"]
        return Counter(filter(None, votes["quarantined"].to_pylist()))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_stickers(Workspace(tmp_path), IDS)
    return tmp_path


def people_of(plan: Plan) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for row in plan.rows:
        found[row.sticker].add(row.person)
    return found


def batches(plan: Plan) -> dict[str, int]:
    return Counter(batch for batch, _ in {(row.batch, row.sticker) for row in plan.rows})


def test_every_kept_sticker_is_planned_once(root: Path) -> None:
    desk = Desk(root, batch_size=20)
    plan = desk.export()
    assert people_of(plan) == {key: set(NAMES[:3]) for key in IDS}
    assert batches(plan) == {"b001": 20, "b002": 20, "b003": 10}
    assert desk.export().rows == ()


def test_the_next_ones_follow_those_of_before(root: Path) -> None:
    desk = Desk(root, people=8)
    first = desk.export(ExportRequest(limit=5, batch="calibration"))
    second = desk.export(ExportRequest(limit=5))
    assert batches(first) == {"calibration": 5}
    assert sorted(people_of(second)) == IDS[5:10]
    assert batches(second) == {"b001": 5}
    assert all(len(people) == 3 for people in people_of(second).values())


def test_gold_is_spread_over_the_batches(root: Path, tmp_path: Path) -> None:
    gold = tmp_path / "gold.jsonl"
    lines = (json.dumps({"id": key, "tags": []}) for key in [*IDS[-6:], "no such sticker"])
    gold.write_text("\n".join(lines), encoding="utf-8")
    plan = Desk(root, batch_size=10, gold=str(gold), gold_share=0.1).export()
    golden = {row.sticker: row.batch for row in plan.rows if row.gold}
    assert sorted(golden) == IDS[-6:]
    assert Counter(golden.values())["b001"] == 1
    assert len(people_of(plan)) == 50
    batch = list(dict.fromkeys(row.sticker for row in plan.rows if row.batch == "b001"))
    assert batch == sorted(batch), "its place in the batch tells nobody which one is gold"


def test_too_few_people_are_refused(root: Path) -> None:
    with pytest.raises(StickerworksError, match=r"3 people \(merge.annotators\), and 2 are there"):
        Desk(root, people=2).export()


def test_quotas_end_an_export_and_are_said(root: Path) -> None:
    people = [{"account": name, "quota": 7} for name in NAMES[:3]]
    desk = Desk(root, annotators=people)
    plan = desk.export()
    assert len(people_of(plan)) == 7
    assert "43 stickers of the next 50 go to nobody yet, since quotas are used up" in plan.notes[0]
    with pytest.raises(StickerworksError, match="quotas are used up"):
        desk.export()
    desk.label["annotators"] = [{"account": name, "quota": 9} for name in NAMES[:3]]
    assert len(people_of(desk.export())) == 2


def test_everyone_gets_a_calibration_batch_whole_and_blind(root: Path) -> None:
    desk = Desk(root, people=5, show=["keywords"], calibration=4)
    plan = desk.export(ExportRequest(everyone=True))
    assert people_of(plan) == {key: set(NAMES[:5]) for key in IDS[:4]}
    assert all(row.blind for row in plan.rows)
    desk.label["calibration"] = 0
    with pytest.raises(StickerworksError, match="--next"):
        desk.export(ExportRequest(everyone=True))


def test_nothing_is_shown_before_the_calibration_has_all_its_votes(root: Path) -> None:
    desk = Desk(root, show=["suggestions"], calibration=2)
    first = desk.export(ExportRequest(limit=2))
    assert all(row.blind for row in first.rows)
    assert "2 more of 2" in first.notes[0].replace(" stickers", "")
    for key, person in desk.open_tasks()[:-1]:
        desk.say(key, person)
    second = desk.export(ExportRequest(limit=1))
    assert second.rows[0].blind
    assert "1 sticker more of 2" in second.notes[0]
    for key, person in desk.open_tasks():
        desk.say(key, person)
    shown = desk.export(ExportRequest(limit=1))
    assert not any(row.blind for row in shown.rows)
    assert shown.notes == ()
    assert all(row.blind for row in desk.export(ExportRequest(limit=1, blind=True)).rows)


def test_what_is_shown_from_the_start_counts_as_no_calibration(root: Path) -> None:
    desk = Desk(root, show=["suggestions"], calibration=0)
    assert not any(row.blind for row in desk.export(ExportRequest(limit=3)).rows)
    for key, person in desk.open_tasks():
        desk.say(key, person)
    desk.label["calibration"] = 3
    assert all(row.blind for row in desk.export(ExportRequest(limit=3)).rows)


def test_skips_and_unknown_tags_are_made_good_by_others(root: Path) -> None:
    desk = Desk(root, people=5)
    desk.export(ExportRequest(limit=4))
    assert desk.assign().rows == ()
    asked: dict[str, list[str]] = defaultdict(list)
    for key, person in sorted(desk.open_tasks()):
        asked[key].append(person)
    for sticker, said in zip(IDS, ([None], [("made up",)], [None, None], []), strict=False):
        for person, tags in zip(asked[sticker], said, strict=False):
            desk.say(sticker, person, tags)
    plan = desk.assign()
    # Two skips reject the third, and nobody else need look at it.
    assert {key: len(people) for key, people in people_of(plan).items()} == {"000": 1, "001": 1}
    assert all(row.person not in asked[row.sticker] for row in plan.rows)
    assert {row.batch for row in plan.rows} == {"b001"}
    assert plan.notes[0].startswith("2 stickers that couldn't get all votes")
    assert desk.assign().rows == ()


def test_what_is_wanted_beyond_the_rule_goes_to_further_people(root: Path) -> None:
    desk = Desk(root, people=6)
    desk.export(ExportRequest(limit=2))
    with desk.ledger() as ledger:
        ledger.connection.execute("INSERT INTO wanted VALUES ('001', 5), ('002', 4)")
    assert {key: len(people) for key, people in people_of(desk.assign()).items()} == {"001": 2}
    later = people_of(desk.export(ExportRequest(limit=1)))
    assert {key: len(people) for key, people in later.items()} == {"002": 4}


def test_who_leaves_keeps_their_votes_and_others_take_over(root: Path) -> None:
    desk = Desk(root, people=5)
    desk.export(ExportRequest(limit=10))
    mine = sorted(key for key, person in desk.open_tasks() if person == "p0")
    done, open_ = mine[:2], mine[2:]
    for key in done:
        desk.say(key, "p0")
    with desk.ledger() as ledger:
        assert leave(ledger, "p0") == len(open_)
        assert leave(ledger, "p0") == 0
        assert list(ledger.departed()) == ["p0"]
    plan = desk.assign()
    assert sorted(row.sticker for row in plan.rows) == open_
    assert "p0" not in {row.person for row in plan.rows}
    # They answer one all the same: it is kept, and doesn't count.
    desk.say(open_[0], "p0")
    assert desk.reasons() == {"its task had been given to others": 1}
    for key, person in desk.open_tasks():
        desk.say(key, person)
    assert set(list(desk.valid().values())[:10]) == {3}
    assert desk.assign().rows == ()
    assert "p0" not in {row.person for row in desk.export(ExportRequest(limit=9)).rows}
    with desk.ledger() as ledger:
        come_back(ledger, "p0")
        with pytest.raises(StickerworksError, match="hasn't left"):
            come_back(ledger, "p0")
    assert "p0" in {row.person for row in desk.export(ExportRequest(limit=9)).rows}


def test_a_part_is_taken_over_from_its_end(root: Path) -> None:
    desk = Desk(root, people=5)
    desk.export(ExportRequest(limit=10))
    mine = sorted(key for key, person in desk.open_tasks() if person == "p1")
    with desk.ledger() as ledger:
        assert withdraw(ledger, "p1", 2) == 2
    assert sorted(row.sticker for row in desk.assign().rows) == mine[-2:]
    left = sorted(key for key, person in desk.open_tasks() if person == "p1")
    assert left == mine[:-2]


def test_a_quota_has_room_again_for_what_was_taken(root: Path) -> None:
    desk = Desk(root, annotators=[{"account": name, "quota": 5} for name in NAMES[:4]])
    desk.export(ExportRequest(limit=6))
    with desk.ledger() as ledger:
        before = {one.account: one.room for one in desk.team(ledger).people}
        withdraw(ledger, "p1", 2)
        after = {one.account: one.room for one in desk.team(ledger).people}
    assert after == before | {"p1": (before["p1"] or 0) + 2}


def test_a_vote_on_what_somebody_else_was_asked_does_not_count(root: Path) -> None:
    desk = Desk(root, people=4)
    desk.export(ExportRequest(limit=1))
    (key, person), *_ = desk.open_tasks()
    (other,) = set(NAMES[:4]) - {one for _, one in desk.open_tasks()}
    desk.say(key, person, by=other)
    assert desk.reasons() == {f"voted on what {person} was asked": 1}
    assert len(desk.open_tasks()) == 3


def test_a_vote_that_was_deleted_on_the_server_is_done_and_stays(root: Path) -> None:
    desk = Desk(root)
    desk.export(ExportRequest(limit=2))
    desk.say("000", "p0")
    with desk.ledger() as ledger:
        desk.held = ledger
        (said,) = ledger.everything()
        assert ledger.append([], [("server", said["project"], said["annotation"])], "now") == 0
        assert ("000", "p0") not in desk.open_tasks()
        assert leave(ledger, "p0") == 1, "the other sticker alone is taken from them"
        assert desk.valid()["000"] == 1
        assert ("000", "p0") not in desk.open_tasks()
        desk.held = None


def test_nobody_waits_for_people_who_are_not_there(root: Path) -> None:
    desk = Desk(root, people=4)
    desk.export(ExportRequest(limit=4))
    theirs = {key for key, person in desk.open_tasks() if person == "p0"}
    assert theirs
    desk.label["annotators"] = [{"account": name} for name in NAMES[1:4]]
    assert "p0" not in {person for _, person in desk.open_tasks()}
    assert {row.sticker for row in desk.assign().rows} == theirs


def test_people_are_found_by_account_or_name(root: Path) -> None:
    desk = Desk(root, annotators=[{"account": "A@x.org", "name": "Ann"}, "b@x.org", "c@x.org"])
    with desk.ledger() as ledger:
        assert find_person(desk.config, ledger, " a@X.org") == "a@x.org"
        assert find_person(desk.config, ledger, "ann") == "a@x.org"
        with pytest.raises(StickerworksError, match=r"'bob' is no annotator"):
            find_person(desk.config, ledger, "bob")


def test_who_joins_gets_stickers_and_takes_nobodys(root: Path) -> None:
    desk = Desk(root, people=3)
    desk.export(ExportRequest(limit=10))
    before = sorted(desk.open_tasks())
    desk.label["annotators"] = [{"account": name} for name in NAMES[:4]]
    plan = desk.export(ExportRequest(limit=10))
    assert set(before) <= set(desk.open_tasks())
    load = Counter(row.person for row in plan.rows)
    assert set(load.values()) <= {7, 8}


def test_everybodys_tasks_of_before_go_on_counting(root: Path) -> None:
    desk = Desk(root, people=3)
    with desk.ledger() as ledger:
        old = [Planned("labelling", key, "v1", "b001", False, False) for key in IDS[:3]]
        ledger.plan(old)
        ledger.add_project(Project(1, "labelling", "v1", "x", None, None))
        ledger.place(
            "labelling", 1, "now", [PlacedTask(k, n, None) for n, k in enumerate(IDS[:3], 1)]
        )
    assert desk.assign().rows == ()
    for key, person in [("000", "p0"), ("000", "p1"), ("001", "p0"), ("001", "p1"), ("001", "p2")]:
        with desk.ledger() as ledger:
            number = IDS.index(key) + 1
            tags = None if (key, person) == ("001", "p2") else ["笑"]
            ledger.append([answer(1, number, key, NAMES.index(person) + 1, tags)], (), "now")
    # The first waits for p2; all answered the second, and nobody is left.
    plan = desk.assign()
    assert plan.rows == ()
    assert "1 sticker lack votes, and nobody is left" in plan.notes[0]
    desk.label["annotators"] = [{"account": name} for name in NAMES[:4]]
    assert desk.assign().rows == (), "the fourth finds it in the project that is everybody's"
    with desk.ledger() as ledger:
        write_asked(desk.workspace, ledger)
    assert set(desk.workspace.read("tasks")["person"].to_pylist()) == {None}


@given(st.randoms(use_true_random=False))
@settings(max_examples=8, deadline=None, phases=[Phase.generate])
def test_whatever_happens_each_sticker_gets_exactly_its_votes(
    tmp_path_factory: pytest.TempPathFactory, chance: random.Random
) -> None:
    root = tmp_path_factory.mktemp("desk")
    write_stickers(Workspace(root), IDS[:5])
    desk = Desk(root, people=8)
    with desk.ledger() as desk.held:
        desk.export()
        gone: list[tuple[str, str]] = []
        leaving = [NAMES[3], NAMES[6]]
        for event in chance.choices(EVENTS, k=20):
            open_ = sorted(desk.open_tasks())
            if event == "leave" and leaving:
                person = leaving.pop()
                gone += [(key, one) for key, one in open_ if one == person]
                leave(desk.held, person)
            elif event == "late" and gone:
                desk.say(*gone.pop())
            elif event in SAYS and open_:
                desk.say(*chance.choice(open_), SAYS[event])
            else:
                desk.assign()
        desk.assign()
        while open_ := desk.open_tasks():
            for key, person in open_:
                desk.say(key, person)
            desk.assign()
        stickers = desk.team(desk.held).stickers
        tasks = [(row["sticker"], row["person"]) for row in desk.held.tasks("labelling")]
        there = set(NAMES) - set(desk.held.departed())
    assert len(tasks) == len(set(tasks))
    for one in stickers.values():
        # A sticker gets all the people that it lacks, or nobody.
        assert one.votes == 3 or one.rejected or len(there - one.asked) < one.short, one


SAYS: dict[str, Any] = {"vote": ("笑",), "skip": None, "made up": ("no such tag",)}
EVENTS = (*SAYS, "vote", "leave", "late", "assign")
