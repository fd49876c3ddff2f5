"""A takedown reaches every table, file and release, and nothing that stays is touched."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.engine.caching import cache_folder
from pipeline.engine.errors import StickerworksError
from pipeline.engine.storage import Proof
from pipeline.engine.workspace import Workspace
from pipeline.release.build import build_release
from pipeline.release.records import load_record
from pipeline.release.takedown import carrying_out
from pipeline.release.takedown.carrying_out import carry_out
from pipeline.release.takedown.files import sheets_that_go
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


def test_words_that_only_it_said_leave_the_release(drawn, workspace, config, ask):
    for number in (3, 4):
        drawn.rows["observations"][number]["title"] = "打工人" if number == 3 else "开心"
        drawn.rows["observations"][number]["query"] = "打工人" if number == 3 else "word1"
        drawn.rows["descriptions"][number] |= {"caption_en": "zebra here", "caption_zh": "打工人"}
    drawn.rows["keywords"].append({"keyword": "打工人", "tokens": ["打工人"], "stickers": 1})
    drawn.rows["tagset"].append(
        {"tag": "打工人", "cluster": 3, "version": "v1", "terms": ["打工人"], "exemplars": None}
    )
    drawn.write(workspace.root)
    listed = workspace.root / "notes.csv"
    listed.write_text("n,title\n1,打工人\n2,打工\n", "utf-8")
    release = build_release(workspace, config).path
    assert "打工人" in (release / "tagset.json").read_text("utf-8")
    told = (release / "statistics.json").read_text("utf-8")
    assert "打工人" in told
    assert "zebra" in told

    carry_out(workspace, (), ask(drawn.ids[3], drawn.ids[4]), (), silent)

    assert listed.read_text("utf-8") == "n,title\n2,打工\n"
    for name in ("tagset.json", "statistics.json", "README.md", "counts.json"):
        text = (release / name).read_text("utf-8")
        assert "打工人" not in text, name
        assert "zebra" not in text, name
    statistics = json.loads((release / "statistics.json").read_text("utf-8"))
    assert "sticker" in statistics["captions"]["en"]["top_words"]
    assert statistics["tags"]["top"]["开心"]
    assert "开心" in (release / "tagset.json").read_text("utf-8")
    assert "打工人" not in str(workspace.read("tagset").to_pylist())
    card = (release / "README.md").read_text("utf-8")
    for plot in ("trigger_words.png", "caption_cloud_en.png", "caption_words.png"):
        assert not (release / "plots" / plot).exists()
        assert f"plots/{plot}" not in card
    assert "plots/funnel.png" in card
    assert verify_release(release).problems == ()


def test_words_and_pictures_of_it_leave_what_people_named(drawn, workspace, ask):
    root = workspace.root
    drawn.rows["observations"][3]["title"] = "打工人 加油"
    drawn.rows["keywords"] += [
        {"keyword": "打工人 加油", "tokens": ["打工人", "加油"], "stickers": 1},
        {"keyword": "加油", "tokens": ["加油"], "stickers": 2},
    ]
    words = {"terms": ["打工人", "加油"], "exemplars": ["打工人 加油", "加油"]}
    drawn.rows["proposals"] = [
        {"key": "c7", "name": "打工人", **words},
        {"key": "t001", "name": "上班", "exemplars": ["打工人 加油"]},
    ]
    drawn.rows["tagset"] = [
        {"tag": "上班", "named": True, "exemplars": ["打工人 加油"], "version": "v1"}
    ]
    drawn.rows["naming"] = [
        {"number": 1, "decision": "add", "name": "上班", "words": ["打工人", "上班"]}
        | {"keywords": ["打工人 加油", "加油"]}
    ]
    drawn.rows["named_tags"] = [{"number": 1, "version": "v", "id": "t001", "tag": "上班"}]
    drawn.rows["named_keywords"] = [
        {"keyword": word, "number": 1, "tag": "t001"} for word in ("打工人 加油", "加油")
    ]
    drawn.write(root)
    (root / "reports").mkdir()
    removed = {"tags.xlsx", "tags.ods", "tags.csv", "named.json", "tags.html"}
    for name in {*removed, "elbow.csv"}:
        text = "k,inertia\n" if name == "elbow.csv" else "exemplars\n加油、打工人 加油\n"
        (root / "reports" / name).write_text(text, "utf-8")

    outcome = carry_out(workspace, (), ask(drawn.ids[3]), (), silent)

    assert mentions(workspace, "打工人") == set()
    assert {path.name for path in (root / "reports").iterdir()} == {"elbow.csv"}
    assert {f"reports/{name}" for name in removed} <= set(outcome.removed_pages)
    (named,) = workspace.read("naming").to_pylist()
    assert (named["keywords"], named["words"]) == (["加油"], ["上班"])
    assert workspace.read("named_keywords")["keyword"].to_pylist() == ["加油"]
    assert workspace.read("tagset")["tag"].to_pylist() == ["上班"]
    told = {
        row["key"]: (row["name"], row["exemplars"])
        for row in workspace.read("proposals").to_pylist()
    }
    assert told == {"c7": (None, ["加油"]), "t001": ("上班", [])}
    assert workspace.read("named_tags")["tag"].to_pylist() == ["上班"]


def test_what_was_decided_on_a_sheet_stays_without_it(drawn, workspace, ask):
    drawn.rows["observations"][3]["title"] = "打工人 加油"
    drawn.rows["keywords"] += [{"keyword": "打工人 加油", "tokens": ["打工人"], "stickers": 1}]
    drawn.write(workspace.root)
    reports = workspace.root / "reports"
    reports.mkdir()
    for name in ("tags.xlsx", "tags.csv", "other.csv", "tags.decisions.csv"):
        (reports / name).write_text("k,v\n", "utf-8")
    (reports / "tags.csv").write_text("key,decision,version\n", "utf-8")
    for name in ("mine.ods", "mine.csv"):  # a table of people's own
        (reports / name).write_text("k,v\n", "utf-8")
    asked = []

    def remains(path, gone):
        asked.append((path.name, "打工人" in gone))
        if path.suffix == ".xlsx":
            return b"key,decision\nc0,keep\n"
        raise StickerworksError("It can't be read.", "Correct it.")

    request = ask(drawn.ids[3])
    assert [path.name for path in sheets_that_go(workspace, request)] == [
        "mine.ods", "tags.csv", "tags.xlsx",
    ]  # fmt: skip
    outcome = carry_out(workspace, (), request, (), silent, remains)
    assert asked == [("mine.ods", True), ("tags.csv", True), ("tags.xlsx", True)]
    assert outcome.decisions == {
        "reports/mine.ods": "", "reports/tags.csv": "",
        "reports/tags.xlsx": "reports/tags.decisions-2.csv",
    }  # fmt: skip
    left = {path.name: path.read_text("utf-8") for path in reports.iterdir()}
    assert left == {
        "mine.csv": "k,v\n", "other.csv": "k,v\n", "tags.decisions.csv": "k,v\n",
        "tags.decisions-2.csv": "key,decision\nc0,keep\n",
    }  # fmt: skip


def test_bytes_go_whatever_they_are_called_and_what_is_packed_is_told(drawn, workspace, ask):
    root, gone, stays = workspace.root, drawn.ids[3], drawn.ids[4]
    held = [
        "releases/.old.fetched/d5/x", "releases/loose.png", "notes/blob", "notes/pic.PNGX",
        f"releases/.old.fetched/{gone[:2]}/{gone}",
    ]  # fmt: skip
    for name in held:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(drawn.bytes[3] if not name.endswith(gone) else b"half of it")
    page = root / "notes" / "index.html.bak"
    page.write_text(f"<img src={gone}>", "utf-8")
    (root / "notes" / "list").write_text(f"{gone}\n{stays}\n", "utf-8")
    (root / "notes" / "other").write_bytes(drawn.bytes[4])
    (root / "releases" / "old.tar.gz").write_bytes(b"\x1f\x8b\x08 packed")
    (root / "notes" / "dump").write_bytes(b"\0\xff" + f"f{gone}".encode())
    outcome = carry_out(workspace, (), ask(gone), (), silent)
    assert not [name for name in held if (root / name).exists()]
    assert not page.exists()
    assert (root / "notes" / "list").read_text("utf-8") == f"{stays}\n"
    assert (root / "notes" / "other").read_bytes() == drawn.bytes[4]
    assert outcome.left == ["notes/dump", "releases/old.tar.gz"]


def test_a_profile_that_holds_nothing_of_it_stays(drawn, workspace, config, ask):
    release = build_release(workspace, config).path
    sums = {"release_sha256sums": "ab" * 32, "rows": {"train": 1}}
    profiles = {}
    for name, id_ in (("holds", drawn.ids[3]), ("apart", drawn.ids[4]), ("packed", None)):
        folder = profiles[name] = workspace.releases / f"drawn-0.1.0-{name}"
        (folder / "data").mkdir(parents=True)
        (folder / "profile.json").write_text(json.dumps(sums), "utf-8")
        (folder / "SHA256SUMS").write_text("", "utf-8")
        if id_ is None:
            (folder / "data.mdb").write_bytes(b"\0\xff")
        else:
            rows = pa.table({"id": [id_], "file": ["a"]})
            pq.write_table(rows, folder / "data" / "train-00000-of-00001.parquet")
    outcome = carry_out(workspace, (), ask(drawn.ids[3]), (), silent)
    assert outcome.removed_releases == ["drawn-0.1.0-holds"]
    assert outcome.left == ["releases/drawn-0.1.0-packed"]
    assert profiles["apart"].exists()
    assert (profiles["packed"] / "data.mdb").exists()

    digest = hashlib.sha256((release / "SHA256SUMS").read_bytes()).hexdigest()
    (profiles["packed"] / "profile.json").write_text(json.dumps({"is": digest}), "utf-8")
    outcome = carry_out(workspace, (), ask(drawn.ids[4], number=2), (), silent)
    assert outcome.removed_releases == ["drawn-0.1.0-apart", "drawn-0.1.0-packed"]
