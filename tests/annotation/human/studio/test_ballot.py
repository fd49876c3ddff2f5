"""A tag set that was exported is frozen; another one needs a word on what became of the old."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from annotation.human.studio.ballot import current_ballot, draft_changes, migrate_ballot
from annotation.human.studio.ledger import VoteLedger, open_ledger
from pipeline.engine.errors import StickerworksError
from pipeline.engine.storage import Proof
from pipeline.engine.workspace import Workspace
from schemas.tables import TAGSET


def set_tags(workspace: Workspace, version: str, *tags: str) -> None:
    rows = [{"tag": tag, "version": version} for tag in tags]
    table = pa.Table.from_pylist(rows, schema=TAGSET.schema)
    workspace.write("tagset", None, table, Proof("tagset", version))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    set_tags(made, "v1", "笑", "哭", "狗")
    return made


@pytest.fixture
def ledger(workspace: Workspace) -> Iterator[VoteLedger]:
    with open_ledger(workspace.root) as opened:
        yield opened


@pytest.fixture
def frozen(workspace: Workspace, ledger: VoteLedger) -> VoteLedger:
    current_ballot(workspace, ledger, keep=False)
    return ledger


def changes(workspace: Workspace, text: str) -> Path:
    path = workspace.root / "changes.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_first_export_freezes_the_tag_set(workspace: Workspace, frozen: VoteLedger) -> None:
    ballot = current_ballot(workspace, frozen, keep=False)
    assert (ballot.version, ballot.tags) == ("v1", ("哭", "狗", "笑"))


def test_a_changed_tag_set_is_refused_with_the_ways_out(
    workspace: Workspace, frozen: VoteLedger
) -> None:
    set_tags(workspace, "v2", "笑", "大哭", "狗")
    with pytest.raises(StickerworksError, match=r"哭 gone; 大哭 new.*--keep-tags.*label migrate"):
        current_ballot(workspace, frozen, keep=False)
    assert current_ballot(workspace, frozen, keep=True).version == "v1"


def test_the_same_names_over_other_clusters_are_another_tag_set(
    workspace: Workspace, frozen: VoteLedger
) -> None:
    set_tags(workspace, "v2", "笑", "哭", "狗")
    with pytest.raises(StickerworksError, match="clusters differ"):
        current_ballot(workspace, frozen, keep=False)


def test_a_draft_decides_nothing_and_is_refused_until_it_is_filled_in(
    workspace: Workspace, frozen: VoteLedger
) -> None:
    set_tags(workspace, "v2", "笑", "大哭")
    path = workspace.root / "changes.yaml"
    draft_changes(workspace, frozen, path)
    drafted = path.read_text(encoding="utf-8")
    assert drafted.endswith("\n哭:\n狗:\n")
    with pytest.raises(StickerworksError, match=r"changes\.yaml leaves blank .* 哭, 狗\."):
        migrate_ballot(workspace, frozen, path)
    path.write_text(drafted.replace("哭:", "哭: 大哭"), encoding="utf-8")
    with pytest.raises(StickerworksError, match=r"leaves blank what became of 狗\. .*\[\] to drop"):
        migrate_ballot(workspace, frozen, path)
    assert current_ballot(workspace, frozen, keep=True).version == "v1"


def test_a_draft_can_be_read_back_whatever_the_tags_are(tmp_path: Path) -> None:
    odd = ("a: b", "# x", "null", "? y", "line\nbreak", "[]", "1", "x" * 200, "w " * 90 + "w")
    workspace = Workspace(tmp_path)
    set_tags(workspace, "v1", *odd)
    with open_ledger(tmp_path) as ledger:
        current_ballot(workspace, ledger, keep=False)
        set_tags(workspace, "v2", "new")
        draft_changes(workspace, ledger, tmp_path / "changes.yaml")
    held = yaml.safe_load((tmp_path / "changes.yaml").read_text(encoding="utf-8"))
    assert held == dict.fromkeys(odd)


def test_a_draft_names_what_is_gone_and_migrating_takes_the_new_tags(
    workspace: Workspace, frozen: VoteLedger
) -> None:
    set_tags(workspace, "v2", "笑", "大哭", "小哭")
    path = workspace.root / "changes.yaml"
    assert draft_changes(workspace, frozen, path) == 2
    assert yaml.safe_load(path.read_text(encoding="utf-8")) == {"哭": None, "狗": None}
    with pytest.raises(StickerworksError, match="exists already"):
        draft_changes(workspace, frozen, path)
    path.write_text("哭: [大哭, 小哭]\n狗: []\n", encoding="utf-8")
    assert migrate_ballot(workspace, frozen, path).version == "v2"
    assert current_ballot(workspace, frozen, keep=False).version == "v2"
    assert {row["tag"]: row["becomes"] for row in frozen.tag_changes()} == {
        "哭": ["大哭", "小哭"],
        "狗": [],
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("狗: []", "doesn't say what became of 哭"),
        ("哭: 大哭\n狗: ''", "leaves blank what became of 狗"),
        ("哭: 大哭\n狗: []\n笑:", "leaves blank what became of 笑"),
        ("哭: 大哭\n狗: 猫", "aren't in the tag set: 猫"),
        ("哭: 大哭\n狗: []\n鸟: []", "were never exported: 鸟"),
        ("- 哭", "no mapping"),
        ("哭: {a: b}\n狗: []", "no tag or list of tags"),
        ("哭: 大哭\n狗: [no]", "no tag or list of tags"),
        ("{", "Could not read"),
    ],
)
def test_a_file_that_does_not_say_it_is_refused(
    workspace: Workspace, frozen: VoteLedger, text: str, said: str
) -> None:
    set_tags(workspace, "v2", "笑", "大哭")
    with pytest.raises(StickerworksError, match=said):
        migrate_ballot(workspace, frozen, changes(workspace, text))
    assert frozen.tag_changes() == []


def test_there_is_nothing_to_migrate_before_an_export_or_a_change(
    workspace: Workspace, ledger: VoteLedger
) -> None:
    with pytest.raises(StickerworksError, match="No tag set was exported"):
        migrate_ballot(workspace, ledger, changes(workspace, "{}"))
    current_ballot(workspace, ledger, keep=False)
    with pytest.raises(StickerworksError, match="nothing to migrate"):
        migrate_ballot(workspace, ledger, changes(workspace, "{}"))


def test_without_a_tag_set_nothing_is_exported(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger, pytest.raises(StickerworksError, match="no tag set"):
        current_ballot(Workspace(tmp_path), ledger, keep=False)
