"""The network: its size, frames as a mean, a limited scale, and what decays."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from pipeline.baselines.stickerclip.config import PRESETS
from pipeline.baselines.stickerclip.model import StickerClip, weight_groups
from pipeline.engine.errors import StickerworksError

TINY = PRESETS["tiny"]


@pytest.fixture
def model() -> StickerClip:
    torch.manual_seed(0)
    return StickerClip(TINY, pretrained=False).eval()


def frames(count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, 48, 48, 3), dtype=torch.uint8, generator=generator)


def test_the_paper_preset_has_the_published_models_size() -> None:
    with torch.device("meta"):
        paper = StickerClip(PRESETS["paper"], pretrained=False)
    block = 12 * 768**2 + 13 * 768  # attention, MLP and two norms
    vision = 768 + 768 * 3 * 16**2 + 197 * 768 + 4 * 768 + 12 * block
    text = (21128 + 512 + 2) * 768 + 2 * 768 + 12 * block
    projections_and_scale = 2 * 768 * 512 + 1
    assert vision + text + projections_and_scale == 188_262_913
    assert sum(weight.numel() for weight in paper.parameters()) == 188_262_913


def test_a_batch_of_stills_and_animations_gives_a_unit_vector_each(model: StickerClip) -> None:
    seen = frames(6)
    mixed = model.embed_images(seen, torch.tensor([3, 1, 2]))
    assert mixed.shape == (3, TINY.embed_dim)
    assert torch.allclose(mixed.norm(dim=1), torch.ones(3))
    parts = [seen[:3], seen[3:4], seen[4:]]
    alone = [model.embed_images(part, torch.tensor([len(part)])) for part in parts]
    assert torch.allclose(mixed, torch.cat(alone), atol=1e-5)


def test_frames_are_averaged_before_the_length_is_made_1(model: StickerClip) -> None:
    seen = frames(3)
    pixels = (seen.permute(0, 3, 1, 2) / 255 - model.mean) / model.std
    features = model.clip.get_image_features(pixel_values=pixels).pooler_output
    expected = functional.normalize(features.mean(0), dim=0)
    assert torch.allclose(model.embed_images(seen, torch.tensor([3]))[0], expected, atol=1e-5)


def test_a_still_counts_as_much_once_as_three_times(model: StickerClip) -> None:
    still = frames(1)
    once = model.embed_images(still, torch.tensor([1]))
    thrice = model.embed_images(still.repeat(3, 1, 1, 1), torch.tensor([3]))
    assert torch.allclose(once, thrice, atol=1e-5)


def test_padding_changes_no_text(model: StickerClip) -> None:
    ids = torch.tensor([[1, 7, 9, 2, 0, 0], [1, 5, 5, 5, 5, 2]])
    mask = (ids > 0).long()
    both = model.embed_texts(ids, mask)
    assert torch.allclose(both[:1], model.embed_texts(ids[:1, :4], mask[:1, :4]), atol=1e-5)
    assert not torch.allclose(both[0], both[1], atol=1e-3)


def test_the_scale_stays_between_1_and_100_and_can_come_back(model: StickerClip) -> None:
    for given, kept in ((9.0, math.log(100)), (-2.0, 0.0), (3.0, 3.0)):
        with torch.no_grad():
            model.clip.logit_scale.fill_(given)
        model.limit_scale()
        assert model.clip.logit_scale.item() == pytest.approx(kept)
        model.scale.backward()
        assert model.clip.logit_scale.grad is not None
        assert model.clip.logit_scale.grad.item() > 0, "also at the limit"


def test_gains_biases_and_scale_do_not_decay_and_everything_is_trained_once() -> None:
    net = StickerClip(TINY, pretrained=False)
    names = {id(weight): name for name, weight in net.named_parameters()}
    still, decaying = weight_groups(net, replace(TINY, weight_decay=0.3))
    assert (still["weight_decay"], decaying["weight_decay"]) == (0.0, 0.3)
    assert still["betas"] == decaying["betas"] == (0.9, 0.98)
    groups = [{names[id(weight)] for weight in part["params"]} for part in (still, decaying)]
    assert groups[0] | groups[1] == set(names.values())
    assert not groups[0] & groups[1]
    marks = ("bias", "norm", "logit_scale", "class_embedding", "layrnorm")
    assert groups[0] == {
        name for name in names.values() if any(mark in name.lower() for mark in marks)
    }
    assert "clip.text_model.embeddings.word_embeddings.weight" in groups[1]


def test_weights_of_a_folder_are_taken_and_those_of_another_shape_refused(
    model: StickerClip, tmp_path: Path
) -> None:
    model.clip.save_pretrained(tmp_path)
    settings = replace(TINY, weights=str(tmp_path))
    again = StickerClip(settings, pretrained=True)
    for name, weight in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], weight), name
    untouched = StickerClip(settings, pretrained=False)
    assert not torch.equal(untouched.clip.text_projection.weight, model.clip.text_projection.weight)
    with pytest.raises(StickerworksError, match="of another shape"):
        StickerClip(replace(settings, embed_dim=16), pretrained=True)
    with pytest.raises(StickerworksError, match=r"'.*nowhere' can't be had"):
        StickerClip(replace(TINY, weights=str(tmp_path / "nowhere")), pretrained=True)
