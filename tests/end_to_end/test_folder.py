"""A folder of one's own: odd names, a manifest, files that are no stickers, a disk that fills."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hostile_files import EXIF
from PIL import Image

from pipeline.demo.expected import read_expected
from pipeline.engine.workspace import Workspace

pytestmark = pytest.mark.slow

HAPPY = "001Happy_\U0001f469\u200d\U0001f52c开心\U0001f604BQB"  # a joiner within the emoji

EACH = 7
"""Stickers of each concept: reading their text takes the longest."""


@pytest.fixture
def folder(demo, tmp_path):
    """Stickers of three concepts in folders with odd names, and what else lies in such folders."""
    root = tmp_path / "my stickers"
    drawn = [row for row in read_expected(demo.workspace / "site" / "expected.jsonl") if row.sha256]
    ordinary = [row for row in drawn if row.expected == "kept" and len(row.tags) == 1]
    concepts = [tag for (tag,), _ in Counter(row.tags for row in ordinary).most_common(3)]
    names = dict(zip(concepts, [HAPPY, "#2 100% {cats}?", "晚安"], strict=True))
    for row in ordinary:
        if row.tags[0] in names:
            target = root / names[row.tags[0]]
            target.mkdir(parents=True, exist_ok=True)
            if len(list(target.iterdir())) == EACH:
                continue
            shutil.copy(demo.workspace / "site" / row.path, target)
    bomb = next(row for row in drawn if row.why == "too_large")
    shutil.copy(demo.workspace / "site" / bomb.path, root / HAPPY / "bomb.png")
    (root / HAPPY / "notes.txt").write_text("no sticker")
    (root / HAPPY / ".DS_Store").write_bytes(b"hidden")
    for kind, name in (("gif", "GIF"), ("webp", "WEBP"), ("png", "PNG")):
        data = noise(name, frames=6, duration=100)
        (root / HAPPY / f"cut.{kind}").write_bytes(data[: len(data) * 6 // 10])
    (root / HAPPY / "broken exif.png").write_bytes(noise("PNG", exif=EXIF["no byte order"]))
    (root / HAPPY / "odd exif.jpg").write_bytes(noise("JPEG", exif=EXIF["cut entry"]))
    return root


def noise(kind: str, frames: int = 1, **options: object) -> bytes:
    rng = np.random.default_rng(len(kind) + 10 * frames)
    drawn = [Image.fromarray(rng.integers(0, 256, (70, 70, 3), np.uint8)) for _ in range(frames)]
    out = io.BytesIO()
    more = {"save_all": True, "append_images": drawn[1:]} if frames > 1 else {}
    drawn[0].save(out, kind, **more, **options)
    return out.getvalue()


def test_a_folder_becomes_a_release_and_nothing_is_lost(folder, tmp_path, run):
    workspace = Workspace(tmp_path / "workspace")
    answer = run("run", folder, "--workspace", workspace.root, "--json")
    assert_not_judged(answer)
    assert "Load it:" in answer.stderr, "it ends like any other run"
    assert_not_judged(run("--workspace", workspace.root, "validate", "--json"))
    result = json.loads(answer.stdout)
    files = [p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")]
    distinct = {hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    decisions = result["decisions"]
    assert decisions["kept"] + decisions["dropped"] + decisions["failed"] == decisions["read"]
    assert decisions["read"] == len(distinct) - 1  # all but the notes
    unfetched = workspace.read("unfetched")["error_class"].to_pylist()
    assert sorted(unfetched) == ["hidden", "not_media"]
    assert decisions["failed"] == 1
    queries = set(workspace.read("observations")["query"].to_pylist())
    assert {"晚安", "#2 100% {cats}?"} <= queries
    assert any(query.startswith("开心") or "开心" in query for query in queries - {None})
    assert result["release"]["path"].endswith("my_stickers-0.1.0")
    assert sum(result["release"]["rows"].values()) == decisions["kept"]
    assert not workspace.media.exists(), "files of a folder are not copied"
    page = (workspace.reports / "index.html").read_text(encoding="utf-8")
    assert f"kept {decisions['kept']}" in page
    assert set(workspace.read("labels")["status"].to_pylist()) == {"dropped", "unlabelled"}
    assert decisions["rules"] == {"decode": 1, "truncated": 3, "refused": 2}
    assert "Warning" not in answer.stderr, "Pillow remarks on the odd EXIF block"
    check_that_every_picture_loads(Path(result["release"]["path"]), tmp_path / "cache")
    # The workspace knows what it was made from: later commands need its name alone.
    again = run("--workspace", workspace.root, "release", "--json")
    assert json.loads(again.stdout)["release"] == result["release"]


def check_that_every_picture_loads(release: Path, cache: Path) -> None:
    from datasets import load_dataset

    for split in load_dataset(str(release), cache_dir=str(cache)).values():
        for row in split:
            for frame in range(row["frames"]):
                row["image"].seek(frame)
                row["image"].load()


def test_a_workspace_in_use_is_refused_and_left_alone(folder, tmp_path, run):
    workspace = Workspace(tmp_path / "workspace")
    with workspace.lock("filter"):
        answer = run("run", folder, "--workspace", workspace.root)
    assert answer.returncode == 1
    assert answer.stderr.count("\n") == 1
    assert "in use by `stickerworks filter`" in answer.stderr
    assert not workspace.tables.exists()


def test_a_disk_that_fills_loses_nothing(folder, tmp_path, run):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small tmpfs needs root")
    try:
        # Down to the last byte, which others may take at any time.
        settings = ("--set", "validation.epochs=1", "--set", "engine.min_free_mb=0")
        arguments = ("run", folder, "--workspace", disk / "w", *settings)
        answer = run(*arguments)
        assert answer.returncode == 1, answer.stderr
        assert "The disk is full" in answer.stderr.splitlines()[-1]
        assert "Traceback" not in answer.stderr
        assert unreadable(disk / "w") == []
        subprocess.run(["mount", "-o", "remount,size=200m", str(disk)], check=True)
        assert_not_judged(run(*arguments, "--json"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def assert_not_judged(answer) -> None:
    """So few validation rows prove nothing: the release is whole, and both commands say so."""
    assert answer.returncode == 1, answer.stderr
    told = json.loads(answer.stdout)
    assert (told["validation"]["verdict"], told["exit_code"]) == ("not judged", 1)
    assert "8 are needed" in answer.stderr
    assert "only a release that was judged and passed ends with exit code 0" in answer.stderr
    assert "error" not in answer.stderr


def unreadable(workspace: Path) -> list[Path]:
    """Table files under their final name that are not whole."""
    from pipeline.engine.storage import read_proof

    return [path for path in workspace.rglob("part-*.parquet") if read_proof(path) is None]
