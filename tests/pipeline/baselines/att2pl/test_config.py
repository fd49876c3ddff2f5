"""Presets, names of weights and impossible values."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from typed_settings import typed

from pipeline.baselines.att2pl.config import PRESETS
from pipeline.engine.errors import StickerworksError
from pipeline.training.settings import change_settings, restore_settings


def test_the_paper_preset_has_the_published_numbers() -> None:
    paper = PRESETS["paper"]
    assert (paper.learning_rate, paper.weight_decay) == (1e-5, 1e-2)
    assert (paper.batch_size, paper.epochs, paper.image_side) == (8, 20, 224)
    assert (paper.grid, paper.patches, paper.width) == (7, 49, 768)
    assert paper.image_source == "microsoft/swin-tiny-patch4-window7-224"
    assert paper.text_encoder == "google-bert/bert-base-multilingual-cased"
    assert (paper.classifier, paper.detach_renewed, paper.lambda_rec) == ("bert", False, 1)


def test_published_weights_follow_the_backbone_and_other_names_stand() -> None:
    assert (
        replace(PRESETS["paper"], backbone="vit").image_source
        == "google/vit-base-patch16-224-in21k"
    )
    assert "deit" in str(replace(PRESETS["paper"], backbone="deit").image_source)
    assert "beit" in str(replace(PRESETS["paper"], backbone="beit").image_source)
    assert replace(PRESETS["paper"], image_weights="/some/folder").image_source == "/some/folder"
    assert PRESETS["small"].image_source is None
    assert PRESETS["tiny"].image_source is None


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_survives_the_recipe_of_a_run(name: str) -> None:
    settings = PRESETS[name]
    assert restore_settings(settings, json.loads(json.dumps(asdict(settings)))) == settings


def test_switches_can_be_given_as_text() -> None:
    typed = {"backbone": "vit", "prompt": "false", "penalty": "signed", "swin_heads": "3,6,12,24"}
    assert change_settings(PRESETS["paper"], typed) == replace(
        PRESETS["paper"], backbone="vit", prompt=False, penalty="signed"
    )
    with pytest.raises(StickerworksError, match="Bad setting: backbone: .*, not 'cait'"):
        change_settings(PRESETS["paper"], {"backbone": "cait"})


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"backbone": "cait"}, "backbone"),
        ({"attention": "both"}, "attention"),
        ({"masking": "blocks"}, "masking"),
        ({"classifier": "mean"}, "classifier"),
        ({"main_loss": "focal"}, "main_loss"),
        ({"penalty": "both"}, "penalty"),
        ({"image_side": 230}, "image_side"),
        ({"image_side": 0}, "image_side"),
        ({"groups": 50}, "groups"),
        ({"groups": 0}, "groups"),
        ({"mask_ratio": 0.0}, "mask_ratio"),
        ({"rounds": 0}, "rounds"),
        ({"swin_window": 8}, "swin_window"),
        ({"swin_heads": (3, 6, 12, 25)}, "swin_heads"),
        ({"backbone": "vit", "vit_heads": 7}, "vit_heads"),
        ({"backbone": "vit", "vit_patch": 14}, "vit_patch"),
        ({"bert_heads": 0}, "bert_heads"),
        ({"image_side": 736}, "image_side"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"least_learning_rate": 1e-4}, "least_learning_rate"),
        ({"lambda_rec": -1.0}, "lambda_rec"),
        ({"warmup_epochs": -1}, "warmup_epochs"),
        ({"shift": -1}, "shift"),
        ({"batch_size": 0}, "batch_size"),
        ({"epochs": 0}, "epochs"),
        ({"drop_path": 1.0}, "drop_path"),
        ({"bert_dropout": 1.0}, "bert_dropout"),
    ],
)
def test_impossible_values_name_their_key(changes: dict[str, Any], key: str) -> None:
    with pytest.raises(StickerworksError, match=f"Bad setting: {key}: "):
        change_settings(PRESETS["paper"], typed(changes))
