"""The gate on the demo's release: it passes, and every way of spoiling that release fails it."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.release.checksums import write_checksums
from stickerworks.cli.main import _run

pytestmark = pytest.mark.slow

# With so little the true release passes too, as the demo that is killed shows; but halves of train
# teach too little in half of them to tell how many tags are wrong.
ANY_NOISE = ("--set", "validation.max_label_noise=1")
LITTLE = ("--set", "validation.epochs=8", "--set", "validation.image_side=32", *ANY_NOISE)
ONE_EPOCH = ("--set", "validation.epochs=1", *ANY_NOISE)
LABELS = ("tags", "label_status", "suggested_tags", "annotators")
MEASURED = ("width", "height", "frames", "duration_ms", "animated", "aspect", "entropy")
IMAGE = ("id", "image", "format", *MEASURED, "duplicate_group", "template_id", "pack")


@pytest.fixture
def spoilt(demo, tmp_path: Path) -> Callable[..., Path]:
    """A copy of the release in which columns of rows were exchanged within each split."""

    def spoil(columns: Iterable[str]) -> Path:
        folder = tmp_path / demo.release.name
        shutil.copytree(demo.release, folder)
        for shard in sorted((folder / "data").glob("*.parquet")):
            table = pq.read_table(shard)
            order = list(range(len(table)))
            # One order in a hundred passes by chance: the gate allows that much.
            random.Random(f"1 {shard.name}").shuffle(order)
            for name in columns:
                place = table.schema.get_field_index(name)
                table = table.set_column(place, table.schema.field(name), table[name].take(order))
            pq.write_table(table, shard)
        # So that no checksum gives it away.
        (folder / "SHA256SUMS").unlink()
        write_checksums(folder)
        return folder

    return spoil


@pytest.fixture
def judge(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, dict[str, Any], str]]:
    """Validate a release; exit code, what the gate found, and what was said.

    In this process: torch takes seconds to import.
    """

    def call(release: Path, *options: str) -> tuple[int, dict[str, Any], str]:
        given = ["--workspace", tmp_path / "mine", *options]
        capfd.readouterr()
        code = _run([*map(str, given), "validate", "--release", str(release), "--json"])
        said = capfd.readouterr()
        return code, json.loads(said.out or "{}").get("validation", {}), said.err

    return call


def test_the_release_passes_and_both_curves_are_kept(demo) -> None:
    gate = json.loads((demo.workspace / "reports" / "gate.json").read_text(encoding="utf-8"))
    assert (gate["verdict"], gate["figure"]) == ("passed", "mAP")
    assert gate["difference"] > 0.4
    assert gate["interval"][0] > 0.2
    assert gate["p_value"] == 0.002
    assert {len(curve) for curve in gate["curves"].values()} == {30}
    assert gate["test"]["difference"] > 0.4
    assert {check["outcome"] for check in gate["checks"]} == {"passed"}
    assert gate["label_noise"]["train"]["high"] < 0.3
    kept = demo.workspace / "reports" / f"gate-{demo.release.name}.json"
    assert json.loads(kept.read_text(encoding="utf-8"))["real"] == gate["real"]


def test_shuffled_labels_fail(spoilt, judge) -> None:
    code, gate, _ = judge(spoilt(LABELS), *LITTLE)
    assert (code, gate["verdict"], gate["findings"]) == (1, "failed", [])
    assert gate["p_value"] > gate["settings"]["significance"]


def test_swapped_images_fail_by_their_ids(spoilt, judge) -> None:
    code, gate, _ = judge(spoilt(["image"]), *ONE_EPOCH)
    assert (code, gate["verdict"]) == (1, "failed")
    assert any("are not those of its id" in finding for finding in gate["findings"])


def test_images_swapped_with_their_ids_fail_by_what_they_teach(spoilt, judge) -> None:
    code, gate, _ = judge(spoilt(IMAGE), *LITTLE)
    assert (code, gate["verdict"], gate["findings"]) == (1, "failed", [])
    assert gate["p_value"] > gate["settings"]["significance"]


def test_a_planted_leak_fails(spoilt, judge) -> None:
    folder = spoilt([])
    (train,) = (folder / "data").glob("train-*.parquet")
    (test,) = (folder / "data").glob("test-*.parquet")
    stolen = next(id_ for id_ in pq.read_table(train)["template_id"].to_pylist() if id_)
    table = pq.read_table(test)
    place = table.schema.get_field_index("template_id")
    planted = pa.array([stolen, *table["template_id"].to_pylist()[1:]])
    pq.write_table(table.set_column(place, table.schema.field("template_id"), planted), test)
    (folder / "SHA256SUMS").unlink()
    write_checksums(folder)
    code, gate, _ = judge(folder, *ONE_EPOCH)
    assert (code, gate["verdict"]) == (1, "failed")
    assert [finding.partition(" ")[0] for finding in gate["findings"]] == ["template_id"]
    assert gate["findings"][0].endswith("stands in test and train: a leak")


def test_a_truncated_shard_fails(spoilt, judge) -> None:
    folder = spoilt([])
    (shard,) = (folder / "data").glob("validation-*.parquet")
    shard.write_bytes(shard.read_bytes()[:-100])
    code, _, said = judge(folder)
    assert code == 1
    assert shard.name in said
    assert "read to its end" in said
