"""Many stickers in batches give what each gives by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from annotation.machine.domain import DOMAIN, classify, open_classifier
from annotation.machine.efficientnet.calibration import Calibration
from annotation.machine.efficientnet.model import Preset, make_model
from annotation.machine.efficientnet.samples import DomainSample
from annotation.machine.efficientnet.saved import describe, model_folder, save_model
from annotation.machine.efficientnet.scoring import Scorer, prepare
from annotation.machine.efficientnet.training import log_odds
from pipeline.engine.errors import StickerworksError
from schemas.config import AnnotateConfig, Config, EngineConfig


@pytest.fixture
def samples(make_sample: Callable[..., DomainSample]) -> list[DomainSample]:
    return [make_sample(number, real=number % 2 == 0) for number in range(5)]


def test_batches_change_nothing(tiny: Preset, samples: list[DomainSample]) -> None:
    model = make_model(tiny).eval()
    alone = [log_odds(model, one.frames, one.statistics, tiny.sizing) for one in samples]
    prepared = [prepare(one.frames, one.statistics, tiny.sizing) for one in samples]
    assert Scorer(model, "cpu")(prepared) == alone
    assert len(set(alone)) == 5
    for at_once in (1, 7, 64):
        together = Scorer(model, "cpu", at_once)(prepared)
        np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-5)
        assert Scorer(model, "cpu", at_once)(prepared[3:4]) == pytest.approx(together[3:4], 1e-6)


def test_a_full_gpu_takes_fewer(tiny: Preset, samples: list[DomainSample]) -> None:
    model = make_model(tiny).eval()
    prepared = [prepare(one.frames, one.statistics, tiny.sizing) for one in samples]
    score = Scorer(model, "cpu", 16)
    whole, asked, most = score._run, [], 5

    def full(crops: Any, statistics: Any) -> Any:
        asked.append(len(crops))
        if len(crops) > most:
            raise RuntimeError("CUDA out of memory.")
        return whole(crops, statistics)

    score._run = full  # type: ignore[method-assign]
    np.testing.assert_allclose(score(prepared), Scorer(model, "cpu")(prepared), atol=1e-5)
    assert asked[:3] == [16, 8, 4]
    assert set(asked[2:]) == {4}
    most = 0
    with pytest.raises(StickerworksError, match="too little memory for one crop"):
        score(prepared)


def test_a_frame_that_is_broken_costs_its_sticker(
    tiny: Preset, samples: list[DomainSample], tmp_path: Any
) -> None:
    target = tmp_path / "model"
    described = describe(tiny.sizing, Calibration(1.5, -0.5), statistics=False, probe=None)
    with model_folder(target) as temporary:
        save_model(temporary, make_model(tiny), {"name": "test/1", **described})
    classifier = open_classifier(target)
    rows = [
        {"id": one.id, "key_frames": [{"jpeg": jpeg} for jpeg in one.frames], "error": None}
        for one in samples
    ]
    rows[1] = rows[1] | {"key_frames": [{"jpeg": b"no picture"}]}
    found = classify(rows, classifier)
    assert ["error" in row for row in found] == [False, True, False, False, False]
    assert found[2:3] == classify(rows[2:3], classifier)


def test_one_process_fills_a_gpu(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.engine.compute.default_device", lambda: "cuda")
    trained = AnnotateConfig(domain_model=str(tmp_path))
    assert DOMAIN.in_main_process(Config(annotate=trained))
    assert not DOMAIN.in_main_process(Config())
    ray = Config(annotate=trained, engine=EngineConfig(executor="ray"))
    assert not DOMAIN.in_main_process(ray)
