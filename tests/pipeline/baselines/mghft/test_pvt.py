"""PVT in transformers' form: every weight finds its place, and the blocks compute the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from pipeline.baselines.mghft.backbone import ReducedAttention, as_grid
from pipeline.baselines.mghft.config import PRESETS
from pipeline.baselines.mghft.model import Mghft
from pipeline.baselines.mghft.names import our_name_of_pvt
from pipeline.baselines.mghft.pretrained import fill_start, load_start
from pipeline.engine.errors import StickerworksError

NEW = {f"backbone.stages.{stage}.cls" for stage in range(3)}


def make_pvt(classifier: bool = False) -> Any:
    """A random PVT of the tiny preset's shape."""
    from transformers import PvtConfig, PvtForImageClassification, PvtModel

    ours = PRESETS["tiny"]
    shape = PvtConfig(
        image_size=ours.grid_side,
        depths=ours.depths,
        hidden_sizes=ours.dims,
        num_attention_heads=ours.heads,
        mlp_ratios=ours.mlp_ratios,
        sequence_reduction_ratios=ours.reductions,
        num_labels=9,
    )
    torch.manual_seed(3)
    model = PvtForImageClassification(shape) if classifier else PvtModel(shape)
    for weight in model.parameters():  # biases begin as zeros, which any place would fit
        nn.init.normal_(weight, std=0.1)
    return model.double().eval()


def make_ours(**changes: Any) -> Mghft:
    torch.manual_seed(0)
    return Mghft(replace(PRESETS["tiny"], **changes)).double().eval()


@pytest.mark.parametrize("classifier", [False, True])
def test_every_weight_is_placed_and_equal(classifier: bool) -> None:
    pvt, ours = make_pvt(classifier), make_ours()
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    fill_start(ours, pvt.state_dict(), "these weights")
    after, filled = ours.state_dict(), set()
    for name, value in pvt.state_dict().items():
        if name.startswith("classifier."):
            assert our_name_of_pvt(name) is None
            continue
        place, part = our_name_of_pvt(name) or ("", 0)
        whole = after[place]
        half = whole.chunk(2)[part] if "key_value" in place else whole
        assert torch.equal(half, value), name
        filled.add((place, part))
    wanted = {name for name in after if name.startswith(("backbone.", "norm."))} - NEW
    assert {place for place, _ in filled} == wanted
    assert sum("key_value" in place for place, _ in filled) == 2 * 2 * 8, "both halves of all eight"
    assert all(torch.equal(after[name], before[name]) for name in set(after) - wanted)


def test_without_cls_in_early_keys_every_block_computes_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pvt, ours = make_pvt(), make_ours()
    fill_start(ours, pvt.state_dict(), "these weights")
    for module in ours.modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = 1e-6  # one for all there; the original has 1e-5 in two places

    def without_cls(self: ReducedAttention, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
        if self.reduce is None:
            return tokens
        small = self.reduce(as_grid(tokens[:, 1:], grid)).flatten(2).transpose(1, 2)
        reduced: Tensor = self.reduce_norm(small)
        return reduced

    images = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        theirs = pvt(images, output_hidden_states=True)
        apart = ours.backbone(images)[3].tokens
        monkeypatch.setattr(ReducedAttention, "_reduced", without_cls)
        stages = ours.backbone(images)
    for number, stage in enumerate(stages):
        tokens = stage.tokens if number == 3 else stage.tokens[:, 1:]
        assert torch.allclose(tokens, theirs.hidden_states[2 * number + 1], atol=1e-10), number
    assert torch.allclose(ours.norm(stages[3].tokens), theirs.last_hidden_state, atol=1e-10)
    assert not torch.allclose(apart, stages[3].tokens, atol=1e-3), "CLS does take part in MGHFT"


def test_a_folder_and_a_file_of_it_are_found_by_their_names(tmp_path: Path) -> None:
    pvt = make_pvt(classifier=True).float()
    pvt.save_pretrained(tmp_path / "pvt")
    save_file(pvt.state_dict(), tmp_path / "pvt.safetensors")
    torch.save(pvt.state_dict(), tmp_path / "pvt.pth")
    expected = pvt.state_dict()["pvt.encoder.block.2.1.mlp.dense1.weight"]
    for name in ("pvt", "pvt.safetensors", "pvt.pth"):
        ours = make_ours().float()
        load_start(ours, str(tmp_path / name))
        found = dict(ours.named_parameters())["backbone.stages.2.blocks.1.expand.weight"]
        assert torch.equal(found, expected), name


def test_another_grids_positions_are_resampled() -> None:
    pvt, ours = make_pvt(), make_ours(grid_side=96)
    fill_start(ours, pvt.state_dict(), "these weights")
    last: Any = ours.backbone.stages[3]
    theirs = pvt.state_dict()["encoder.patch_embeddings.3.position_embeddings"]
    assert last.position.shape == (1, 10, 32)
    assert torch.equal(last.position[:, 0], theirs[:, 0])


def test_other_models_and_parts_of_one_are_refused(tmp_path: Path) -> None:
    from transformers import BertConfig, BertModel

    ours = make_ours()
    state = make_pvt().state_dict()
    half = {n: v for n, v in state.items() if n != "encoder.block.1.0.attention.self.value.bias"}
    with pytest.raises(StickerworksError, match=r"key_value\.bias has shape \(16,\)"):
        fill_start(ours, half, "these weights")
    with pytest.raises(StickerworksError, match="holds 'pooler', which MGHFT doesn't have"):
        fill_start(ours, {**state, "pooler": torch.zeros(1)}, "these weights")
    shape = BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, vocab_size=9)
    BertModel(shape).save_pretrained(tmp_path / "bert")
    with pytest.raises(StickerworksError, match="bert holds 'embeddings.word_embeddings.weight'"):
        load_start(ours, str(tmp_path / "bert"))
    with pytest.raises(StickerworksError, match="can't be had"):
        load_start(ours, str(tmp_path / "absent"))
    with pytest.raises(StickerworksError, match="no weights at .*absent.pth"):
        load_start(ours, str(tmp_path / "absent.pth"))
