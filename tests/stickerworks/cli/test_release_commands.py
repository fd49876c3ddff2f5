"""Indexes, checks, fetches and pushes as people give them."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageDraw
from square_release import write_squares

from pipeline.engine.workspace import Workspace
from pipeline.release.checksums import write_checksums
from stickerworks.cli.main import _run


def draw(path: Path, seed: int, size: int = 128) -> None:
    dice = random.Random(seed)
    picture = Image.new("RGB", (256, 256), "white")
    pen = ImageDraw.Draw(picture)
    for _ in range(12):
        x, y = dice.randrange(200), dice.randrange(200)
        box = (x, y, x + dice.randrange(20, 120), y + dice.randrange(20, 120))
        pen.rectangle(box, fill=tuple(dice.randrange(256) for _ in range(3)))
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.resize((size, size)).save(path)


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def program(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = _run([*words, "--workspace", str(tmp_path / "workspace")])
        said = capsys.readouterr()
        return code, said.out, said.err

    return program


def test_an_index_finds_a_copy_and_the_exit_code_says_so(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    for seed in range(4):
        draw(tmp_path / "theirs" / f"{seed}.png", seed)
    draw(tmp_path / "ours" / "copy.jpg", 2, size=90)
    draw(tmp_path / "ours" / "other.png", 99)
    index = str(tmp_path / "theirs.parquet")
    code, *_ = run("release", "index", "--images", str(tmp_path / "theirs"), "--output", index)
    assert code == 0
    check = ("release", "check", "--against", index, "--images", str(tmp_path / "ours"), "--json")
    code, out, _ = run(*check)
    (found,) = json.loads(out)["check"]["against"]
    assert (code, found["checked"], found["copies"], found["share"]) == (1, 2, 1, 0.5)
    assert run(*check, "--most", "0.5")[0] == 0
    assert not (tmp_path / "workspace").exists()


def test_what_is_no_index_is_one_line(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1 and nothing PAR1")
    code, _, err = run(
        "release", "check", "--against", str(tmp_path / "x.parquet"), "--images", str(tmp_path)
    )
    assert code == 1
    assert "x.parquet can't be read" in err
    assert "Traceback" not in err


def test_an_unsound_release_is_not_pushed(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    write_squares(tmp_path / "bad", {"red": "red"}, {"train": (10, 2)})
    code, _, err = run("release", "push", str(tmp_path / "bad"), "--repo", "me/bad", "--force")
    assert code == 1
    assert "is not sound" in err


def test_a_release_that_failed_its_gate_is_refused(program: Callable[..., Any], made: Path) -> None:
    assert program("release").code == 0
    push = ("release", "push", "--repo", "me/good", "--dry-run")
    assert "has given no verdict" in program(*push).said
    (folder,) = (path for path in (made / "releases").iterdir() if path.name[0] != ".")
    reports = made / "reports"
    reports.mkdir(exist_ok=True)
    ours = hashlib.sha256((folder / "SHA256SUMS").read_bytes()).hexdigest()
    passed, failed = f"gate-{folder.name}.json", f"failed-gate-{folder.name}.json"

    def keep(name: str, verdict: str, digest: str | None = ours) -> None:
        said = {"verdict": verdict, "release": folder.name, "sha256sums": digest}
        (reports / name).write_text(json.dumps(said), encoding="utf-8")

    keep(passed, "passed", None)
    keep("gate.json", "passed", "0" * 64)
    assert "has given no verdict" in program(*push).said, "they are of other bytes"
    keep(passed, "passed")
    assert program(*push).said.count("note") == 0
    keep(failed, "failed")
    assert program(*push).code == 1, "after others were judged"
    keep("gate.json", "passed")
    assert program(*push).code == 0
    keep("gate.json", "failed")
    assert program(*push).code == 1
    assert program(*push, "--force").code == 0


def test_fetch_refuses_what_is_no_release(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    code, _, err = run("release", "fetch", str(tmp_path), "--output", str(tmp_path / "out"))
    assert code == 1
    assert "There is no release at" in err


def test_no_release_is_handed_out_while_a_command_works_on_it(
    program: Callable[..., Any], made: Path, tmp_path: Path
) -> None:
    assert program("release").code == 0
    with Workspace(made).lock("release takedown"):
        for words in (("push", "--repo", "me/x"), ("export", "ser30k")):
            refused = program("release", *words)
            assert (refused.code, "is in use by" in refused.said) == (1, True), words
        assert program("status").code == 0


def test_fetch_leaves_out_what_the_takedown_list_names(
    program: Callable[..., Any], made: Path, tmp_path: Path
) -> None:
    assert program("release").code == 0
    (folder,) = (path for path in (made / "releases").iterdir() if path.name[0] != ".")
    shard = next((folder / "data").glob("train-*.parquet"))
    rows = pq.read_table(shard)
    bare = rows["image"].to_pylist()
    bare[0] = None
    field = rows.schema.field("image")
    place = rows.schema.get_field_index("image")
    pq.write_table(rows.set_column(place, field, pa.array(bare, field.type)), shard)
    write_checksums(folder)
    listed = tmp_path / "list.csv"
    listed.write_text(f"kind,value\nsha256,{rows['id'][0]}\n", encoding="utf-8")
    for given, cause in (((), "no address"), (("--set", f"crawl.takedown={listed}"), "taken down")):
        target = str(tmp_path / cause)
        answer = program("release", "fetch", str(folder), "--output", target, "--json", *given)
        (loss,) = json.loads(answer.out)["fetch"]["losses"]
        assert (answer.code, loss["cause"], loss["rows"]) == (3, cause, 1)
