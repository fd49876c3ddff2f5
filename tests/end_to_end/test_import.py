"""SER30K, MET-MEME and Sticker820K: imported, through every stage, released, and learnt from."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from command_line import stickerworks
from emotion_sets import write_met_meme, write_ser30k
from image_tables import picture
from openai_server import OpenaiServer
from sticker820k_files import write_sticker820k

from pipeline.datasets.met_meme import EMOTIONS, MetMemeRow
from pipeline.datasets.ser30k import EMOTIONS as SER_EMOTIONS
from pipeline.datasets.ser30k import Ser30kRow, Split
from pipeline.engine.workspace import Workspace
from pipeline.training.examples import Dataset
from pipeline.training.runs import TrainRequest, open_run, train_run
from pipeline.training.trainer import evaluate

pytestmark = pytest.mark.slow

VIEWS = ("intention", "overall_style", "main_role", "character_details")
SIZES: dict[Split, int] = {"train": 8, "val": 3, "test": 3}
NAMES = {"train": "train", "val": "validation", "test": "test"}


def ser30k(root: Path) -> dict[str, tuple[str, int]]:
    """Write a SER30K; the split and label of each image."""
    rows: dict[Split, list[Ser30kRow]] = {}
    said, number = {}, 0
    for split, count in SIZES.items():
        rows[split] = []
        for _ in range(count):
            label = 1 + number % 2
            row = Ser30kRow("0-熊", f"{number}.png", f"text {number}", (label,) * 3, label)
            (root / row.image).parent.mkdir(parents=True, exist_ok=True)
            (root / row.image).write_bytes(picture(number))
            said[row.image] = (NAMES[split], label)
            rows[split].append(row)
            number += 1
    write_ser30k(root, rows)
    return said


def met_meme(root: Path) -> None:
    (root / "Eimages").mkdir(parents=True)
    rows = [MetMemeRow(f"image_ ({n}).png", 1 + n) for n in range(3)]
    for n, row in enumerate(rows):
        (root / "Eimages" / row.file_name).write_bytes(picture(100 + n))
    write_met_meme(root / "label_E.csv", rows, root / "E_text.csv", {rows[0].file_name: "笑"})


def sticker820k(root: Path) -> None:
    infos = {
        f"{n}.png": {"caption": f"一只猫 {n}", "emotion_class": "joy", "emotion_label": "开心"}
        for n in range(2)
    }
    images = {name: picture(200 + n) for n, name in enumerate(infos)}
    write_sticker820k(root, infos, images, train=["0.png"], valid=["1.png"])


@dataclass(frozen=True)
class Made:
    """What the commands made: their workspace, the release's rows by id, and SER30K's labels."""

    workspace: Workspace
    release: Path
    rows: dict[str, dict[str, Any]]
    ser30k: dict[str, tuple[str, int]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("imports")
    workspace = Workspace(folder / "w")
    said = ser30k(folder / "ser")
    met_meme(folder / "met")
    sticker820k(folder / "s820")

    def run(*arguments: object) -> None:
        answer = stickerworks(*arguments, "--workspace", workspace.root, cwd=folder)
        assert answer.returncode == 0, answer.stderr

    given = ["--licence", "research only", "--redistribute"]
    for name, place in (("ser30k", "ser"), ("met_meme", "met"), ("sticker820k", "s820")):
        run("import", name, folder / place, *given)
    run("filter", "--set", "engine.workers=1")
    with OpenaiServer({}, folder) as server:
        asked = {"base_url": server.url, "model": "replica-vl", "revision": "r1"}
        settings = {"annotate.captioner": "openai", "annotate.options": json.dumps(asked),
                    "annotate.prompts": "[mghft]", "engine.workers": "1"}  # fmt: skip
        changes = [word for pair in settings.items() for word in ("--set", "=".join(pair))]
        run("annotate", *changes)
        for command in ("merge", "split", "release"):
            run(command, *changes)
    release = workspace.releases / "stickers-0.1.0"
    files = sorted((release / "data").glob("*.parquet"))
    rows = [
        {**row, "split": file.name.partition("-")[0]}
        for file in files
        for row in pq.read_table(file).to_pylist()
    ]
    return Made(workspace, release, {row["id"]: row for row in rows}, said)


def test_every_row_comes_out_with_its_label_split_and_own_words(made: Made) -> None:
    found = [(row, json.loads(row["imported"])) for row in made.rows.values()]
    sets = Counter(said["dataset"] for _, said in found)
    assert sets == {"ser30k": 14, "met_meme": 3, "sticker820k": 2}
    assert {row["label_status"] for row, _ in found} == {"effective"}
    assert {row["label_provenance"] for row, _ in found} == {"imported"}
    for row, said in found:
        if said["dataset"] == "ser30k":
            split, label = made.ser30k[said["name"]]
            assert (said["split"], row["split"]) == (split, split)
            assert row["tags"] == [row["emotion"]] == [SER_EMOTIONS[label]]
            assert said["record"]["anno"] == label
        if said["dataset"] == "met_meme":
            assert row["tags"] == [EMOTIONS[int(said["record"]["sentiment category"][0])]]
        if said["dataset"] == "sticker820k":
            assert (row["tags"], row["split"]) == (["开心"], said["split"])
            assert row["caption_zh"] == said["record"]["caption"]
            assert row["captioner"] == "imported"
        assert row["image"]["bytes"] is not None
        assert (row["licence"], row["licence_basis"]) == ("research only", "site")


def test_the_views_of_mghft_are_asked_for_what_ser30k_doesnt_say(made: Made) -> None:
    for row in made.rows.values():
        assert [view for view in VIEWS if not row[view]] == []
        assert "replica-vl@r1 mghft/" in " ".join(row["written_by"])


def test_mghft_learns_its_emotions_from_the_release(made: Made, tmp_path: Path) -> None:
    lines: list[str] = []
    request = TrainRequest("mghft", made.release, tmp_path / "run", epochs=1,
                           changes={"batch_size": "4"})  # fmt: skip
    train_run(request, lines.append, lambda *done: None)
    baseline, recipe, trained = open_run(tmp_path / "run")
    assert {"anger", "disgust"} <= set(recipe.facts["tags"])
    found = evaluate(baseline, trained, Dataset(made.release), "test")
    assert found.figures["rows"] >= SIZES["test"]
    assert np.isfinite(found.figures["accuracy"])


def test_importing_again_brings_nothing_and_changes_no_row(made: Made) -> None:
    folder = made.workspace.root.parent
    before = {
        name: made.workspace.digest(name, 0) for name in ("observations", "stickers", "media")
    }
    for name, place in (("ser30k", "ser"), ("met_meme", "met"), ("sticker820k", "s820")):
        answer = stickerworks(
            "import", name, folder / place, "--licence", "research only", "--redistribute",
            "--json", "--workspace", made.workspace.root, cwd=folder,
        )  # fmt: skip
        said = json.loads(answer.stdout)
        assert (answer.returncode, said["import"]["new_stickers"]) == (0, 0)
        assert {"filter", "merge"}.isdisjoint(said["out_of_date"])
    assert {name: made.workspace.digest(name, 0) for name in before} == before
