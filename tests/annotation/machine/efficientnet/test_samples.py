"""Labels from votes: whose count, what they are held out with, what is left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from PIL import Image

from annotation.machine.efficientnet.folds import check_enough
from annotation.machine.efficientnet.samples import collect_labels, read_labels
from pipeline.engine.errors import StickerworksError
from pipeline.engine.storage import Proof
from pipeline.engine.workspace import Workspace
from schemas.tables import TABLES

Draw = Callable[[int], Image.Image]
Write = Callable[[str, list[dict[str, Any]]], None]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def write(workspace: Workspace) -> Write:
    def put(table: str, rows: list[dict[str, Any]]) -> None:
        content = pa.Table.from_pylist(rows, schema=TABLES[table].schema)
        workspace.write(table, 0, content, Proof("test", "test"))

    return put


@pytest.fixture
def voted(write: Write, photograph: Draw, jpeg: Callable[[Image.Image], bytes]) -> None:
    """Six stickers: b and c near-duplicates, a and b of one pack, d simulated, e tied, f bare."""
    frame = [{"index": 0, "jpeg": jpeg(photograph(1))}]
    ids = list("abcdef")
    write("stickers", [{"id": key} for key in ids])
    write(
        "labels",
        [
            {"id": key, "domain": None if key == "e" else "real", "simulated": key == "d"}
            for key in ids
        ],
    )
    write("frames", [{"id": key, "key_frames": [] if key == "f" else frame} for key in ids])
    packs = {"a": "p1", "b": "p1", "d": "p2"}
    write(
        "observations",
        [
            {"id": key, "source": "site", "source_id": key, "pack_title": packs.get(key)}
            for key in ids
        ],
    )
    write(
        "duplicates",
        [
            {"id": key, "group": "b" if key == "c" else key, "representative": key != "c"}
            for key in ids
        ],
    )


@pytest.mark.usefixtures("voted")
def test_labels_are_the_votes_of_people_with_key_frames(workspace: Workspace) -> None:
    labels = collect_labels(workspace)
    assert [sample.id for sample in labels.samples] == ["a", "b", "c"]
    assert {sample.group for sample in labels.samples} == {"site/p1"}
    assert labels.left_out == {"no key frames": 1, "simulated votes": 1}


@pytest.mark.usefixtures("voted")
def test_simulated_votes_count_when_asked_for(workspace: Workspace) -> None:
    labels = collect_labels(workspace, simulated=True)
    assert {sample.id: sample.group for sample in labels.samples}["d"] == "site/p2"
    assert labels.digest != collect_labels(workspace).digest


def test_a_workspace_without_votes_says_how_to_get_them(workspace: Workspace) -> None:
    with pytest.raises(StickerworksError, match="0 real in 0 packs") as caught:
        check_enough(collect_labels(workspace))
    assert "stickerworks label export" in caught.value.remedy


@pytest.mark.usefixtures("voted")
def test_a_manifest_may_name_stickers_of_the_workspace(
    workspace: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text(
        '{"id": "a", "domain": "cartoon", "pack": "x"}\n{"id": "zz", "domain": "real"}\n',
        encoding="utf-8",
    )
    labels = read_labels(path, workspace)
    (sample,) = labels.samples
    assert (sample.id, sample.real, sample.group) == ("a", False, "x")
    assert labels.left_out == {"no key frames": 1}
