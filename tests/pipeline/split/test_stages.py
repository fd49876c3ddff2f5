from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipeline.engine.storage import Proof, digest_rows
from pipeline.engine.workspace import Workspace
from pipeline.split.stages import SPLIT
from schemas.config import Config, ReleaseConfig, SplitConfig
from schemas.tables import TABLES

Row = dict[str, Any]


def store(workspace: Workspace, table: str, part: int, rows: list[Row]) -> None:
    workspace.write(
        table,
        part,
        pa.Table.from_pylist(rows, schema=TABLES[table].schema),
        Proof(stage="test", fingerprint=""),
    )


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Two shards of 60: every third dropped, packs of 5, pairs of one template across shards."""
    workspace = Workspace(tmp_path)
    for part in (0, 1):
        ids = [f"{part}{n:02d}" for n in range(60)]
        kept = {id_: n % 3 != 0 for n, id_ in enumerate(ids)}
        store(workspace, "stickers", part, [{"id": id_} for id_ in ids])
        outcome = {True: "kept", False: "dropped"}
        store(
            workspace,
            "decisions",
            part,
            [{"id": id_, "kept": kept[id_], "outcome": outcome[kept[id_]]} for id_ in ids],
        )
        store(
            workspace,
            "duplicates",
            part,
            [
                {"id": id_, "group": id_, "representative": True, "template_id": f"t{id_[1:]}"}
                for id_ in ids
            ],
        )
        store(
            workspace,
            "observations",
            part,
            [
                {"id": id_, "source": "s", "source_id": id_, "pack_id": f"{part}-{n // 5}"}
                for n, id_ in enumerate(ids)
            ],
        )
        store(workspace, "suggestions", part, [{"id": id_, "tags": ["猫"]} for id_ in ids])
    return workspace


def split(workspace: Workspace, config: Config | None = None) -> dict[str, Row]:
    outputs = list(SPLIT.run(workspace, SPLIT.settings(config or Config())))
    written = [("splits", (0, 1)), ("leakage", None), ("moved", None)]
    assert [(table, block) for table, block, _ in outputs] == written
    rows = outputs[0][2].to_pylist()
    stickers = workspace.read("stickers")["id"].to_pylist()
    assert [row["id"] for row in rows] == stickers
    return {row["id"]: row for row in rows}


def test_kept_stickers_are_split_and_templates_stay_together(workspace: Workspace) -> None:
    rows = split(workspace)
    for id_, row in rows.items():
        if int(id_[1:]) % 3 == 0:
            assert (row["split"], row["group"]) == (None, None)
        else:
            assert row["group"] == f"0{id_[1:]}"
            assert row["split"] == rows[row["group"]]["split"]
    assert Counter(row["split"] for row in rows.values() if row["split"]) == {
        "train": 64,
        "validation": 8,
        "test": 8,
    }


def test_packs_stay_together_when_asked(workspace: Workspace) -> None:
    apart, together = (
        split(workspace, Config(split=SplitConfig(keep_packs_together=keep)))
        for keep in (False, True)
    )

    def leaking(rows: dict[str, Row]) -> int:
        packs: dict[int, set[str]] = {}
        for id_, row in rows.items():
            if row["split"]:
                packs.setdefault(int(id_[1:]) // 5, set()).add(row["split"])
        return sum(len(splits) > 1 for splits in packs.values())

    assert leaking(apart) > 0
    assert leaking(together) == 0


def test_effective_tags_decide_before_suggestions(workspace: Workspace) -> None:
    # Ten stickers of shard 1 carry a rare effective tag; no other column tells them apart.
    for part in (0, 1):
        ids = workspace.read("stickers", part)["id"].to_pylist()
        rare = [id_ for n, id_ in enumerate(ids) if part == 1 and n % 3 == 1][:20]
        store(
            workspace,
            "labels",
            part,
            [
                {"id": i, "tags": ["稀"], "status": "effective"}
                if i in rare
                else {"id": i, "tags": ["别"], "status": "adjudicate"}
                for i in ids
            ],
        )
    rows = split(workspace)
    rare_splits = Counter(
        row["split"] for id_, row in rows.items() if id_[0] == "1" and int(id_[1:]) % 3 == 1
    )
    assert rare_splits == {"train": 16, "validation": 2, "test": 2}
    labelled = split(workspace, Config(release=ReleaseConfig(labelled_only=True)))
    released = [id_ for id_, row in labelled.items() if row["split"]]
    assert released == [id_ for id_ in rows if id_[0] == "1" and int(id_[1:]) % 3 == 1]


def test_dropped_near_duplicates_still_tie_and_dropped_pack_members_do_not(
    workspace: Workspace,
) -> None:
    ids = workspace.read("stickers", 0)["id"].to_pylist()
    # 000 is dropped; its group holds 001 and its template 002.
    store(
        workspace,
        "duplicates",
        0,
        [
            {
                "id": id_,
                "group": "001" if id_ == "000" else id_,
                "representative": id_ != "000",
                "template_id": {"000": "x", "002": "x"}.get(id_),
            }
            for id_ in ids
        ],
    )
    pack = {"004": "p", "003": "p", "005": "q"}
    rows = [{"id": i, "source": "s", "source_id": i, "pack_id": pack.get(i, i)} for i in ids]
    rows.append({"id": "003", "source": "s", "source_id": "b", "pack_id": "q"})
    store(workspace, "observations", 0, rows)
    found = split(workspace, Config(split=SplitConfig(keep_packs_together=True)))
    assert found["001"]["group"] == found["002"]["group"] == "001"
    assert found["004"]["group"] != found["005"]["group"]


def test_an_empty_workspace_gives_no_rows(tmp_path: Path) -> None:
    leakage, moved = SPLIT.run(Workspace(tmp_path), SPLIT.settings(Config()))
    assert (leakage[0], moved[0]) == ("leakage", "moved")
    assert not any(leakage[2]["shared"].to_pylist())
    assert not len(moved[2])


def test_a_rerun_gives_the_same_bytes(workspace: Workspace) -> None:
    first, second = (
        [digest_rows(rows) for _, _, rows in SPLIT.run(workspace, SPLIT.settings(Config()))]
        for _ in range(2)
    )
    assert first == second


def test_the_leakage_table_says_what_lies_across_splits(workspace: Workspace) -> None:
    outputs = list(SPLIT.run(workspace, SPLIT.settings(Config())))
    splits = {row["id"]: row["split"] for row in outputs[0][2].to_pylist()}
    found = {row["kind"]: row for row in outputs[1][2].to_pylist()}
    assert found["template"]["shared"] == 40
    assert found["template"]["leaking"] == 0
    packs: dict[str, set[str]] = {}
    for id_, name in splits.items():
        if name is not None:
            packs.setdefault(f"{id_[0]}-{int(id_[1:]) // 5}", set()).add(name)
    assert found["pack"]["leaking"] == sum(len(names) > 1 for names in packs.values()) > 0
