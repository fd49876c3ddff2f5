"""The measure ``safety`` by folders of transformers, with weights by chance."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.engine.decoding.sticker_frames import RgbaFrame
from pipeline.engine.errors import StickerworksError
from pipeline.filter.measures.safety.files import read_json
from pipeline.filter.measures.safety.measure import MEASURE
from pipeline.filter.measures.safety.options import SafetyOptions
from pipeline.filter.measures.safety.preprocessing import read_preprocessing

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A ViT of one layer for pictures of 32 x 32, as save_pretrained writes it."""
    import torch

    root = tmp_path_factory.mktemp("vit")
    config = transformers.ViTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=32,
        patch_size=8,
        id2label={0: "safe", 1: "nsfw"},
        label2id={"safe": 0, "nsfw": 1},
        initializer_range=1.0,
    )
    with torch.random.fork_rng():
        torch.manual_seed(3)
        transformers.ViTForImageClassification(config).save_pretrained(root)
    transformers.models.vit.ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(
        root
    )
    return root


@pytest.fixture
def pictures():
    chance = np.random.default_rng(5)
    sizes = [(40, 30), (32, 32), (17, 90)]
    return [chance.integers(0, 255, (*size, 3), np.uint8) for size in sizes]


def opened(folder, **options):
    given = {"model": str(folder), "unsafe": ["NSFW"]} | options
    return MEASURE.open("cpu", SafetyOptions(**given))


def one_frame(pixels):
    alpha = np.full((*pixels.shape[:2], 1), 255, np.uint8)
    return [RgbaFrame(np.concatenate([pixels, alpha], axis=2), 0)]


def test_values_are_those_that_transformers_gives(folder, pictures):
    import torch

    processor = transformers.models.vit.ViTImageProcessor.from_pretrained(folder)
    model = transformers.ViTForImageClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        given = processor([Image.fromarray(one) for one in pictures], return_tensors="pt")
        wanted = model(**given).logits.softmax(-1)[:, 1].tolist()
    values = opened(folder)([one_frame(one) for one in pictures])
    assert values == pytest.approx(wanted, abs=1e-3)
    assert len(set(values)) == 3
    assert values == [opened(folder, batch=1)([one_frame(one)])[0] for one in pictures]


@pytest.mark.parametrize(
    "how",
    [
        {"size": {"shortest_edge": 40}, "do_center_crop": True, "crop_size": 32, "resample": 3},
        {"size": {"height": 32, "width": 24}, "resample": 2, "do_normalize": False},
    ],
)
def test_pictures_are_made_ready_as_transformers_does(how, pictures):
    processor = transformers.models.clip.CLIPImageProcessor(
        **{"do_center_crop": False, "do_convert_rgb": True} | how
    )
    described = json.loads(json.dumps(processor.to_dict(), default=str))
    ours = read_preprocessing(described, None)
    for picture in pictures:
        wanted = processor(Image.fromarray(picture), return_tensors="np")["pixel_values"][0]
        np.testing.assert_allclose(ours.apply(picture), wanted, atol=0.02)


def test_weights_that_are_missing_or_no_safetensors_are_told(folder, tmp_path):
    def copied(name, *without):
        made = tmp_path / name
        made.mkdir()
        for path in folder.iterdir():
            if path.name not in without:
                (made / path.name).write_bytes(path.read_bytes())
        return made

    with pytest.raises(StickerworksError, match="has no config.json"):
        opened(copied("plain", "config.json"))
    with pytest.raises(StickerworksError, match="transformers can't load it"):
        opened(copied("empty", "model.safetensors"))
    with pytest.raises(StickerworksError, match="how large its pictures are: set input_size"):
        opened(copied("raw", "preprocessor_config.json"))
    pickled = copied("pickled", "model.safetensors")
    (pickled / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(StickerworksError, match="transformers can't load it"):
        opened(pickled)


def test_a_checkpoint_without_its_classifier_is_no_classifier(folder, tmp_path):
    from safetensors.numpy import load_file, save_file

    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    weights = load_file(folder / "model.safetensors")
    left = {name: value for name, value in weights.items() if not name.startswith("classifier")}
    save_file(left, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(StickerworksError, match=r"lack classifier\.bias: it is no trained"):
        opened(tmp_path)


def test_a_gpu_that_is_not_there_is_an_error(folder):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(StickerworksError, match="torch computes on no GPU here"):
        opened(folder, device="cuda:1")


def test_the_digest_is_of_what_decides(folder, tmp_path):
    options = SafetyOptions(model=str(folder), unsafe=["nsfw"])
    before = MEASURE.models(options)
    (Path(folder) / "README.md").write_text("words")
    assert MEASURE.models(options) == before
    assert read_json(folder, "config.json")["id2label"]["1"] == "nsfw"
