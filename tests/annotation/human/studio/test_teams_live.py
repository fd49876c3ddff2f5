"""Six people through a real server: three a sticker, and two of them leave in the middle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from labelling_booth import FOREIGN, Booth, answer, skip, tasks_of

from annotation.human.progress import AnnotationProgress, progress
from annotation.human.standing import Standing
from annotation.human.studio.ledger import open_ledger
from annotation.human.studio.team import team_of
from pipeline.engine.workspace import Workspace
from schemas.config import Config
from schemas.labelling import LabelConfig

TEAM = tuple(f"annotator-{n}@example.org" for n in range(1, 7))
STICKERS = 6
STAYS, LEAVES, LEAVES_TOO, SKIPS = TEAM[0], TEAM[1], TEAM[2], TEAM[3]


@pytest.fixture(scope="module")
def studio(drawn: Callable[[], Workspace], make_studio: Any) -> Any:
    """A server for six people; the last of them reads Chinese."""
    made = make_studio(drawn())
    people = [{"account": name, "name": name[:11]} for name in TEAM]
    people[-1]["language"] = "zh"
    label = LabelConfig.model_validate({"port": made.config.label.port, "annotators": people})
    return replace(made, config=Config(label=label))


def run(studio: Any, *words: str, **label: Any) -> None:
    people = [one.model_dump(mode="json") for one in studio.config.label.annotators]
    options = ["--set", f"label.annotators={people}".replace("None", "null")]
    for name, value in label.items():
        options += ["--set", f"label.{name}={value}"]
    studio.label(*words, options=options)


def standings(studio: Any) -> dict[str, Standing]:
    with open_ledger(studio.workspace.root) as ledger:
        return dict(team_of(studio.workspace, studio.config, ledger).stickers)


def waiting_for(studio: Any, person: str) -> list[str]:
    return sorted(key for key, one in standings(studio).items() if person in one.pending)


def state(studio: Any) -> AnnotationProgress:
    """The state of annotation, after a look at whether it adds up."""
    found = progress(studio.workspace, studio.config)
    votes = studio.workspace.read("votes").to_pylist()
    current = {(v["id"], v["annotator"]): v for v in votes if v["quarantined"] is None}
    given = Counter(name for (_, name), vote in current.items() if not vote["skipped"])
    for one in found.annotators:
        assert one.votes == given[one.name]
        assert one.to_do == len(waiting_for(studio, one.name))
        assert one.asked >= one.votes + one.skips
    return found


def test_three_vote_on_each_though_two_leave(studio: Any, capsys: Any) -> None:
    run(studio, "export", "--next", str(STICKERS))
    asked = tasks_of(studio, "labelling")
    assert {len(people) for people in asked.values()} == {3}
    load = Counter(person for people in asked.values() for person in people)
    assert sorted(load) == sorted(TEAM)
    assert set(load.values()) == {3}
    client = studio.connection.client
    titles = {project.title for project in client.projects.list()}
    assert any(title.startswith("标注表情 (annotator-6") for title in titles)

    booth = Booth(studio)
    said = answer(studio.workspace.read("ballot")["tag"].to_pylist()[:1])
    skipped = waiting_for(studio, SKIPS)[0]
    booth.vote(SKIPS, asked[skipped], skip())
    for person in (STAYS, LEAVES, LEAVES_TOO):
        booth.vote(person, asked[waiting_for(studio, person)[0]], said)
    run(studio, "import")
    found = state(studio)
    assert (found.unassigned, found.stuck, found.batches[0].complete) == (1, (), 0)

    # One answers another, which nobody has imported when they leave; one answers too late.
    open_ = waiting_for(studio, LEAVES)
    booth.vote(LEAVES, asked[open_[0]], said)
    run(studio, "leave", LEAVES)
    run(studio, "leave", "annotator-3")  # by their name
    late = set(open_[1:])
    booth.vote(LEAVES, asked[min(late)], said)
    # Somebody votes on what another was asked.
    key = waiting_for(studio, STAYS)[0]
    (other, *_) = {name for name in TEAM if name not in standings(studio)[key].asked}
    theirs = tasks_of(studio, "labelling")[key][STAYS]  # given to them when others left, perhaps
    address = f"{booth.url}/api/tasks/{theirs}/annotations/"
    assert booth.users[other].post(address, json=said).ok
    run(studio, "import")
    found = state(studio)
    assert {one.name for one in found.annotators if one.left_at} == {LEAVES, LEAVES_TOO}
    reasons = {group.reason: group.answers for group in found.quarantined}
    assert reasons == {
        "its task had been given to others": 1,
        f"voted on what {STAYS} was asked": 1,
    }
    assert (found.unassigned, found.stuck) == (0, ())

    for person in TEAM:
        tasks = tasks_of(studio, "labelling")
        for key in waiting_for(studio, person):
            booth.vote(person, tasks[key], said)
    run(studio, "import")
    found = state(studio)
    labels = studio.workspace.read("labels").to_pylist()
    votes = {row["id"]: row["votes"] for row in labels if row["id"] in asked}
    assert votes == dict.fromkeys(asked, 3)
    assert (found.batches[0].stickers, found.batches[0].complete) == (STICKERS, STICKERS)
    assert (found.unassigned, found.stuck, found.expected_end) == (0, (), None)
    capsys.readouterr()
    run(studio, "assign")
    assert "0 tasks made" in capsys.readouterr().err


def test_suggestions_come_once_the_calibration_is_done(studio: Any, capsys: Any) -> None:
    run(studio, "export", "--next", "1", show="[suggestions]", calibration=STICKERS + 1)
    assert "1 sticker more of 7 (label.calibration)" in capsys.readouterr().err
    run(studio, "export", "--next", "1", show="[suggestions]", calibration=STICKERS)
    blind = {row["batch"]: row["blind"] for row in studio.workspace.read("tasks").to_pylist()}
    assert blind == {"b001": True, "b002": True, "b003": False}
    assert FOREIGN not in {row["person"] for row in studio.workspace.read("tasks").to_pylist()}


def test_a_calibration_batch_goes_to_all_who_are_there(studio: Any) -> None:
    run(studio, "export", "--everyone", "--next", "1", "--batch", "together")
    rows = [r for r in studio.workspace.read("tasks").to_pylist() if r["batch"] == "together"]
    assert {row["person"] for row in rows} == set(TEAM) - {LEAVES, LEAVES_TOO}
    assert len(rows) == 4
    assert all(row["blind"] for row in rows)
