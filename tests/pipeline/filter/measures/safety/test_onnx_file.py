"""The measure ``safety`` by an ONNX file, made here: red is unsafe."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image
from tiny_onnx import colour_classifier

from pipeline.engine.errors import StickerworksError
from pipeline.filter.expensive import KeyFrames
from pipeline.filter.measures.safety.measure import MEASURE
from pipeline.filter.measures.safety.options import SafetyOptions

RED = [[0, 8], [0, -8], [0, -8]]
"""Two labels; the second grows with red."""


@pytest.fixture
def model(tmp_path):
    def write(weights=RED, before=None, described=None, **how):
        path = tmp_path / "model.onnx"
        path.write_bytes(colour_classifier(weights, **how))
        for name, content in (("preprocessor_config", before), ("config", described)):
            if content is not None:
                (tmp_path / f"{name}.json").write_text(json.dumps(content))
        return str(path)

    return write


NORMAL = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "size": {"height": 32, "width": 32}}


def opened(path, gpu="auto", **options):
    given = {"model": path, "unsafe": [1], "device": gpu} | options
    return MEASURE.open("cpu", SafetyOptions(**given))


def sticker(*colours, size=(40, 30)):
    frames = []
    for colour in colours:
        out = io.BytesIO()
        Image.new("RGB", size, colour).save(out, "JPEG", quality=95)
        frames.append({"jpeg": out.getvalue(), "duration_ms": 0})
    return KeyFrames(frames)


def softmax(weights, *rgb):
    logits = (np.array(rgb) / 255 - 0.5) / 0.5 @ np.array(weights)
    return np.exp(logits) / np.exp(logits).sum()


def test_the_highest_of_all_key_frames_counts(model):
    measure = opened(model(before=NORMAL))
    values = measure([sticker("red"), sticker("blue"), sticker("blue", "red"), sticker()])
    assert values[0] > 0.99
    assert values[1] < 0.01
    assert values[2:] == [values[0], None]


def test_values_are_those_of_the_model_and_no_batch_changes_them(model):
    path = model(before=NORMAL)
    colours = [(200, 120, 90), (120, 110, 100), (30, 80, 200), (140, 150, 160), (90, 60, 70)]
    stickers = [sticker(colour) for colour in colours]
    together = opened(path, batch=16)(stickers)
    assert together == [opened(path, batch=1)([one])[0] for one in stickers]
    assert together == opened(path, batch=2)(stickers)
    wanted = [softmax(RED, *colour)[1] for colour in colours]
    assert together == pytest.approx(wanted, abs=0.02), "JPEG changes colours a little"


def test_labels_go_by_name_and_those_of_a_softmax_add_up(model):
    weights = [[0, 3, 3], [0, -3, 0], [0, 0, -3]]
    described = {"id2label": {"0": "SFW", "1": "gore", "2": "NSFW"}}
    path = model(weights, NORMAL, described)
    red = sticker("red")
    (both,) = opened(path, unsafe=["nsfw", "gore"])([red])
    assert both == pytest.approx(sum(softmax(weights, 254, 0, 0)[1:]), abs=1e-3)
    assert both > opened(path, unsafe=["nsfw"])([red])[0]
    assert opened(path, unsafe=["nsfw"])([red]) == opened(path, unsafe=[2])([red])
    with pytest.raises(StickerworksError, match="no label 'porn'.*0: SFW, 1: gore, 2: NSFW"):
        opened(path, unsafe=["porn"])
    with pytest.raises(StickerworksError, match="3 outputs, and 2 labels"):
        opened(path, labels=["a", "b"])


def test_one_output_is_a_sigmoid_and_several_may_be(model):
    path = model([[2], [0], [0]], NORMAL)
    (value,) = opened(path, unsafe=[0])([sticker("red")])
    assert value == pytest.approx(1 / (1 + np.exp(-2)), abs=0.01)
    path = model(RED, NORMAL, {"problem_type": "multi_label_classification"})
    assert opened(path, unsafe=[0])([sticker("red")]) == [0.5]
    with pytest.raises(ValueError, match="no probabilities"):
        opened(path, activation="none")([sticker("red")])


def test_colours_may_stand_last_and_sizes_may_be_open(model):
    red = sticker("red")
    wanted = opened(model(before=NORMAL))([red])
    assert opened(model(shape=("n", "h", "w", 3), last=True))([red]) == wanted
    assert opened(model(shape=("n", 3, "h", "w")))([red]) == wanted
    for number in (1, 4):
        assert opened(model(shape=(number, 3, 32, 32)))([red] * 5) == wanted * 5


def test_options_stand_in_for_the_preprocessing(model):
    path = model(shape=("n", 3, "h", "w"))
    with pytest.raises(StickerworksError, match="how large its pictures are: set input_size"):
        opened(path)
    with pytest.raises(StickerworksError, match="which mean normalises its pictures: set mean"):
        opened(path, input_size=[16, 16])
    given = {"input_size": [16, 16], "mean": [0.5] * 3, "std": [0.5] * 3}
    assert opened(path, **given)([sticker("red")])[0] > 0.99


@pytest.mark.parametrize(
    ("how", "options", "told"),
    [
        ({"shape": ("n", 4, 32, 32), "weights": [*RED, [0, 0]]}, {}, "have 4 colours"),
        ({"shape": ("n", 3, 32)}, {}, "not one batch of pictures|can't load it"),
        ({}, {"input_size": [64, 64]}, "takes pictures of 32 x 32, not of 64 x 64"),
        ({"before": NORMAL | {"crop_pct": 0.9}}, {}, "set input_size"),
        ({"before": NORMAL | {"size": {"shortest_edge": 32}}}, {}, "keeps proportions"),
        ({"before": NORMAL | {"size": {"longest_edge": 9}}}, {}, "is not understood"),
        ({"before": NORMAL | {"size": 10**9}}, {}, "is none from 8 to 2048"),
        ({"before": NORMAL | {"image_std": [0, 1, 1]}}, {}, "image_std is not above 0"),
        ({"before": NORMAL | {"resample": 99}}, {}, "no way of resizing numbered 99"),
        ({"before": ["a list"]}, {}, "holds no mapping"),
    ],
)
def test_one_that_does_not_fit_is_told_in_one_line(model, how, options, told):
    path = model(**{"before": NORMAL} | how)
    with pytest.raises(StickerworksError, match=f"safety model {path} can't be used: .*({told})"):
        opened(path, **options)


def test_what_is_no_model_is_told_in_one_line(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\x89PNG no model")
    with pytest.raises(StickerworksError, match="onnxruntime can't load it") as told:
        opened(str(path))
    assert "\n" not in str(told.value)
    with pytest.raises(StickerworksError, match="none.onnx is missing"):
        MEASURE.models(SafetyOptions(model=str(tmp_path / "none.onnx"), unsafe=[1]))


def test_a_gpu_that_is_not_there_is_an_error(model):
    with pytest.raises(StickerworksError, match="computes on no GPU here.*device to cpu"):
        opened(model(before=NORMAL), gpu="cuda")


def test_thin_pictures_neither_fail_nor_fill_memory(model):
    cut = NORMAL | {"size": {"shortest_edge": 40}, "do_center_crop": True}
    cut |= {"crop_size": {"height": 32, "width": 32}}
    measure = opened(model(before=cut))
    assert measure([sticker("red", size=(1, 512)), sticker("red", size=(512, 1))])[0] > 0.9


def test_the_digest_covers_what_stands_beside_the_file(model, tmp_path):
    options = SafetyOptions(model=model(before=NORMAL), unsafe=[1])
    before = MEASURE.models(options)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(NORMAL | {"resample": 0}))
    assert MEASURE.models(options) != before
