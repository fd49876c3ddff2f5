"""Backbones: what masks hide, what is drawn, which weights load."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor, nn

from pipeline.baselines.att2pl.config import PRESETS, Att2plConfig
from pipeline.baselines.att2pl.encoders import Encoder
from pipeline.baselines.att2pl.model import Att2pl
from pipeline.engine.errors import StickerworksError
from pipeline.training.tagger import Inputs

BACKBONES = ("swin", "vit", "deit", "beit")
VIT: dict[str, Any] = {
    "image_size": 64,
    "hidden_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 96,
}


def tiny(backbone: str, **changes: Any) -> Att2plConfig:
    return replace(PRESETS["tiny"], backbone=backbone, **changes)


def shake(module: nn.Module) -> None:
    """Give every weight a value that tells it from its start."""
    torch.manual_seed(7)
    for weight in module.parameters():
        weight.data.add_(0.1 * torch.randn_like(weight))


@pytest.fixture(params=BACKBONES)
def encoder(request: pytest.FixtureRequest) -> Encoder:
    torch.manual_seed(0)
    made = Encoder(tiny(request.param)).eval()
    shake(made)
    return made


def test_every_backbone_gives_one_vector_a_patch_and_draws_whole_images(
    encoder: Encoder, inputs: Inputs
) -> None:
    pixels = encoder.normalise(inputs.images)
    width = 128 if encoder.cells == 16 else 48
    assert encoder.encode(pixels).shape == (3, 4, width)
    assert encoder.predict(pixels, torch.zeros(3, 4, dtype=torch.bool)).shape == (3, 3, 64, 64)


def test_a_hidden_patch_can_t_be_seen_and_the_others_can(encoder: Encoder, inputs: Inputs) -> None:
    masks = torch.tensor([[False, True, False, False]] * 3)
    pixels = encoder.normalise(inputs.images)
    hidden, shown = pixels.clone(), pixels.clone()
    hidden[:, :, :32, 32:] = 0.5
    shown[:, :, 32:, 32:] = 0.5
    with torch.no_grad():
        drawn = encoder.predict(pixels, masks)
        assert torch.equal(encoder.predict(hidden, masks), drawn)
        assert not torch.allclose(encoder.predict(shown, masks), drawn, atol=1e-4)
        assert not torch.allclose(encoder.predict(pixels, ~masks), drawn, atol=1e-4)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_what_hides_patches_starts_with_a_gradient_of_everyday_size(
    backbone: str, inputs: Inputs
) -> None:
    torch.manual_seed(0)
    fresh = Encoder(tiny(backbone))
    drawn = fresh.predict(fresh.normalise(inputs.images), torch.ones(3, 4, dtype=torch.bool))
    drawn.abs().mean().backward()  # type: ignore[no-untyped-call]
    token = fresh.body.get_parameter("embeddings.mask_token")
    assert token.std().item() == pytest.approx(0.02, rel=0.5)
    assert token.grad is not None
    assert 0 < token.grad.norm() < 100


def test_patch_embeddings_can_be_changed_for_one_pass(encoder: Encoder, inputs: Inputs) -> None:
    pixels = encoder.normalise(inputs.images)
    seen: list[Tensor] = []

    def double(embedded: Tensor) -> Tensor:
        seen.append(embedded)
        return 2 * embedded

    with torch.no_grad():
        plain = encoder.encode(pixels)
        assert torch.equal(encoder.encode(pixels, lambda embedded: embedded), plain)
        assert not torch.allclose(encoder.encode(pixels, double), plain, atol=1e-4)
        assert torch.equal(encoder.encode(pixels), plain)
    assert [embedded.shape for embedded in seen] == [(3, encoder.cells**2, encoder.channels)]


def test_cells_lie_where_their_pixels_do(encoder: Encoder, inputs: Inputs) -> None:
    pixels, seen = encoder.normalise(inputs.images), []
    other = pixels.clone()
    other[:, :, 32:, :32] += 1
    for image in (pixels, other):
        encoder.encode(image, lambda embedded: seen.append(embedded) or embedded)  # type: ignore[func-returns-value]
    moved = (seen[0] != seen[1]).any(-1).reshape(3, encoder.cells, encoder.cells)
    half = encoder.cells // 2
    assert bool(moved[:, half:, :half].all())
    assert int(moved.sum()) == 3 * half * half


@pytest.mark.parametrize("backbone", ["swin", "vit", "deit"])
def test_predictions_are_those_of_transformers_masked_image_models(
    backbone: str, inputs: Inputs
) -> None:
    encoder = Encoder(tiny(backbone)).eval()
    shake(encoder)
    kinds = {"swin": "Swin", "vit": "ViT", "deit": "DeiT"}
    kind = getattr(transformers, f"{kinds[backbone]}ForMaskedImageModeling")
    reference = kind(encoder.body.config).eval()
    getattr(reference, backbone).load_state_dict(encoder.body.state_dict())
    reference.decoder.load_state_dict(encoder.head.state_dict())
    pixels = encoder.normalise(inputs.images)
    masks = torch.tensor([[[True, False], [False, True]]] * 3)
    scale = encoder.cells // 2
    cells = masks.repeat_interleave(scale, 1).repeat_interleave(scale, 2).flatten(1)
    with torch.no_grad():
        expected = reference(pixels, bool_masked_pos=cells).reconstruction
    found = encoder.predict(pixels, masks.flatten(1)).detach()
    # Two models: the same sums, perhaps in another order. A mask elsewhere changes tenths.
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def published(backbone: str) -> nn.Module:
    """A model as it is published: for classification, without mask token and prediction head."""
    t = transformers
    if backbone == "swin":
        shape = t.SwinConfig(
            image_size=64, embed_dim=16, depths=[1] * 4, num_heads=[1, 2, 4, 8], window_size=2
        )
        return t.SwinForImageClassification(shape)
    if backbone == "beit":
        return t.BeitForImageClassification(
            t.BeitConfig(**VIT, use_relative_position_bias=True, use_mean_pooling=True)
        )
    if backbone == "vit":
        return t.ViTModel(t.ViTConfig(**VIT))
    return t.DeiTForImageClassificationWithTeacher(t.DeiTConfig(**VIT))


@pytest.mark.parametrize("backbone", BACKBONES)
def test_published_weights_load_from_a_folder(backbone: str, tmp_path: Path) -> None:
    source: Any = published(backbone)
    shake(source)
    source.save_pretrained(tmp_path)
    config = tiny(backbone, image_weights=str(tmp_path))
    body = Encoder(config, published=True).body.state_dict()
    given = dict(getattr(source, backbone, source).state_dict())
    if backbone == "beit":
        given |= {
            f"layernorm.{name}": given.pop(f"pooler.layernorm.{name}")
            for name in ("weight", "bias")
        }
    given = {name: value for name, value in given.items() if not name.startswith("pooler.")}
    new = {"embeddings.mask_token"}
    assert set(body) - new == set(given)
    assert all(torch.equal(body[name], value) for name, value in given.items())
    random = Encoder(config).body.state_dict()
    assert not all(torch.equal(random[name], value) for name, value in given.items())


def test_a_checkpoint_of_masked_modelling_brings_its_prediction_head(tmp_path: Path) -> None:
    shape = Encoder(tiny("swin")).body.config
    source = transformers.SwinForMaskedImageModeling(shape)
    shake(source)
    source.save_pretrained(tmp_path)
    encoder = Encoder(tiny("swin", image_weights=str(tmp_path)), published=True)
    head: Any = encoder.head
    assert torch.equal(head[0].weight, source.decoder[0].weight)


def test_weights_of_another_shape_or_none_are_named(tmp_path: Path) -> None:
    published("swin").save_pretrained(tmp_path)  # type: ignore[operator]
    other = tiny("swin", image_weights=str(tmp_path), swin_dim=32)
    with pytest.raises(StickerworksError, match="can't be had"):
        Encoder(other, published=True)
    missing = str(tmp_path / "nowhere")
    with pytest.raises(StickerworksError, match="nowhere"):
        Encoder(tiny("swin", image_weights=missing), published=True)


def test_the_bert_classifier_takes_the_text_encoder_s_weights(tmp_path: Path) -> None:
    shape = transformers.BertConfig(
        vocab_size=12,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=4,
        intermediate_size=64,
    )
    bert = transformers.BertModel(shape)
    bert.save_pretrained(tmp_path)
    vocabulary = ["[PAD]", "[UNK]", "a", "b", "[SEP]", "c", "[CLS]", "[MASK]", "d", "e", "f", "g"]
    (tmp_path / "vocab.txt").write_text("\n".join(vocabulary))
    transformers.BertTokenizer(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    config = tiny("swin", text_encoder=str(tmp_path))
    model = Att2pl(config, 5, published=True)
    words = bert.embeddings.word_embeddings.weight
    assert torch.equal(model.prompted.cls, words[6])
    assert torch.equal(model.prompted.sep, words[4])
    reader: Any = model.reader
    name = "encoder.layer.0.output.dense.weight"
    assert torch.equal(reader.state_dict()[name], bert.state_dict()[name])
    assert not any("word_embeddings" in name for name in reader.state_dict())
    deeper = tiny("swin", text_encoder=str(tmp_path), bert_depth=2)
    with pytest.raises(StickerworksError, match=r"\(32, 1, 64\); the settings say \(32, 2, 64\)"):
        Att2pl(deeper, 5, published=True)
