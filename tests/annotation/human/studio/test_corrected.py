"""Corrections through what comes after them: new votes, decisions, other tags, and undoing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from voted_stickers import LEAD, answer, ask, write_stickers, write_tagset

from annotation.human.merge import MERGE
from annotation.human.review.changes import author, change_all, undo
from annotation.human.review.labels import Vocabulary
from annotation.human.review.wanted import Wanted
from annotation.human.studio.frozen import finish
from annotation.human.studio.ledger import Person, open_ledger
from annotation.human.studio.migrating import (
    apply_migration,
    plan_migration,
    plan_undo,
    preview_migration,
    undo_migration,
)
from annotation.human.studio.tables import write_answers, write_asked
from pipeline.engine.runner import run
from pipeline.engine.workspace import Workspace
from schemas.config import Config
from stickerworks.cli.display import LogDisplay, make_console

VOTES: dict[str, Any] = {
    "s1": [["笑"], ["笑"], ["哭"]],
    "s2": [["笑"], ["哭"], ["狗"]],
    "s3": [["狗"], ["狗"], ["狗"]],
}
DECISIONS = {"s2": ["哭"]}
TASK = {key: number for number, key in enumerate(VOTES, 1)}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Three stickers that were voted on; the lead decided about s2."""
    made = Workspace(tmp_path)
    write_stickers(made, list(VOTES))
    write_tagset(made, "v1", ("笑", "哭", "狗"))
    ask(tmp_path, VOTES, DECISIONS)
    renew(made)
    return made


def renew(workspace: Workspace) -> None:
    """What `label import` and `merge` do with the ledger."""
    with open_ledger(workspace.root) as ledger:
        write_answers(workspace, ledger, Config().label)
        write_asked(workspace, ledger)
        finish(ledger)
    run(MERGE, workspace, Config(), LogDisplay(make_console()))


def correct(workspace: Workspace, sticker: str, **values: tuple[str, ...]) -> None:
    who = author("lea", Vocabulary.of(workspace))
    with open_ledger(workspace.root) as ledger:
        made = change_all(workspace, ledger, Wanted(id=sticker), values, ("looked", who))
    assert made.made == len(values)
    renew(workspace)


def take_back(workspace: Workspace, number: int) -> None:
    who = author("lea", Vocabulary.of(workspace))
    with open_ledger(workspace.root) as ledger:
        undo(workspace, ledger, number, "no", who)
    renew(workspace)


def says(workspace: Workspace, project: int, sticker: str, user: int, tags: Sequence[str]) -> None:
    """Somebody answers, or answers anew; it is imported."""
    newer = answer(project, TASK[sticker] if project == 1 else 1, sticker, user, tags)
    with open_ledger(workspace.root) as ledger:
        if user not in (1, 2, 3, LEAD):
            ledger.know([Person("server", user, "dan", "annotator")])
        ledger.append([replaced(newer)], (), "later")
    renew(workspace)


def replaced(newer: Any) -> Any:
    content = newer.content.replace("2026-01-01", "2026-02-02")
    return replace(newer, digest=f"{newer.digest}-later", content=content)


def label(workspace: Workspace, sticker: str) -> tuple[list[str], str, str]:
    rows = workspace.read("labels").to_pylist()
    (row,) = [row for row in rows if row["id"] == sticker]
    return sorted(row["tags"]), row["status"], row["provenance"]


def test_new_votes_leave_a_correction_and_show_once_it_is_taken_back(
    workspace: Workspace,
) -> None:
    assert label(workspace, "s1") == (["笑"], "effective", "votes")
    correct(workspace, "s1", tags=("狗",), domain=("real",))
    says(workspace, 1, "s1", 1, ["哭"])
    assert label(workspace, "s1") == (["狗"], "effective", "review")
    says(workspace, 1, "s1", 4, ["哭"])
    assert label(workspace, "s1") == (["狗"], "effective", "review")
    take_back(workspace, 1)
    assert label(workspace, "s1") == (["哭"], "effective", "votes")
    (row,) = [row for row in workspace.read("labels").to_pylist() if row["id"] == "s1"]
    assert (row["domain"], row["domain_reviewed"], row["votes"]) == ("real", True, 4)


def test_a_decision_that_comes_later_does_not_replace_a_correction(workspace: Workspace) -> None:
    assert label(workspace, "s2") == (["哭"], "effective", "adjudication")
    correct(workspace, "s2", tags=("狗",))
    says(workspace, 2, "s2", LEAD, ["笑"])
    assert label(workspace, "s2") == (["狗"], "effective", "review")
    take_back(workspace, 1)
    assert label(workspace, "s2") == (["笑"], "effective", "adjudication")


def test_corrections_follow_a_migration_that_foretells_them_and_its_undoing(
    workspace: Workspace,
) -> None:
    correct(workspace, "s1", tags=("哭",))
    correct(workspace, "s2", tags=("狗",))
    before = [label(workspace, key) for key in VOTES]
    write_tagset(workspace, "v2", ("大笑", "泪"))
    path = workspace.root / "changes.yaml"
    with open_ledger(workspace.root) as ledger:
        ballot = ledger.ballot()
        assert ballot is not None
        became = {"笑": ["大笑"], "哭": ["泪"], "狗": []}
        held = {"ballot": ballot.version, "tagset": "v2", "tags": became}
        path.write_text(yaml.safe_dump(held, allow_unicode=True), encoding="utf-8")
        planned = plan_migration(workspace, ledger, path)
        _, foretold = preview_migration(workspace, ledger, Config(), planned)
        apply_migration(workspace, ledger, planned, "lead")
    renew(workspace)
    assert workspace.read("labels").equals(foretold)
    assert label(workspace, "s1") == (["泪"], "effective", "review")
    # Its tag is gone, so that votes and the lead say again what they say.
    assert label(workspace, "s2") == (["泪"], "effective", "adjudication")
    correct(workspace, "s3", tags=("大笑",))
    assert label(workspace, "s3") == (["大笑"], "effective", "review")
    take_back(workspace, 3)
    with open_ledger(workspace.root) as ledger:
        undo_migration(ledger, plan_undo(ledger), "lead")
    renew(workspace)
    assert [label(workspace, key) for key in VOTES] == before
