"""A tag set that was exported is frozen; another one needs a word on what became of the old."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from annotation.human.studio.ballot import current_ballot, unnamed_warning
from annotation.human.studio.frozen import tagsets_of
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


def test_the_same_names_over_other_clusters_are_the_same_ballot(
    workspace: Workspace, frozen: VoteLedger
) -> None:
    set_tags(workspace, "v2", "笑", "哭", "狗")
    assert current_ballot(workspace, frozen, keep=False).version == "v1"
    assert frozen.tag_changes() == []
    assert tagsets_of(frozen, "v1") == ["v1", "v2"]


def test_nobody_is_asked_about_singletons_and_oversized_clusters_that_nobody_named(
    tmp_path: Path,
) -> None:
    workspace = Workspace(tmp_path)
    write_tags(workspace, {"笑": [], "便": ["singleton"], "哈": ["oversized"], "丫": ["singleton"]})
    said = unnamed_warning(workspace)
    assert said is not None
    assert "NOBODY HAS NAMED" in said
    assert "1 oversized and 2 singleton (one keyword, few stickers) clusters" in said
    assert "stickerworks tags sheet" in said
    with open_ledger(tmp_path) as ledger:
        assert current_ballot(workspace, ledger, keep=False).tags == ("笑",)
        # The same tag set again, also to a ledger that froze all of it.
        ledger.connection.execute("UPDATE ballots SET tags = ?", ('["丫", "便", "哈", "笑"]',))
        assert len(current_ballot(workspace, ledger, keep=False).tags) == 4


def test_where_all_are_singletons_people_are_to_name_them_first(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    write_tags(workspace, {"便": ["singleton"], "丫": ["singleton"]})
    with (
        open_ledger(tmp_path) as ledger,
        pytest.raises(
            StickerworksError,
            match=r"2 singleton \(one keyword.*clusters.*tags sheet",
        ),
    ):
        current_ballot(workspace, ledger, keep=False)


def test_without_a_tag_set_nothing_is_exported(tmp_path: Path) -> None:
    assert unnamed_warning(Workspace(tmp_path)) is None
    with open_ledger(tmp_path) as ledger, pytest.raises(StickerworksError, match="no tag set"):
        current_ballot(Workspace(tmp_path), ledger, keep=False)


def write_tags(workspace: Workspace, flags: dict[str, list[str]]) -> None:
    rows = [{"tag": tag, "flags": some, "version": "v1"} for tag, some in flags.items()]
    table = pa.Table.from_pylist(rows, schema=TAGSET.schema)
    workspace.write("tagset", None, table, Proof("tagset", "v1"))
