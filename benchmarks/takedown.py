"""Whether a takedown reaches everything: planted stickers, their copies, and template siblings.

    python benchmarks/takedown.py ../shared/real-stickers [--stickers 50] [--folder DIR]
        [--scale 1000000]

Real stickers are planted with eight copies each (JPEG, half size, mirror, border, crop, few
colours, WebP, another speed or size) and two siblings that share the picture under another caption,
among others. A workspace is made of them by the commands, with report and release; then the
originals are taken down, by hash, by a picture and by author. Every file is searched for what went:
bytes of files and key frames, ids, and words of their titles and addresses, in databases and within
Parquet pages. With --folder the workspace is kept and used again. ``--scale`` takes 50 stickers out
of synthetic tables of that many, and compares two releases of as many rows. The last line is one
JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.planting.captions import captioned, texts
from benchmarks.planting.motion import twice_as_fast
from benchmarks.planting.pictures import as_jpeg, bordered, cropped, few_colours, mirrored, scaled
from benchmarks.planting.stickers import Opened, RealSticker, encoded, opened, real_stickers
from pipeline.engine.workspace import Workspace

_LEAST_SIDE, _MOST_FRAMES = 100, 30
_OTHERS = 60
_WORD = "zqplanted"
"""Stands in all names of what is planted, and of nothing else."""
_RARE = "龘靐"
"""Begins the titles of the originals: three characters each, as short as Chinese ones are."""


@dataclass(frozen=True)
class Plants:
    """Files by what they are: originals, their copies by kind, and siblings; and other stickers."""

    originals: list[Path]
    copies: dict[str, list[Path]]
    siblings: list[Path]


def main() -> None:
    """Plant, take down, search, crawl again, clean a copy; print a table and the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stickers_folder", type=Path)
    parser.add_argument("--stickers", type=int, default=50)
    parser.add_argument("--folder", type=Path, help="where to work, and keep the workspace")
    parser.add_argument("--scale", type=int, default=0, help="rows of synthetic tables")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        figures = _reach(folder, asked) if asked.stickers else {}
        if asked.scale:
            from synthetic.taken_down import at_scale

            figures |= at_scale(folder / "scale", asked.scale)
    print(json.dumps({"benchmark": "takedown", "figures": figures}))


def _reach(folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    plants = _plant(asked.stickers_folder, folder / "stickers", asked.stickers)
    made, root = folder / "made", folder / "workspace"
    if not made.exists():
        _make(made, folder / "stickers")
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(made, root)
    cache = folder / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    (cache / "frames").mkdir(parents=True)
    (cache / "frames" / "old.arrow").write_bytes(plants.originals[0].read_bytes())
    old_copy = folder / "old-copy"
    shutil.rmtree(old_copy, ignore_errors=True)
    shutil.copytree(next(root.glob("releases/*-*")), old_copy)
    gone = _ids([*plants.originals, *(path for some in plants.copies.values() for path in some)])
    marks = _marks(root, gone)
    stale = _out_of_date(root)
    took = _take_down(root, plants)
    left = _recall(root, plants)
    found = _search(root, {i: m for i, m in marks.items() if i not in left["missed"]}, cache)
    print(f"{left['found']} of {left['planted']} planted files are gone; left {left['by_kind']}")
    for name in found:
        print(f"still found: {name}")
    again = _crawl_again(root, gone - left["missed"])
    cleaned = _clean_copy(root, old_copy, marks, left["missed"])
    return {
        "planted": left["planted"],
        "gone": left["found"],
        "recall_by_kind": left["by_kind"],
        "siblings": len(plants.siblings),
        "siblings_lost": left["siblings_lost"],
        "others_lost": left["others_lost"],
        "artefacts_with_traces": len(found),
        "seconds": took,
        "out_of_date_by_it": _out_of_date(root) - stale,
        **again,
        **cleaned,
    }


def _plant(source: Path, target: Path, count: int) -> Plants:
    """Write the planted files, each under a name that nothing else has."""
    shutil.rmtree(target, ignore_errors=True)
    plants, others = Plants([], {}, []), 0
    stickers = sorted(real_stickers(source), key=lambda one: one.id)
    for sticker in stickers:
        found = opened(sticker.path)
        fits = len(found.frames) <= _MOST_FRAMES and min(found.frames[0].size) >= _LEAST_SIDE
        if fits and len(plants.originals) < count:
            _plant_one(sticker, found, target, len(plants.originals), plants)
        elif others < _OTHERS:
            others += 1
            path = target / "others" / f"other{others:03}{sticker.path.suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(sticker.path, path)
    titles = {path: f"{_RARE}{chr(0x4E00 + n)}" for n, path in enumerate(plants.originals)}
    lines = [
        {
            "path": path.relative_to(target).as_posix(),
            "origin": f"https://site.example/{path.stem}",
            "author": f"{_WORD}-author" if path in plants.originals[-5:] else None,
            "title": titles.get(path),
        }
        for path in [*plants.originals, *(p for some in plants.copies.values() for p in some)]
    ]
    rows = ({k: v for k, v in line.items() if v is not None} for line in lines)
    (target / "manifest.jsonl").write_text("".join(f"{json.dumps(r)}\n" for r in rows), "utf-8")
    return plants


def _plant_one(
    sticker: RealSticker, found: Opened, target: Path, number: int, plants: Plants
) -> None:
    chance = Random(sticker.id)
    kind = "png" if sticker.path.suffix == ".png" else "jpeg"
    moving = len(found.frames) > 1
    play = Opened(found.frames, twice_as_fast(chance, found.play))
    made = {
        "JPEG 60": encoded(found, as_jpeg(chance), "jpeg"),
        "half size": encoded(found, scaled(chance, 0.5), "png"),
        "mirror": encoded(found, mirrored(chance), "png"),
        "border 8%": encoded(found, bordered(chance, 0.08), "png"),
        "crop 5%": encoded(found, cropped(chance, 0.05), kind),
        "24 colours": encoded(found, few_colours(chance), "png"),
        "WebP": _webp(found),
        "speed or size": encoded(play, lambda frame: frame, "png")
        if moving
        else encoded(found, scaled(chance, 2), "jpeg"),
    }
    folder = target / f"set{number:03}"
    folder.mkdir(parents=True)
    original = folder / f"{_WORD}{number:03}original{sticker.path.suffix}"
    shutil.copyfile(sticker.path, original)
    plants.originals.append(original)
    for place, (name, data) in enumerate(made.items()):
        path = folder / f"{_WORD}{number:03}copy{place}{_suffix(data)}"
        path.write_bytes(data)
        plants.copies.setdefault(name, []).append(path)
    for place, text in enumerate(texts(chance, chance.randint(4, 10))):
        data = encoded(found, captioned(chance, text, place), "png")
        path = folder / f"sibling{number:03}x{place}{_suffix(data)}"
        path.write_bytes(data)
        plants.siblings.append(path)


def _webp(found: Opened) -> bytes:
    out = io.BytesIO()
    durations = [duration for _, duration in found.play]
    first, *rest = (found.frames[index] for index, _ in found.play)
    first.save(out, "WEBP", save_all=True, append_images=rest, duration=durations, quality=80)
    return out.getvalue()


def _suffix(data: bytes) -> str:
    kinds = {b"GIF8": ".gif", b"\x89PNG": ".png", b"RIFF": ".webp"}
    return kinds.get(data[:4], ".jpg")


def _make(root: Path, stickers: Path) -> None:
    """The commands' way from files to a release and a report."""
    temporary = root.with_name("making")
    shutil.rmtree(temporary, ignore_errors=True)
    setting = json.dumps([{"source": "folder", "options": {"path": str(stickers)}}])
    sources = (f"--set=crawl.sources={setting}", "--set=crawl.shard_rows=200")
    _command(temporary, "crawl", *sources, "--keep")
    for name in ("filter", "tags", "annotate", "split", "release", "report"):
        _command(temporary, name)
    temporary.rename(root)


def _command(root: Path, *words: str) -> str:
    line = [sys.executable, "-m", "stickerworks", *words, "--workspace", str(root)]
    environment = {**os.environ, "STICKERWORKS_CACHE": str(root.parent / "cache")}
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=environment)
    if done.returncode not in (0, 3):
        raise SystemExit(f"{' '.join(words)} failed: {done.stderr}")
    return done.stdout + done.stderr


def _take_down(root: Path, plants: Plants) -> float:
    """By hash, by pictures that people sent, and by author."""
    originals = plants.originals
    half = len(originals) // 2
    hashes = [f"--sha256={id_}" for id_ in sorted(_ids(originals[:half]))]
    pictures = [f"--picture={path}" for path in originals[half:-5]]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = _command(
        root, "release", "takedown", *hashes, *pictures, f"--author={_WORD}-AUTHOR",
        "--reason=asked for",
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(told, flush=True)
    return round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1)


def _ids(paths: list[Path]) -> set[str]:
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def _marks(root: Path, gone: set[str]) -> dict[str, list[bytes]]:
    """What files are searched for, by id: bytes of the file and of key frames, id, and words."""
    workspace, marks = Workspace(root), {}
    rows = workspace.read("frames", columns=["id", "key_frames"]).to_pylist()
    frames = {row["id"]: [frame["jpeg"] for frame in row["key_frames"] or ()] for row in rows}
    words: dict[str, list[bytes]] = {}
    for row in workspace.read("observations").to_pylist():
        said = (row["title"], row["source_id"], row["page_url"], row["media_url"])
        words.setdefault(row["id"], []).extend(text.encode() for text in said if text)
    for row in workspace.read("media", columns=["id", "path"]).to_pylist():
        if row["id"] in gone:
            data = Path(row["path"]).read_bytes()
            pictures = [data, *frames.get(row["id"], [])]
            marks[row["id"]] = [*pictures, row["id"].encode(), *words.get(row["id"], [])]
    return marks


def _recall(root: Path, plants: Plants) -> dict[str, Any]:
    there = set(Workspace(root).read("stickers", columns=["id"])["id"].to_pylist())
    every = {"original": plants.originals, **plants.copies}
    missed = {name: _ids(paths) & there for name, paths in every.items()}
    planted = sum(len(_ids(paths)) for paths in every.values())
    all_missed = set().union(*missed.values())
    others = plants.originals[0].parent.parent / "others"
    return {
        "planted": planted,
        "found": planted - len(all_missed),
        "missed": all_missed,
        "by_kind": {name: len(ids) for name, ids in missed.items() if ids},
        "siblings_lost": len(_ids(plants.siblings) - there),
        "others_lost": len(_ids(sorted(others.iterdir())) - there),
    }


def _search(root: Path, marks: dict[str, list[bytes]], cache: Path) -> list[str]:
    """Files in which anything is found; tombstones and lists of hashes hold ids alone, and may."""
    patterns = {pattern: id_ for id_, some in marks.items() for pattern in some}
    traces = []
    for path in sorted([*root.rglob("*"), *cache.rglob("*")]):
        if not path.is_file() or path.is_symlink():
            continue
        allowed = path.name in ("tombstones.parquet", "taken_down.csv")
        content = b"\n".join(_contents(path))
        for pattern, id_ in patterns.items():
            if pattern in content and not (allowed and pattern == id_.encode()):
                traces.append(f"{path.relative_to(root.parent)}: {pattern[:40]!r}")
                break
    return traces


def _contents(path: Path) -> Iterator[bytes]:
    yield path.read_bytes()
    if path.suffix == ".parquet":
        table = pq.read_table(path, partitioning=None)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        yield sink.getvalue().to_pybytes()
    elif path.suffix == ".sqlite":
        with sqlite3.connect(path) as connection:
            yield "\n".join(connection.iterdump()).encode()


def _out_of_date(root: Path) -> int:
    told = _command(root, "update", "--dry-run", "--set=engine.workers=1")
    return told.count("would run over")


def _crawl_again(root: Path, gone: set[str]) -> dict[str, Any]:
    before = set(Workspace(root).read("stickers", columns=["id"])["id"].to_pylist())
    _command(root, "crawl")
    after = set(Workspace(root).read("stickers", columns=["id"])["id"].to_pylist())
    return {"crawled_again": len(after & gone), "lost_by_crawl": len(before - after)}


def _clean_copy(
    root: Path, copy: Path, marks: dict[str, list[bytes]], missed: set[str]
) -> dict[str, Any]:
    cleaner = root.parent / "cleaner.py"
    _command(root, "release", "takedown", f"--export={cleaner}")
    began = time.perf_counter()
    line = [sys.executable, "-I", str(cleaner), str(copy), "--apply"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(done.stderr)
    told = _command(root, "release", "verify", str(copy))
    found = _search(copy, {i: m for i, m in marks.items() if i not in missed}, copy / "none")
    return {
        "copy_traces": len(found),
        "copy_is_sound": "sound" in told,
        "cleaner_bytes": cleaner.stat().st_size,
        "cleaner_seconds": round(seconds, 1),
    }


if __name__ == "__main__":
    main()
