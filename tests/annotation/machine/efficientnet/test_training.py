"""The network learns, and sees frames as it should."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save_file

from annotation.machine.efficientnet.model import Preset, make_model
from annotation.machine.efficientnet.probe import PENALTIES, choose_penalty
from annotation.machine.efficientnet.samples import DomainSample
from annotation.machine.efficientnet.training import fit, score
from annotation.machine.efficientnet.views import Sizing, covering_crops, normalise, training_crop
from pipeline.engine.compute import reproducible

quiet: Callable[[str], None] = lambda line: None  # noqa: E731


@pytest.mark.parametrize("statistics", [False, True])
def test_it_overfits_64_images_and_knows_others(
    tiny: Preset, make_sample: Callable[..., DomainSample], statistics: bool
) -> None:
    learn = [make_sample(n, real=n % 2 == 0) for n in range(64)]
    ask = [make_sample(100 + n, real=n % 2 == 0) for n in range(16)]
    preset = replace(tiny, epochs=12, rate=5e-3, dropout=0.0, statistics=statistics)
    losses: list[str] = []
    model = fit(learn, preset, 0, losses.append)
    assert float(losses[-1].rpartition(" ")[2]) < 0.05 < float(losses[0].rpartition(" ")[2])
    for samples, least in ((learn, 1.0), (ask, 0.9)):
        odds = score(model, samples, preset.sizing)
        right = (odds > 0) == np.array([sample.real for sample in samples])
        assert right.mean() >= least


def test_batch_norms_begin_at_one(tiny: Preset) -> None:
    # transformers' own initialisation draws their scale around 0, and keeps 1% of the statistics.
    with reproducible(0):
        model = make_model(tiny)
    norms = [module for module in model.modules() if type(module).__name__ == "BatchNorm2d"]
    assert all((norm.weight == 1).all() and norm.momentum == 0.1 for norm in norms)


@given(st.integers(1, 90), st.integers(1, 90), st.booleans(), st.integers(0, 2**32 - 1))
def test_any_frame_gives_crops_of_one_size(
    width: int, height: int, enlarge: bool, seed: int
) -> None:
    sizing = Sizing(24, 40, enlarge=enlarge)
    image = Image.new("RGB", (width, height), "black")
    crops = covering_crops(image, sizing)
    assert crops.shape[1:] == (24, 24, 3)
    assert 2 <= len(crops) <= 18
    one = training_crop(image, sizing, np.random.default_rng(seed))
    assert one.shape == (24, 24, 3)
    assert normalise([one], sizing).shape == (1, 3, 24, 24)


def test_crops_cover_the_frame_and_are_mirrored() -> None:
    pixels = np.zeros((24, 60, 3), dtype=np.uint8)
    pixels[:, 0], pixels[:, -1] = 255, 128
    crops = covering_crops(Image.fromarray(pixels), Sizing(24, 60, enlarge=False))
    assert (crops[0][:, 0] == 255).all()
    assert (crops[1][:, -1] == 255).all()
    assert (crops[-2][:, -1] == 128).all()


def test_small_frames_lie_in_the_middle_of_white() -> None:
    crops = covering_crops(Image.new("RGB", (10, 10), "black"), Sizing(20, 40, enlarge=False))
    assert (crops[0][5:15, 5:15] == 0).all()
    assert (crops[0][:5] == 255).all()


def test_a_probe_reads_a_frozen_body(
    tiny: Preset, make_sample: Callable[..., DomainSample], tmp_path: Path
) -> None:
    learn = [make_sample(n, real=n % 2 == 0, group=f"g{n % 8}") for n in range(32)]
    ask = [make_sample(100 + n, real=n % 2 == 0) for n in range(8)]
    with reproducible(0):
        body = make_model(tiny)
    body.config.to_json_file(tmp_path / "config.json")
    save_file(body.state_dict(), tmp_path / "model.safetensors", metadata={"format": "pt"})
    preset = replace(tiny, pretrained=str(tmp_path), probe=3)
    known: dict[str, np.ndarray] = {}
    model = fit(learn, preset, 0, quiet, known)
    for name, value in body.efficientnet.state_dict().items():
        assert torch.equal(value, model.efficientnet.state_dict()[name]), name
    assert set(known) == {sample.id for sample in learn}
    right = (score(model, ask, preset.sizing) > 0) == np.array([s.real for s in ask])
    assert right.all()
    again = fit(learn, preset, 0, quiet, known)
    assert torch.equal(again.probe.weight, model.probe.weight)


def test_too_few_groups_to_compare_penalties_take_the_middle_one(
    make_sample: Callable[..., DomainSample],
) -> None:
    alone = [make_sample(n, real=n % 2 == 0, group="g") for n in range(4)]
    assert choose_penalty(alone, np.zeros((4, 2))) == PENALTIES[1]
