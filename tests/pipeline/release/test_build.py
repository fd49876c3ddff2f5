"""Builds real releases and reads them the way strangers will."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.engine.errors import StickerworksError
from pipeline.engine.storage import Proof
from pipeline.release.build import Release, build_release
from pipeline.release.inputs import fingerprint
from pipeline.release.records import Record, record_path, save_record
from pipeline.release.splits import adopt_splits
from pipeline.release.verify import verify_release
from schemas.config import Config, EngineConfig, MergeConfig

Build = Callable[..., Release]

_CHILD = """
import os, signal, sys
from pathlib import Path
import pipeline.release.build as build
from pipeline.engine.workspace import Workspace
from schemas.config import Config

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

moment = sys.argv[2]
if moment == "rows":
    build.write_texts = die
if moment == "rename":
    build.os.rename = die
build.build_release(Workspace(Path(sys.argv[1])), Config.model_validate_json(sys.argv[3]))
"""


def run_child(root: Path, config: Config, moment: str, **environment: str) -> int:
    """Build in another process, which kills itself at a moment (or never)."""
    command = [sys.executable, "-c", _CHILD, str(root), moment, config.model_dump_json()]
    return subprocess.run(command, env={**os.environ, **environment}, check=False).returncode


def contents(folder: Path) -> dict[str, str]:
    """Digest of every file by its name."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def all_rows(release: Release) -> list[dict[str, Any]]:
    files = sorted((release.path / "data").glob("*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def test_two_workspaces_give_the_same_bytes(drawn: Any, config: Config, tmp_path: Path) -> None:
    first = build_release(drawn.write(tmp_path / "one"), config)
    other = drawn.write(tmp_path / "some" / "other place")
    code = run_child(other.root, config, "never", PYTHONHASHSEED="7", TZ="Asia/Tokyo")
    assert code == 0
    assert contents(first.path) == contents(other.releases / "drawn-0.1.0")


def test_shards_of_several_blocks_make_the_same_rows(
    drawn: Any, config: Config, tmp_path: Path
) -> None:
    together = build_release(drawn.write(tmp_path / "together"), config)
    apart = drawn.write(tmp_path / "apart", parts=(5, 64))
    assert len(apart.blocks) == 2
    found, expected = contents(build_release(apart, config).path), contents(together.path)
    # A block begins a row group of its own there.
    for name in ("decisions.parquet", "SHA256SUMS"):
        assert found.pop(name) != expected.pop(name)
    assert found == expected


def test_files_follow_the_names_that_datasets_expects(released: Release) -> None:
    assert released.rows == {"train": 36, "validation": 12, "test": 6}
    assert sorted(path.name for path in (released.path / "data").iterdir()) == [
        "test-00000-of-00001.parquet",
        "train-00000-of-00002.parquet",
        "train-00001-of-00002.parquet",
        "validation-00000-of-00001.parquet",
    ]


def test_image_bytes_are_stored_as_they_are_and_everything_else_is_compressed(
    released: Release,
) -> None:
    with pq.ParquetFile(released.path / "data" / "train-00000-of-00002.parquet") as shard:
        assert b"huggingface" in shard.schema_arrow.metadata
        assert shard.schema_arrow.field("image").type.field("bytes").type == pa.binary()
        group = shard.metadata.row_group(0)
        columns = {
            group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)
        }
    image = columns.pop("image.bytes")
    assert image.compression == "UNCOMPRESSED"
    assert not {"RLE_DICTIONARY", "PLAIN_DICTIONARY"} & set(image.encodings)
    assert {column.compression for column in columns.values()} == {"ZSTD"}


def test_row_groups_hold_a_hundred_rows_at_most(
    drawn: Any, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.release.build.GROUP_ROWS", 8)
    release = build_release(drawn.write(tmp_path / "w"), config)
    with pq.ParquetFile(release.path / "data" / "train-00000-of-00002.parquet") as shard:
        groups = [shard.metadata.row_group(n).num_rows for n in range(shard.num_row_groups)]
    assert groups == [8, 8, 4]


def test_rows_without_images_lie_in_large_groups(drawn: Any, build: Build) -> None:
    for row in drawn.rows["observations"]:
        row["redistribute"] = False
    drawn.rows["media"][0]["path"] = None  # nor are their bytes looked for
    release = build(rows_per_file=1000)
    assert all(row["image"] is None for row in all_rows(release))
    with pq.ParquetFile(release.path / "data" / "train-00000-of-00001.parquet") as shard:
        assert (shard.num_row_groups, shard.metadata.num_rows) == (1, 36)


def test_every_sticker_of_the_crawl_is_accounted_for(released: Release, drawn: Any) -> None:
    rows = pq.read_table(released.path / "decisions.parquet").to_pylist()
    assert [row["id"] for row in rows] == drawn.ids
    dropped = [row for row in rows if row["outcome"] != "released"]
    assert len(dropped) == 6
    assert all(row["reasons"][0]["rule"] == "entropy" for row in dropped)
    in_release = {row["id"] for row in all_rows(released)}
    assert in_release == {row["id"] for row in rows if row["outcome"] == "released"}


def test_a_row_holds_what_the_tables_say(released: Release, drawn: Any) -> None:
    rows = {row["id"]: row for row in all_rows(released)}
    first = rows[drawn.ids[0]]
    assert first["image"]["bytes"] == drawn.bytes[0]
    assert first["tags"] == [drawn.tags[0]]
    assert first["label_status"] == "effective"
    assert (first["annotators"], first["simulated"]) == (3, True)
    assert (first["domain"], first["domain_provenance"]) == ("real", "votes")
    assert first["keywords"] == sorted([drawn.hostile.strip(), "a", "b", "word0"])
    assert first["source_urls"] == ["https://site.example/0.gif?token=***"]
    unlabelled = rows[drawn.ids[1]]
    assert (unlabelled["tags"], unlabelled["label_status"]) == ([], "unlabelled")
    assert unlabelled["suggested_tags"] == [drawn.tags[1]]
    assert (unlabelled["domain"], unlabelled["domain_provenance"]) == ("cartoon", "classifier")
    assert rows[drawn.ids[4]]["caption_en"] is None
    assert rows[drawn.ids[1]]["style"] == "flat"
    assert rows[drawn.ids[1]]["written_by"] == ["template/1"]


def test_what_was_changed_in_a_review_says_so_and_is_counted(drawn: Any, build: Build) -> None:
    for label, votes in ((drawn.rows["labels"][0], 3), (drawn.rows["labels"][1], 0)):
        label |= {"provenance": "review", "votes": votes, "domain": "real", "status": "effective"}
    drawn.rows["descriptions"][1] |= {"captioner": "people", "written_by": ["people"]}
    release = build()
    rows = {row["id"]: row for row in all_rows(release)}
    first, second = (rows[drawn.ids[n]] for n in range(2))
    assert first["label_provenance"] == second["label_provenance"] == "review"
    assert (first["domain_provenance"], second["domain_provenance"]) == ("votes", "review")
    card = (release.path / "README.md").read_text("utf-8")
    assert "2 labels, 1 domain were changed in a review" in card
    croissant = (release.path / "croissant.json").read_text("utf-8")
    assert "changing labels afterwards, with a reason" in croissant


def test_answers_and_domains_that_were_changed_say_so_and_are_counted(
    drawn: Any, build: Build
) -> None:
    entry = {"question": "emotion", "values": ["fear"], "status": "review", "votes": 3}
    drawn.rows["labels"][0] |= {
        "provenance": "votes", "votes": 3, "domain": "real", "domain_reviewed": True,
        "status": "effective", "answers": [entry | {"agreed": 0, "mean": None}],
    }  # fmt: skip
    drawn.rows["questions"] = [
        {"version": "1", "name": "emotion", "kind": "single", "required": True}
        | {"values": ["joy", "fear"], "title_en": "Emotion", "title_zh": None}
    ]
    release = build()
    row = next(row for row in all_rows(release) if row["id"] == drawn.ids[0])
    assert (row["domain_provenance"], row["label_provenance"]) == ("review", "votes")
    told = [row[f"voted_emotion{end}"] for end in ("", "_status", "_agreement")]
    assert told == ["fear", "review", 0.0]
    assert not verify_release(release.path).problems
    card = (release.path / "README.md").read_text("utf-8")
    assert "1 answer, 1 domain were changed in a review" in card


def test_bytes_that_may_not_be_passed_on_are_left_out_and_counted(
    released: Release, drawn: Any
) -> None:
    without = [row for row in all_rows(released) if row["image"] is None]
    expected = {drawn.ids[n] for n in range(60) if n % 6 == 5 and n % 10 != 9}
    assert {row["id"] for row in without} == expected
    assert all(row["source_urls"] for row in without)
    assert "**8 of 54 rows carry no image**" in (released.path / "README.md").read_text("utf-8")


def test_videos_and_lottie_carry_no_image(drawn: Any, build: Build) -> None:
    formats = dict(zip((0, 1, 2, 3), ("webm", "mp4", "tgs", "avif"), strict=True))
    for number, format_ in formats.items():
        drawn.rows["stickers"][number]["format"] = format_
    rows = {row["id"]: row for row in all_rows(build())}
    for number, format_ in formats.items():
        row = rows.get(drawn.ids[number])
        if row is not None:
            assert row["format"] == format_
            assert (row["image"] is None) is (format_ != "avif")
    assert sum(drawn.ids[number] in rows for number in formats) >= 3


def test_one_source_that_allows_redistribution_is_enough(drawn: Any, build: Build) -> None:
    second = {**drawn.rows["observations"][5], "redistribute": True, "licence": "CC0"}
    unknown = {**drawn.rows["observations"][11], "redistribute": None}
    drawn.rows["observations"][11] = unknown
    drawn.rows["observations"].insert(6, second)
    rows = {row["id"]: row for row in all_rows(build())}
    assert rows[drawn.ids[5]]["image"]["bytes"] == drawn.bytes[5]
    assert rows[drawn.ids[5]]["licence"] == "CC0"
    assert rows[drawn.ids[11]]["image"] is None, "an unknown permission is none"


def test_no_secret_and_no_machine_path_is_released(released: Release, drawn: Any) -> None:
    words = [drawn.secret, "/home/me", "10.0.0.1", str(Path.home())]
    day = "2026-01-09"  # the month is public, the day is not
    texts = {
        path: json.dumps(pq.read_table(path).to_pylist(), default=str)
        for path in released.path.rglob("*.parquet")
    }
    for path in released.path.rglob("*"):
        if path.suffix in (".md", ".json", ".html", ".csv"):
            texts[path] = path.read_text("utf-8")
    assert released.path / "legal/legal.json" in texts
    for path, text in texts.items():
        assert [word for word in words if word in text] == [], path
        assert day not in text, path
    unfetched = pq.read_table(released.path / "unfetched.parquet").to_pylist()[0]
    assert unfetched["media_url"] == "https://site.example/a.gif?token=***"
    assert unfetched["error"] == "https://site.example/a?api_key=*** said 404 (…/log.txt)"
    assert unfetched["fetched_at"] is None
    assert unfetched["tdm_policy"].startswith("https://site.example/p?api_key=***")
    # What hosts say of use stays as it was said; their paths are no paths of this machine.
    assert unfetched["content_usage"].startswith("train-ai=n")
    assert json.loads(unfetched["tdmrep"])["location"] == "/images/cats/*"
    assert unfetched["robots_content_usage"].startswith("/images/cats/ train-ai=n | token=")


def test_a_release_says_which_hosts_its_stickers_come_from(released: Release) -> None:
    (host,) = pq.read_table(released.path / "hosts.parquet").to_pylist()
    rows = sum(released.rows.values())
    assert (host["source"], host["host"]) == ("site", "site.example")
    assert (host["files"], host["stickers"]) == (rows, rows)
    assert 0 < host["redistributable"] < rows
    assert host["first_fetched"] == host["last_fetched"] == "2026-01"
    assert host["licences"][0] == {"value": "CC-BY-4.0", "files": rows - 1}
    card = (released.path / "README.md").read_text("utf-8")
    assert "## Where the files come from" in card
    assert f"| site.example | site | {rows} |" in card


def test_the_same_inputs_are_up_to_date_and_other_inputs_need_a_new_version(
    drawn: Any, build: Build
) -> None:
    first = build()
    assert not first.up_to_date
    before = contents(first.path)
    again = build()
    assert (again.up_to_date, again.rows, again.path) == (True, first.rows, first.path)
    drawn.rows["labels"][0]["tags"] = []
    with pytest.raises(StickerworksError, match=r"changed since: labels\).*release\.version"):
        build()
    assert contents(first.path) == before
    second = build(version="0.2.0")
    assert second.path.name == "drawn-0.2.0"
    assert contents(first.path) == before


def test_another_font_changes_no_release_that_is_there_and_is_named_with_other_changes(
    drawn: Any, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, told = drawn.write(tmp_path / "workspace"), list[str]()
    first = build_release(workspace, config, told.append)
    before, _ = fingerprint(workspace, config)
    monkeypatch.setattr("pipeline.release.inputs.font_digest", lambda: "another")
    assert fingerprint(workspace, config)[0] != before == first.fingerprint
    again = build_release(workspace, config, told.append)
    assert (again.up_to_date, again.fingerprint) == (True, before)
    assert "drawn with another font" in told[-1]
    changed = config.release.model_copy(update={"contact": "somebody@example"})
    with pytest.raises(StickerworksError, match=r"config release, font of the plots\)"):
        build_release(workspace, config.model_copy(update={"release": changed}))


def test_a_release_that_was_changed_is_not_called_up_to_date(build: Build) -> None:
    card = build().path / "README.md"
    card.write_text(card.read_text("utf-8") + "more\n", "utf-8")
    with pytest.raises(StickerworksError, match=r"changed after it was built: README\.md"):
        build()


def test_a_folder_that_nobody_knows_is_not_overwritten(build: Build, tmp_path: Path) -> None:
    stranger = tmp_path / "workspace" / "releases" / "drawn-0.1.0"
    stranger.mkdir(parents=True)
    (stranger / "mine.txt").write_text("mine")
    with pytest.raises(StickerworksError, match="nothing says"):
        build()
    assert (stranger / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("moment", ["rows", "rename"])
def test_a_killed_build_leaves_nothing_visible_and_the_next_one_is_whole(
    drawn: Any, config: Config, tmp_path: Path, moment: str
) -> None:
    workspace = drawn.write(tmp_path / "killed")
    assert run_child(workspace.root, config, moment) == -9
    left = [path.name for path in workspace.releases.iterdir()]
    assert [name for name in left if not name.startswith(".")] == []
    assert [name for name in left if name.endswith(".tmp")], "it was killed half-way"
    # Whoever sees a release finds its splits kept.
    assert workspace.has("released_splits", 0) == (moment == "rename")
    lines: list[str] = []
    release = build_release(workspace, config, lines.append)
    assert not release.up_to_date
    assert any("left by an interrupted build" in line for line in lines)
    assert sorted(path.name for path in workspace.releases.iterdir()) == [
        ".fingerprints",
        "drawn-0.1.0",
    ]
    other = drawn.write(tmp_path / "undisturbed")
    undisturbed = build_release(other, config)
    assert contents(release.path) == contents(undisturbed.path)
    kept = [one.path("released_splits", 0).read_bytes() for one in (workspace, other)]
    assert kept[0] == kept[1]


@pytest.mark.parametrize("kind", ["missing", "changed", "no path"])
def test_a_file_that_is_not_the_sticker_stops_the_release(
    drawn: Any, config: Config, tmp_path: Path, kind: str
) -> None:
    path = drawn.rows["media"][0]["path"]
    if kind == "no path":
        drawn.rows["media"][0]["path"], path = None, "media has no path"
    workspace = drawn.write(tmp_path / "w")
    if kind == "missing":
        (workspace.root / path).unlink()
    if kind == "changed":
        (workspace.root / path).write_bytes(drawn.bytes[0] + b"x")
    with pytest.raises(StickerworksError, match=path) as caught:
        build_release(workspace, config)
    assert drawn.ids[0] in caught.value.message
    assert not [p for p in workspace.releases.glob("*") if not p.name.startswith(".")]
    assert not list(workspace.releases.glob(".*.tmp"))


@pytest.mark.parametrize(
    ("kilobytes", "said"), [(120, "The disk is full"), (40, r"The release is likely to write \d")]
)
def test_a_full_disk_is_one_line_and_leaves_no_half_release(
    drawn: Any, config: Config, tmp_path: Path, kilobytes: int, said: str
) -> None:
    config = config.model_copy(update={"engine": EngineConfig(min_free_mb=0)})
    workspace = drawn.write(tmp_path / "w")
    workspace.releases.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(workspace.releases)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small file system can't be mounted here (needs root)")
    try:
        with pytest.raises(StickerworksError, match=said):
            build_release(workspace, config)
        assert [p.name for p in workspace.releases.iterdir() if p.name != ".fingerprints"] == []
    finally:
        subprocess.run(["umount", str(workspace.releases)], check=True)


def test_labelled_only_leaves_out_the_others_and_says_why(build: Build) -> None:
    release = build(labelled_only=True)
    rows = all_rows(release)
    assert len(rows) == 30
    assert {row["label_status"] for row in rows} == {"effective"}
    outcomes = pq.read_table(release.path / "decisions.parquet").to_pylist()
    left_out = [outcome for outcome in outcomes if outcome["outcome"] == "left_out"]
    assert len(left_out) == 24
    assert left_out[0]["reasons"][-1]["rule"] == "labelled_only"
    assert "| labelled\\_only | 24 | 24 |" in (release.path / "README.md").read_text("utf-8")


def test_unvoted_workspaces_release_suggestions(drawn: Any, build: Build) -> None:
    drawn.rows["labels"] = drawn.rows["votes"] = drawn.rows["descriptions"] = []
    release = build()
    card = (release.path / "README.md").read_text("utf-8")
    assert "SIMULATED" not in card
    assert "**No effective tags.**" in card
    assert "Agreement was not measured: no two annotators voted" in card
    assert {row["label_status"] for row in all_rows(release)} == {"unlabelled"}


def test_the_card_says_of_votes_what_the_tables_say(
    drawn: Any, config: Config, tmp_path: Path
) -> None:
    """The configuration may have changed since the merge: neither card nor fingerprint ask it."""
    drawn.rows["agreement"] = [
        {"measure": "tag_sets", "alpha": 0.4242, "low": 0.4, "high": 0.45, "stickers": 77},
        {"measure": "domain", "stickers": 77},
        {"measure": "pair", "annotators": ["ann", "bob"], "stickers": 77},
    ]
    workspace = drawn.write(tmp_path / "w")
    release = build_release(workspace, config)
    card = (release.path / "README.md").read_text("utf-8")
    labels = card.partition("## Labels")[2].partition("\n## ")[0]
    assert "valid votes" not in labels
    assert "`adjudicate` when all the votes asked for are in" in labels
    assert "Agreement is that of all votes" in labels
    assert "0.424" in labels
    prose = labels.partition("| agreement")[0].partition("Tag set:")[0]
    assert not any(character.isdigit() for character in prose)
    later = config.model_copy(update={"merge": MergeConfig(annotators=5, agree=4)})
    assert build_release(workspace, later).up_to_date


def test_authors_keep_no_secret_and_no_machine_path(drawn: Any, build: Build) -> None:
    drawn.rows["observations"][0]["author"] = f"https://a.example/ann?token={drawn.secret}"
    drawn.rows["observations"][1]["author"] = "/home/jane/pictures/ann"
    rows = {row["id"]: row["authors"] for row in all_rows(build())}
    assert rows[drawn.ids[0]] == ["https://a.example/ann?token=***"]
    assert rows[drawn.ids[1]] == ["…/ann"]


@pytest.mark.parametrize(
    ("table", "remedy"), [("splits", "stickerworks split"), ("signals", "stickerworks filter")]
)
def test_a_missing_table_names_the_command_that_makes_it(
    drawn: Any, config: Config, tmp_path: Path, table: str, remedy: str
) -> None:
    workspace = drawn.write(tmp_path / "w")
    workspace.path(table, 1).unlink()
    with pytest.raises(StickerworksError, match=f"table {table} .*{remedy}"):
        build_release(workspace, config)


def test_an_unfinished_optional_table_is_not_taken_for_an_absent_one(
    drawn: Any, config: Config, tmp_path: Path
) -> None:
    workspace = drawn.write(tmp_path / "w")
    first = workspace.read("labels", 0)
    workspace.path("labels", 1).unlink()
    workspace.write("labels", 0, first, Proof(stage="test", fingerprint="test"))
    with pytest.raises(StickerworksError, match="labels .*stickerworks merge"):
        build_release(workspace, config)


def test_tables_about_other_stickers_are_refused(drawn: Any, build: Build) -> None:
    labels = drawn.rows["labels"]
    labels[0], labels[1] = labels[1], labels[0]
    with pytest.raises(StickerworksError, match="not about the same stickers"):
        build()


def test_a_split_for_a_dropped_sticker_is_refused(drawn: Any, build: Build) -> None:
    drawn.rows["splits"][9]["split"] = "train"
    with pytest.raises(StickerworksError, match="splits are out of date"):
        build()


def test_a_kept_sticker_whose_label_was_dropped_is_refused(drawn: Any, build: Build) -> None:
    drawn.rows["labels"][0]["status"] = "dropped"
    with pytest.raises(StickerworksError, match="labels are out of date"):
        build()


def test_nothing_to_release_is_said(drawn: Any, build: Build) -> None:
    for row in drawn.rows["splits"]:
        row["split"] = None
    with pytest.raises(StickerworksError, match="it would be empty"):
        build()


def test_named_test_sets_and_what_moved_are_told(drawn: Any, build: Build) -> None:
    test, train = ([r for r in drawn.rows["splits"] if r["split"] == s] for s in ("test", "train"))
    test[0]["test_sets"], test[1]["test_sets"] = ["vsd_r"], ["vsd_c", "vsd_r"]
    moved = {"from": "test", "to": "train", "release": "drawn-0.0.1", "joined": train[1]["id"]}
    drawn.rows["moved"] = [{"id": train[0]["id"], **moved}]
    drawn.rows["leakage"] = [{"kind": "earlier_release", "shared": 40, "leaking": 1, "rows": 1}]
    release = build()
    sets = {row["id"]: row["test_sets"] for row in all_rows(release) if row["test_sets"]}
    assert sets == {test[0]["id"]: ["vsd_r"], test[1]["id"]: ["vsd_c", "vsd_r"]}
    counts = json.loads((release.path / "counts.json").read_text("utf-8"))
    assert counts["test_sets"] == {"vsd_c": {"test": 1}, "vsd_r": {"test": 2}}
    card = (release.path / "README.md").read_text("utf-8")
    assert "| vsd\\_r | 2 |" in card
    assert "40 of these stickers were in earlier releases" in card
    assert "a sticker that was public in train, and is gone, may be in test here" in card
    assert "| test | train | 1 |" in card
    assert "earlier_release" not in card
    assert pq.read_table(release.path / "moved.parquet").to_pylist() == drawn.rows["moved"]


def test_splits_of_earlier_releases_are_found_again_in_them(
    drawn: Any, config: Config, tmp_path: Path
) -> None:
    workspace = drawn.write(tmp_path / "workspace")
    later = config.model_copy(
        update={"release": config.release.model_copy(update={"version": "0.10.0"})}
    )
    build_release(workspace, config)
    moved = next(row for row in drawn.rows["splits"] if row["split"] == "test")
    moved["split"] = "train"
    build_release(drawn.write(workspace.root), later)
    path = workspace.path("released_splits", 0)
    assert adopt_splits(workspace) == []
    before = path.read_bytes()
    path.unlink()
    assert adopt_splits(workspace) == ["drawn-0.1.0", "drawn-0.10.0"]
    assert path.read_bytes() == before
    rows = workspace.read("released_splits").to_pylist()
    assert [row["split"] for row in rows if row["id"] == moved["id"]] == ["test", "train"]


def test_releases_are_found_again_in_the_order_of_their_making_without_profiles(
    drawn: Any, config: Config, tmp_path: Path
) -> None:
    workspace = drawn.write(tmp_path / "workspace")
    older = config.model_copy(
        update={"release": config.release.model_copy(update={"version": "0.0.9"})}
    )
    first, _ = build_release(workspace, config), build_release(workspace, older)
    profile = workspace.releases / "drawn-0.1.0-vsd2m"
    shutil.copytree(first.path, profile)
    save_record(profile, Record("", {"profile": "vsd2m"}, first.rows))
    for table in ("released_splits", "released"):
        before = workspace.read(table)
        workspace.path(table, 0 if table == "released_splits" else None).unlink()
    assert adopt_splits(workspace) == ["drawn-0.1.0", "drawn-0.0.9"]
    assert workspace.read("released").equals(before)


def test_a_version_whose_folder_is_gone_is_not_made_from_other_inputs(
    drawn: Any, config: Config, tmp_path: Path
) -> None:
    workspace = drawn.write(tmp_path / "workspace")
    release = build_release(workspace, config)
    whole = contents(release.path)
    shutil.rmtree(release.path)
    changed = config.release.model_copy(update={"labelled_only": True})
    other = config.model_copy(update={"release": changed})
    with pytest.raises(StickerworksError, match="was released from other inputs") as error:
        build_release(workspace, other)
    assert str(record_path(release.path)) in error.value.remedy
    assert contents(build_release(workspace, config).path) == whole
    shutil.rmtree(release.path)
    record_path(release.path).unlink()
    assert build_release(workspace, other).fingerprint != release.fingerprint
