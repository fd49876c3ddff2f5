"""Training from labels to a folder that the stage takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from annotation.machine.domain import DOMAIN
from annotation.machine.efficientnet import train, training
from annotation.machine.efficientnet.model import PRESETS, Preset, make_model
from annotation.machine.efficientnet.train import (
    DomainTraining,
    TrainedDomainModel,
    train_command_work,
)
from pipeline.engine.errors import StickerworksError
from pipeline.engine.stage import Context
from pipeline.engine.workspace import Workspace
from schemas.config import AnnotateConfig, Config
from schemas.tables import DOMAIN as TABLE
from schemas.tables import FRAMES, STICKERS

Draw = Callable[[int], Image.Image]
Jpeg = Callable[[Image.Image], bytes]


def train_in(folder: Path, manifest: Path, **wish: Any) -> TrainedDomainModel:
    return train_command_work(
        Workspace(folder / "workspace"),
        DomainTraining(**({"labels": manifest, "preset": "tiny", "folds": 3} | wish)),
        lambda line: None,
    )


@pytest.fixture
def work(tmp_path: Path, tiny: Preset, labelled: Path) -> Callable[..., TrainedDomainModel]:
    """Trains the tiny network on the manifest."""
    return partial(train_in, tmp_path, labelled)


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory, tiny: Preset, labelled: Path
) -> Callable[..., TrainedDomainModel]:
    """A trained network that tests share and don't change, made when it is first asked for."""
    return cache(
        lambda copy=0, **wish: train_in(tmp_path_factory.mktemp("trained"), labelled, **wish)
    )


def annotate(folder: Path, jpegs: list[bytes]) -> list[dict[str, Any]]:
    config = Config(annotate=AnnotateConfig(domain_model=str(folder)))
    process = DOMAIN.open(Context(DOMAIN.settings(config), folder))
    rows = [
        {"id": f"{n}", "key_frames": [{"index": 0, "jpeg": jpeg}]} for n, jpeg in enumerate(jpegs)
    ]
    made = process(
        {
            "stickers": pa.Table.from_pylist(
                [{"id": row["id"]} for row in rows], schema=STICKERS.schema
            ),
            "frames": pa.Table.from_pylist(rows, schema=FRAMES.schema),
        }
    )["domain"]
    assert made.schema == TABLE.schema
    return list(made.to_pylist())


def test_a_trained_folder_is_whole_and_the_stage_takes_it(
    trained: Callable[..., TrainedDomainModel], photograph: Draw, drawing: Draw, jpeg: Jpeg
) -> None:
    made = trained()
    assert made.path.parts[-3:] == ("workspace", "models", "domain")
    assert {path.name for path in made.path.iterdir()} == {
        "model.safetensors",
        "config.json",
        "classifier.json",
        "report.json",
        "confusion.png",
        "README.md",
        "mistakes.jsonl",
    }
    assert list(made.path.parent.iterdir()) == [made.path]
    assert str(made.path) in made.setting
    report = json.loads((made.path / "report.json").read_text(encoding="utf-8"))
    assert report["held_out"] == made.held_out
    confusion = made.held_out["confusion"]
    assert sum(confusion["real"].values()) == sum(confusion["cartoon"].values()) == 12
    wrong = (made.path / "mistakes.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(wrong) == confusion["real"]["cartoon"] + confusion["cartoon"]["real"]
    described = json.loads((made.path / "classifier.json").read_text(encoding="utf-8"))
    assert described["training"]["stickers"] == {"real": 12, "cartoon": 12}
    assert described["training"]["groups"] == 6
    card = (made.path / "README.md").read_text(encoding="utf-8")
    assert str(made.held_out["balanced_accuracy"]) in card

    frames = [jpeg(photograph(90)), jpeg(drawing(90)), b"no picture"]
    first, second, damaged = annotate(made.path, frames)
    for row in (first, second):
        assert row["model"] == made.title
        assert row["domain"] == ("real" if row["probability"] >= 0.5 else "cartoon")
        assert round(row["probability"], 4) == row["probability"]
    assert damaged["error"].startswith("key frame can't be read")
    # A sticker's figures depend on nothing beside it.
    assert annotate(made.path, frames[1:2])[0]["probability"] == second["probability"]


def test_the_same_labels_and_seed_give_the_same_bytes(
    trained: Callable[..., TrainedDomainModel],
) -> None:
    one, other = trained().path, trained(copy=1).path
    assert one != other
    for path in one.iterdir():
        assert path.read_bytes() == (other / path.name).read_bytes(), path.name
    third = trained(seed=1).path
    weights = "model.safetensors"
    assert (one / weights).read_bytes() != (third / weights).read_bytes()


def test_another_model_is_another_fingerprint(trained: Callable[..., TrainedDomainModel]) -> None:
    def fingerprint(folder: Path) -> object:
        return DOMAIN.models(Config(annotate=AnnotateConfig(domain_model=str(folder))))

    first = fingerprint(trained().path)
    assert fingerprint(trained(copy=1).path) == first
    assert fingerprint(trained(seed=1).path) != first
    assert first != DOMAIN.models(Config())


def test_a_run_that_was_killed_takes_over_its_folds(
    work: Callable[..., TrainedDomainModel],
    trained: Callable[..., TrainedDomainModel],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = trained().path
    fits: list[int] = []

    def counting(samples: Any, *rest: Any) -> Any:
        fits.append(len(samples))
        if len(fits) == 3:
            raise KeyboardInterrupt
        return training.fit(samples, *rest)

    monkeypatch.setattr(train, "fit", counting)
    with pytest.raises(KeyboardInterrupt):
        work(output=tmp_path / "killed")
    assert not (tmp_path / "killed").exists()
    again = work(output=tmp_path / "killed").path
    assert len(fits) == 5  # two folds, the third that was killed, and again; then all
    for path in whole.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes(), path.name


def test_what_is_no_model_is_not_replaced_nor_trained_for(
    work: Callable[..., TrainedDomainModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "fit", lambda *_: pytest.fail("an hour was lost"))
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(StickerworksError, match="holds no domain classifier"):
        work(output=mine)
    assert (mine / "thesis.txt").read_text(encoding="utf-8") == "years of work"


def test_too_few_labels_are_counted(
    work: Callable[..., TrainedDomainModel], manifest: Path
) -> None:
    lines = manifest.read_text(encoding="utf-8").splitlines()
    manifest.write_text("\n".join(lines[:4] + lines[12:]), encoding="utf-8")
    with pytest.raises(StickerworksError, match=r"4 real in 1 packs and 12 cartoon in 3") as caught:
        work(labels=manifest)
    assert "stickerworks label" in caught.value.remedy
    assert "--labels" in caught.value.remedy


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"folds": 1}, "--folds 1"),
        ({"epochs": 0}, "--epochs 0"),
        ({"preset": "huge"}, "no preset 'huge'"),
        ({"pretrained": "lite0"}, "don't fit the preset tiny"),
        ({"pretrained": "/no/such/folder"}, "can't be had"),
    ],
)
def test_impossible_wishes_are_refused(
    work: Callable[..., TrainedDomainModel], wish: dict[str, Any], said: str
) -> None:
    with pytest.raises(StickerworksError, match=said):
        work(**wish)


def test_training_goes_on_from_a_folder_in_transformers_form(
    work: Callable[..., TrainedDomainModel],
    trained: Callable[..., TrainedDomainModel],
    tmp_path: Path,
    tiny: Preset,
) -> None:
    first = trained().path
    model = make_model(replace(tiny, pretrained=str(first)))
    kept_weights = load_file(first / "model.safetensors")
    body = {name: value for name, value in model.state_dict().items() if "encoder" in name}
    assert body
    assert all(torch.equal(value, kept_weights[name]) for name, value in body.items())
    second = work(output=tmp_path / "second", pretrained=str(first), epochs=1)
    described = json.loads((second.path / "classifier.json").read_text(encoding="utf-8"))
    assert described["training"]["weights"] == f"from {first}"


def test_a_probe_is_saved_with_its_body(
    work: Callable[..., TrainedDomainModel],
    trained: Callable[..., TrainedDomainModel],
    tmp_path: Path,
    tiny: Preset,
    monkeypatch: pytest.MonkeyPatch,
    photograph: Draw,
    drawing: Draw,
    jpeg: Jpeg,
) -> None:
    body = trained().path
    monkeypatch.setitem(PRESETS, "probe", replace(tiny, pretrained=str(body), probe=3))
    made = work(output=tmp_path / "probe", preset="probe")
    rows = annotate(made.path, [jpeg(photograph(90)), jpeg(drawing(90))])
    assert [row["domain"] for row in rows] == ["real", "cartoon"]
    assert made.held_out["auc"] > 0.9
    again = work(output=tmp_path / "again", preset="probe").path
    for path in made.path.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes(), path.name
