"""Released checkpoints and PVT-small's, through the name map; files that must be refused."""

from __future__ import annotations

import argparse
import os
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from pipeline.baselines.mghft.config import PRESETS
from pipeline.baselines.mghft.model import Mghft
from pipeline.baselines.mghft.names import UNUSED, our_name
from pipeline.baselines.mghft.pretrained import fill_start, load_start
from pipeline.engine.errors import StickerworksError


@pytest.fixture(scope="module")
def paper() -> Mghft:
    torch.manual_seed(0)
    return Mghft(replace(PRESETS["paper"], grid_side=224))


def pvt_small(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """What PVT-small's own file holds: the backbone without bridges and early CLS tokens."""
    ours = ("cross_proj", "local_proj", "global_proj", "cls_token1", "cls_token2", "cls_token3")
    kept = {
        name.removeprefix("vision_model."): value.float()
        for name, value in weights.items()
        if name.startswith("vision_model.") and not any(part in name for part in ours)
    }
    del kept["tau"], kept["norm_t.weight"], kept["norm_t.bias"]
    return {**kept, "head.weight": torch.zeros(1000, 512), "head.bias": torch.zeros(1000)}


def test_names_map_one_to_one_onto_every_parameter(golden: dict[str, Any], paper: Mghft) -> None:
    shapes = {name: tuple(shape) for name, shape in golden["parameters"]}
    used = [name for name in shapes if not UNUSED.fullmatch(name)]
    mapped = {str(our_name(name)): shapes[name] for name in used}
    assert len(mapped) == len(used) == len(shapes) - 3
    assert mapped == {name: tuple(value.shape) for name, value in paper.state_dict().items()}


def test_unknown_names_have_no_counterpart() -> None:
    for name in ("vision_model.block5.0.norm1.weight", "fusion_model.x", "vision_model", ""):
        assert our_name(name) is None


def test_a_released_file_loads_with_its_arguments_and_text_encoder(
    tmp_path: Path, released_weights: dict[str, Tensor], paper: Mghft
) -> None:
    state = {f"module.{name}": value.float() for name, value in released_weights.items()}
    state["module.text_model.embeddings.word_embeddings.weight"] = torch.zeros(3, 3)
    path = tmp_path / "checkpoint_best.pth"
    torch.save({"model": state, "epoch": 3, "args": argparse.Namespace(alpha=8)}, path)
    load_start(paper, str(path))
    for name, value in released_weights.items():
        if not UNUSED.fullmatch(name):
            assert torch.equal(paper.state_dict()[str(our_name(name))], value.float()), name


def test_pvt_small_fills_the_backbone_alone(
    released_weights: dict[str, Tensor], paper: Mghft
) -> None:
    before = {name: value.clone() for name, value in paper.state_dict().items()}
    changed = {name: value + 1 for name, value in pvt_small(released_weights).items()}
    fill_start(paper, changed, "these weights")
    for name, value in paper.state_dict().items():
        kept = not name.startswith(("backbone.", "norm.")) or name in {
            f"backbone.stages.{stage}.cls" for stage in range(3)
        }
        assert torch.equal(value, before[name]) == kept, name


def test_pvt_smalls_positions_are_resampled_to_another_grid(
    released_weights: dict[str, Tensor],
) -> None:
    model = Mghft(replace(PRESETS["paper"], grid_side=448))
    state = pvt_small(released_weights)
    fill_start(model, state, "these weights")
    first: Any = model.backbone.stages[0]
    last: Any = model.backbone.stages[3]
    grid = state["pos_embed1"].transpose(1, 2).reshape(1, 64, 56, 56)
    large = functional.interpolate(grid, (112, 112), mode="bilinear").flatten(2).transpose(1, 2)
    assert torch.allclose(first.position, large, atol=1e-6)
    assert last.position.shape == (1, 1 + 14 * 14, 512)
    assert torch.equal(last.position[:, 0], state["pos_embed4"][:, 0])


def test_missing_unknown_and_misshapen_tensors_are_named(
    released_weights: dict[str, Tensor], paper: Mghft
) -> None:
    before = {name: value.clone() for name, value in paper.state_dict().items()}
    lacking = {name: v for name, v in released_weights.items() if name != "head.bias"}
    with pytest.raises(StickerworksError, match=r"lacks 1 tensors, first head\.bias"):
        fill_start(paper, lacking, "these weights")
    without = {n: v for n, v in pvt_small(released_weights).items() if n != "block2.1.norm1.bias"}
    with pytest.raises(StickerworksError, match=r"lacks 1 tensors, first backbone\.stages\.1"):
        fill_start(paper, without, "these weights")
    with pytest.raises(StickerworksError, match="'surplus', which MGHFT doesn't have"):
        fill_start(paper, {**released_weights, "surplus": torch.zeros(1)}, "these weights")
    with pytest.raises(StickerworksError, match=r"head\.weight has shape \(9, 768\)"):
        fill_start(paper, {**released_weights, "head.weight": torch.zeros(9, 768)}, "these weights")
    for shape in ((1, 10, 64), (1, 9, 65), (9,)):
        odd = {**pvt_small(released_weights), "pos_embed1": torch.zeros(shape)}
        with pytest.raises(StickerworksError, match="position has shape"):
            fill_start(paper, odd, "these weights")
    assert all(torch.equal(value, before[name]) for name, value in paper.state_dict().items())


def test_files_that_run_code_or_are_none_are_refused(tmp_path: Path, paper: Mghft) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "ran"),)

    hostile, noise = tmp_path / "hostile.pth", tmp_path / "noise.pth"
    hostile.write_bytes(pickle.dumps({"model": Hostile()}, protocol=2))
    noise.write_bytes(b"\x00not a checkpoint")
    for path in (hostile, noise):
        with pytest.raises(StickerworksError, match="can't be read as PyTorch weights"):
            load_start(paper, str(path))
    torch.save({"model": Hostile()}, hostile)
    with pytest.raises(StickerworksError, match="can't be read as PyTorch weights"):
        load_start(paper, str(hostile))
    assert not (tmp_path / "ran").exists()
    with pytest.raises(StickerworksError, match="no weights at"):
        load_start(paper, str(tmp_path / "absent.pth"))
    torch.save([torch.zeros(1)], noise)
    with pytest.raises(StickerworksError, match="holds no named weights"):
        load_start(paper, str(noise))
