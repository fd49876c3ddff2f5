"""`validate`: one list of what passed, what to look at and what failed."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.engine.checks import Check
from pipeline.release.checksums import write_checksums
from pipeline.release.looking.checks import BARE
from stickerworks.cli.judging import _verdict

Judge = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture
def release(made: Path, program: Any) -> Path:
    """A release of the finished workspace."""
    assert program("release").code == 0
    (folder,) = (made / "releases").glob("*-0.1.0")
    return folder


@pytest.fixture
def bare(release: Path) -> Path:
    """The same without images, as where its sources forbid to pass them on."""
    for shard in (release / "data").glob("*.parquet"):
        rows = pq.read_table(shard)
        field = rows.schema.field("image")
        place = rows.schema.get_field_index("image")
        pq.write_table(rows.set_column(place, field, pa.nulls(len(rows), field.type)), shard)
    (release / "SHA256SUMS").unlink()
    write_checksums(release)
    return release


@pytest.fixture
def judge(program: Any) -> Judge:
    """Validate; exit code, outcome of each check, and what was said."""

    def call(*arguments: str) -> tuple[int, dict[str, Any], str]:
        answer = program("validate", *arguments, "--json")
        found = json.loads(answer.out)["validation"]
        return answer.code, {check["name"]: check for check in found["checks"]}, answer.said

    return call


def test_a_release_without_images_is_looked_at_in_its_workspace(
    made: Path, bare: Path, judge: Judge
) -> None:
    rows = pq.read_table(bare / "data")
    code, checks, said = judge()
    assert code == 1, "eight stickers are too few to judge"
    assert f"{len(rows)} files of rows without images were read from the workspace" in said
    for name in ("files", "decoding", "blank pictures", "columns", "copies across splits"):
        assert checks[name]["outcome"] == "passed", checks[name]
    assert checks["labels teach"]["outcome"] == "not judged"
    assert "rows without image" not in checks
    assert not list((made / "scratch").glob("gate-*")), "nothing is left behind"
    lines = [line.split()[0] for line in said.splitlines() if line.startswith("  ")]
    assert lines.index("not") < lines.index("passed")
    kept = json.loads((made / "reports" / "gate.json").read_text(encoding="utf-8"))
    assert [check["name"] for check in kept["checks"]] == list(checks)
    assert not list((made / "reports").glob("gate-*.json")), "it did not pass"


def test_elsewhere_its_pictures_are_not_judged(
    bare: Path, judge: Judge, made: Path, tmp_path: Path
) -> None:
    moved = shutil.copytree(bare, tmp_path / bare.name)
    shutil.rmtree(made)
    code, checks, said = judge("--release", str(moved))
    assert code == 1
    assert checks["rows without image"]["outcome"] == "not judged"
    assert "pictures were not judged" in said


def test_a_release_of_which_little_was_seen_does_not_pass() -> None:
    from pipeline.training.gate import GateResult  # torch takes seconds

    taught = GateResult(
        *("passed", True, (), "r-0.1.0", "tiny", {}, 0.05, {}, {}, (), (), (), ()),
    )
    unseen = Check(BARE, "not judged", "90", "", "90 of 100 train rows carry no image")
    told = _verdict(taught, [unseen], [])
    assert (told["verdict"], told["passed"], told["reasons"]) == (
        "not judged",
        False,
        [unseen.reason],
    )
    assert _verdict(taught, [Check(BARE, "warned", "9")], [])["passed"]
    assert _verdict(taught, [unseen], ["rows are gone"])["verdict"] == "failed"


def test_what_is_gone_since_the_release_before_fails(release: Path, judge: Judge) -> None:
    (shard,) = (release / "data").glob("train-*.parquet")
    newer = shutil.copytree(release, release.with_name(release.name.replace("0.1.0", "0.2.0")))
    rows = pq.read_table(shard)
    for path in (newer / "data").glob("train-*.parquet"):
        pq.write_table(rows.slice(0, len(rows) // 2), path)
    code, checks, said = judge("--release", str(newer))
    name = f"rows beside {release.name}"
    assert (code, checks[name]["outcome"]) == (1, "failed")
    assert checks[f"tags beside {release.name}"]["outcome"] in ("passed", "failed")
    assert checks[name]["reason"] in said
    assert checks["files"]["outcome"] == "failed", "checksums differ"
    pq.write_table(pa.concat_tables([rows, rows]), shard)
    code, checks, _ = judge("--release", str(release), "--before", str(newer))
    assert checks[f"rows beside {newer.name}"]["outcome"] == "passed"


def test_a_release_before_that_is_none_is_one_line(release: Path, program: Any) -> None:
    for other, words in ((release.parent, "There is no release at"), (release, "is the release")):
        answer = program("validate", "--before", str(other))
        assert answer.code == 1
        assert words in answer.said
        assert "Traceback" not in answer.said


def test_a_failure_takes_away_the_pass_of_the_same_bytes_alone(
    made: Path, release: Path, judge: Judge
) -> None:
    ours = hashlib.sha256((release / "SHA256SUMS").read_bytes()).hexdigest()
    passed = made / "reports" / f"gate-{release.name}.json"
    passed.parent.mkdir(exist_ok=True)
    (release / "README.md").write_text("not as it was", encoding="utf-8")
    for digest, stays in (("0" * 64, True), (ours, False)):
        passed.write_text(json.dumps({"verdict": "passed", "sha256sums": digest}), encoding="utf-8")
        code, *_ = judge()
        assert (code, passed.exists()) == (1, stays)
    kept = json.loads((passed.parent / f"failed-{passed.name}").read_text(encoding="utf-8"))
    assert (kept["verdict"], kept["sha256sums"]) == ("failed", ours)
