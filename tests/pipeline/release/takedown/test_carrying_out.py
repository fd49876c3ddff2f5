"""A takedown reaches every table, file and release, and nothing that stays is touched."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.engine.caching import cache_folder
from pipeline.engine.storage import Proof
from pipeline.engine.workspace import Workspace
from pipeline.release.build import build_release
from pipeline.release.records import load_record
from pipeline.release.takedown import carrying_out
from pipeline.release.takedown.carrying_out import carry_out
from pipeline.release.takedown.request import all_taken_down, pending_request
from pipeline.release.verify import verify_release
from schemas.tables import TABLES

_STEPS = (
    "add_tombstones", "purge_media", "purge_tables", "clean_releases", "renew_records",
    "purge_files", "end",
)  # fmt: skip


def silent(line: str) -> None: ...


def content(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "cache" not in path.parts
    }


def mentions(workspace: Workspace, text: str) -> set[str]:
    tables = {name for name in TABLES if text in str(workspace.read(name).to_pylist())}
    files = {name for name, data in content(workspace.root).items() if text.encode() in data}
    return tables | {name for name in files if not name.startswith("tables/")}


def test_it_is_gone_everywhere_and_all_else_stays(drawn, workspace, config, ask):
    gone, stays = drawn.ids[3], drawn.ids[4]
    release = build_release(workspace, config)
    root = workspace.root
    told = f"sticker {gone} was late\nsticker {stays} was late\n"
    for name in ("logs/old.log", "runs/one/examples.jsonl", "damaged/note.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(told, "utf-8")
    (root / "reports").mkdir()
    (root / "reports" / "index.html").write_text("<img src='data:...'>", "utf-8")
    (root / "pieces" / "ocr").mkdir(parents=True)
    (root / "pieces" / "ocr" / "part-00000-00000.parquet").write_bytes(b"rows")
    (root / "handoff").mkdir()
    (root / "handoff" / "0001.jpg").write_bytes(b"frame 3")
    (root / "handoff" / "0002.jpg").write_bytes(b"frame 4")
    (root / "handoff" / "rows.csv").write_text("file\n0001.jpg\n0002.jpg\n", "utf-8")
    cached = cache_folder("frames") / "x.arrow"
    cached.write_bytes(b"frame 3")
    before = {name: workspace.read(name) for name in TABLES}

    outcome = carry_out(workspace, (), ask(gone), (), silent)

    assert mentions(workspace, gone) == {"tombstones", "releases/drawn-0.1.0/taken_down.csv"}
    assert mentions(workspace, "标题3'") == set()
    assert outcome.releases == {release.path.name: 1}
    assert outcome.removed_pages == ["reports/index.html"]
    assert not list((root / "media").glob(f"*/{gone}*"))
    assert not (root / "handoff" / "0001.jpg").exists()
    assert not cached.exists()
    assert (root / "handoff" / "rows.csv").read_text("utf-8") == "file\n0002.jpg\n"
    assert (root / "logs" / "old.log").read_text("utf-8") == f"sticker {stays} was late\n"
    assert pending_request(root) is None
    for name, rows in before.items():
        if "id" in rows.column_names and name not in ("tombstones", "group_joins"):
            left = workspace.read(name)
            assert set(rows["id"].to_pylist()) - set(left["id"].to_pylist()) <= {gone}, name
    assert verify_release(release.path).problems == ()
    assert (root / "media" / stays[:2]).exists()


def test_what_was_named_after_it_is_named_after_the_next(drawn, workspace, ask):
    carry_out(workspace, (), ask(drawn.ids[3]), (), silent)
    templates = dict(zip(*workspace.read("duplicates").select(["id", "template_id"]), strict=True))
    named = {id_.as_py(): template.as_py() for id_, template in templates.items()}
    assert [named[drawn.ids[n]] for n in (4, 5)] == [drawn.ids[4]] * 2
    groups = workspace.read("splits").to_pylist()
    assert {row["group"] for row in groups if row["id"] in drawn.ids[4:6]} == {drawn.ids[4]}
    (join,) = workspace.read("group_joins").to_pylist()
    assert join["first"] == drawn.ids[4]


def test_releases_stay_known_and_say_how_many_went(drawn, workspace, config, ask):
    release = build_release(workspace, config)
    carry_out(workspace, (), ask(drawn.ids[0], drawn.ids[40]), (), silent)
    again = build_release(workspace, config)
    assert again.up_to_date
    assert sum(again.rows.values()) == sum(release.rows.values()) - 2
    assert load_record(release.path).takedowns == [1]
    assert "2 stickers were taken down" in (release.path / "README.md").read_text("utf-8")


def test_killed_anywhere_the_same_again_gives_the_same(
    drawn, workspace, config, ask, monkeypatch, tmp_path
):
    build_release(workspace, config)
    (workspace.root / "logs").mkdir()
    (workspace.root / "logs" / "a.log").write_text(f"{drawn.ids[3]}\nb\n", "utf-8")
    request = ask(drawn.ids[3], drawn.ids[50])
    whole = Workspace(Path(shutil.copytree(workspace.root, tmp_path / "whole")))
    carry_out(whole, (), request, (), silent)
    expected = content(whole.root)
    for step in _STEPS:
        other = Workspace(Path(shutil.copytree(workspace.root, tmp_path / step)))
        real = getattr(carrying_out, step)

        def killed(*given, _real=real, _step=step, **named):
            if _step != "end":
                _real(*given, **named)
            raise KeyboardInterrupt

        monkeypatch.setattr(carrying_out, step, killed)
        with pytest.raises(KeyboardInterrupt):
            carry_out(other, (), request, (), silent)
        monkeypatch.undo()
        begun = pending_request(other.root)
        assert begun == request
        carry_out(other, (), begun, (), silent)
        assert content(other.root) == expected, step


def test_everything_may_go(drawn, workspace, config, ask):
    build_release(workspace, config)
    carry_out(workspace, (), ask(*drawn.ids), (), silent)
    assert workspace.parts == ()
    assert sum(len(workspace.read(name)) for name in ("stickers", "signals", "votes")) == 0
    gone, _ = all_taken_down(workspace)
    assert gone.ids == frozenset(drawn.ids)
    (release,) = workspace.releases.glob("drawn-*")
    assert verify_release(release).problems == ()


def test_zeros_take_the_place_of_bytes_in_a_pack(drawn, workspace, ask):
    drawn.rows["media"][0] |= {"path": None, "pack": "media/a.pack", "offset": 2, "nbytes": 3}
    drawn.rows["media"][1] |= {"path": None, "pack": "media/a.pack", "offset": 5, "nbytes": 2}
    drawn.write(workspace.root)
    (workspace.root / "media" / "a.pack").write_bytes(b"aabbbcc")
    carry_out(workspace, (), ask(drawn.ids[0]), (), silent)
    assert (workspace.root / "media" / "a.pack").read_bytes() == b"aa\0\0\0cc"


def test_a_damaged_file_that_cannot_be_read_goes(workspace, ask, drawn):
    aside = workspace.root / "damaged" / "ocr.parquet"
    aside.parent.mkdir()
    aside.write_bytes(b"PAR1 no table")
    carry_out(workspace, (), ask(drawn.ids[0]), (), silent)
    assert not aside.exists()


def test_tombstones_hold_no_content(drawn, workspace, ask):
    carry_out(workspace, (), ask(drawn.ids[3]), (), silent)
    carry_out(workspace, (), ask(drawn.ids[4], number=2), (), silent)
    rows = workspace.read("tombstones")
    told = json.dumps(rows.drop_columns(["phash"]).to_pylist())
    assert "site.example" not in told
    assert rows.filter(pa.compute.is_valid(rows["id"]))["request"].to_pylist() == [1, 2]


def test_tables_that_others_wrote_are_cleaned_too(drawn, workspace, ask):
    rows = pa.Table.from_pylist(
        [{"id": drawn.ids[n], "reviewer": "ann", "flags": []} for n in (3, 4)],
        schema=TABLES["flags"].schema,
    )
    workspace.write("flags", None, rows, Proof("label", "1"))
    carry_out(workspace, (), ask(drawn.ids[3]), (), silent)
    assert workspace.read("flags")["id"].to_pylist() == [drawn.ids[4]]
