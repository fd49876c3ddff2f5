"""Scores of clips, with networks small enough to be made here; and what happens without any."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from scipy import linalg
from torch import Tensor, nn
from torch.nn import functional
from transformers import (
    AutoTokenizer,
    BertTokenizer,
    ChineseCLIPConfig,
    ChineseCLIPModel,
    CLIPConfig,
    CLIPModel,
)

from pipeline.baselines.sti.comparison import Clips, can_compare, compare_clips, missing_figures
from pipeline.baselines.sti.presets import PRESETS
from pipeline.baselines.sti.scores import text_similarity, video_distance, video_quality
from pipeline.engine import plugins
from pipeline.engine.errors import StickerworksError
from pipeline.training.arrays import Images
from pipeline.training.clips import extend_clip

TEXTS = ["a red cat", "a blue dog", "a green owl", "a red cat"]
VISION = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 16,
    "patch_size": 8,
}
WORDS = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
}


class Seer(nn.Module):
    """Means of a clip's colours at the first, middle and last frame."""

    def forward(self, clips: Tensor) -> Tensor:
        return torch.cat([clips[:, :, t].mean((2, 3)) for t in (0, 7, 15)], 1)


class Converted(nn.Module):
    """Takes the options of the I3D that FVD is measured with, and insists on them."""

    def forward(
        self, x: Tensor, rescale: bool = True, resize: bool = True, return_features: bool = False
    ) -> Tensor:
        if rescale or resize or not return_features:
            raise ValueError("called otherwise")
        if x.shape[2] < 16 or x.shape[3] != 224 or x.shape[4] != 224:
            raise ValueError("of another shape")
        return x.mean((3, 4)).flatten(1)[:, :6]


def random_clips(count: int, seed: int, bright: int = 0) -> list[Images]:
    random = np.random.default_rng(seed)
    return [
        np.clip(random.integers(0, 200, (8, 1, 1, 3)) + bright, 0, 255)
        .astype(np.uint8)
        .repeat(20, 1)
        .repeat(20, 2)
        for _ in range(count)
    ]


@pytest.fixture
def seer(tmp_path: Path) -> str:
    path = tmp_path / "seer.pt"
    torch.jit.script(Seer()).save(path)
    return str(path)


def test_fvd_is_the_frechet_distance_of_what_the_network_sees(seer: str) -> None:
    real, drawn = random_clips(30, 0), random_clips(20, 1, bright=40)
    features = [
        np.stack(
            [
                np.concatenate([extend_clip(clip, 16)[t, 0, 0] / 127.5 - 1 for t in (0, 7, 15)])
                for clip in clips
            ]
        )
        for clips in (real, drawn)
    ]
    means = [part.mean(0) for part in features]
    one, other = (np.cov(part.T) for part in features)
    spread = np.trace(one + other - 2 * linalg.sqrtm(one @ other).real)
    expected = np.square(means[0] - means[1]).sum() + spread
    assert video_distance(real, drawn, seer)["FVD"] == pytest.approx(expected, rel=1e-4)
    assert video_distance(real, real, seer)["FVD"] == pytest.approx(0, abs=1e-6)


def test_the_converted_i3d_is_called_as_it_wants(tmp_path: Path) -> None:
    torch.jit.script(Converted()).save(tmp_path / "i3d.pt")
    found = video_distance(random_clips(4, 0), random_clips(4, 1), str(tmp_path / "i3d.pt"))
    assert found["FVD"] > 0


def test_an_i3d_that_is_none_is_one_clear_error(tmp_path: Path) -> None:
    clips = random_clips(3, 0)
    with pytest.raises(StickerworksError, match="There is no I3D at /nowhere"):
        video_distance(clips, clips, "/nowhere/i3d.pt")
    (tmp_path / "text.pt").write_text("no network")
    with pytest.raises(StickerworksError, match="can't be read as TorchScript"):
        video_distance(clips, clips, str(tmp_path / "text.pt"))
    with pytest.raises(StickerworksError, match="two clips"):
        video_distance(clips[:1], clips, "/nowhere/i3d.pt")


@pytest.fixture(scope="module")
def clip_folder(
    tmp_path_factory: pytest.TempPathFactory, clip_tokenizer: Callable[[Path, int], int]
) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    words = clip_tokenizer(folder, 12)
    torch.manual_seed(0)
    special = {"bos_token_id": words - 2, "eos_token_id": words - 1, "pad_token_id": words - 1}
    text = {**WORDS, "vocab_size": words, "max_position_embeddings": 12, **special}
    CLIPModel(CLIPConfig(text_config=text, vision_config=VISION, projection_dim=8)).save_pretrained(
        folder
    )
    return folder


@pytest.fixture(scope="module")
def chinese_clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chinese-clip")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"红猫蓝狗绿鸟"]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    BertTokenizer.from_pretrained(folder).save_pretrained(folder)
    torch.manual_seed(0)
    text = {**WORDS, "vocab_size": len(vocabulary), "max_position_embeddings": 16}
    config = ChineseCLIPConfig(text_config=text, vision_config=VISION, projection_dim=8)
    ChineseCLIPModel(config).save_pretrained(folder)
    return folder


def similarities(folder: Path, kind: Any, clips: Sequence[Images], texts: list[str]) -> Tensor:
    """Mean cosine of every clip's frames with every text, by transformers alone."""
    model, tokenizer = kind.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])[:, None, None]
    spread = torch.tensor([0.26862954, 0.26130258, 0.27577711])[:, None, None]
    table = torch.empty(len(clips), len(texts))
    with torch.no_grad():
        for column, text in enumerate(texts):
            tokens = tokenizer([text], return_tensors="pt")
            told = functional.normalize(model.get_text_features(**tokens).pooler_output, dim=-1)
            for row, clip in enumerate(clips):
                cosines = []
                for frame in clip:
                    pixels = torch.from_numpy(frame.copy()).permute(2, 0, 1).float()[None] / 255
                    # One colour a frame: resizing can't change it.
                    small = functional.interpolate(pixels, (16, 16))
                    seen = model.get_image_features(pixel_values=(small - mean) / spread)
                    cosines.append(functional.normalize(seen.pooler_output, dim=-1) @ told.T)
                table[row, column] = torch.cat(cosines).mean()
    return table


@pytest.mark.parametrize(
    ("which", "kind", "texts"),
    [
        ("clip_folder", CLIPModel, TEXTS),
        ("chinese_clip_folder", ChineseCLIPModel, ["红猫", "蓝狗", "绿鸟", "红猫"]),
    ],
)
def test_similarity_is_the_mean_cosine_of_frames_with_recall_over_all_captions(
    which: str, kind: Any, texts: list[str], request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(which)
    clips = random_clips(4, 5)
    table = similarities(folder, kind, clips, texts)
    found = text_similarity(clips, texts, str(folder))
    own = table.diagonal()
    assert found["CLIP"] == pytest.approx(float(own.mean()), abs=1e-5)
    # The first and the last text are one candidate: either clip may choose it.
    hits = [float(own[n]) >= float(table[n].max()) - 1e-6 for n in range(4)]
    assert found["CLIP R@1"] == pytest.approx(np.mean(hits))


def test_what_is_no_clip_is_refused(base: Path, tmp_path: Path) -> None:
    with pytest.raises(StickerworksError, match="can't be had"):
        text_similarity(random_clips(1, 0), ["a"], str(tmp_path))
    with pytest.raises(StickerworksError, match="is no CLIP, but a CLIPTextModel"):
        text_similarity(random_clips(1, 0), ["a"], str(base / "text_encoder"))


def brightness(clips: Sequence[Images]) -> list[float]:
    """A scorer as anyone may write one."""
    return [float(clip.mean()) for clip in clips]


def broken(clips: Sequence[Images]) -> list[float]:
    return [1.0]


@pytest.fixture
def scorers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A module ``a_scorer``, and a plugin ``bright`` that names a function of it."""
    module = ModuleType("a_scorer")
    module.brightness, module.broken = brightness, broken  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "a_scorer", module)
    point = EntryPoint("bright", "a_scorer:brightness", "stickerworks.video_quality")

    def entry_points(group: str, name: str = "bright") -> list[EntryPoint]:
        return [point] if (group, name) == (point.group, point.name) else []

    monkeypatch.setattr(plugins, "entry_points", entry_points)
    plugins._points.cache_clear()
    yield
    plugins._points.cache_clear()


@pytest.mark.usefixtures("scorers")
@pytest.mark.parametrize("name", ["a_scorer:brightness", "bright"])
def test_a_scorer_is_a_function_by_name_or_a_plugin(name: str) -> None:
    clips = random_clips(3, 0)
    expected = np.mean([clip.mean() for clip in clips])
    assert video_quality(clips, name) == {"VQA": pytest.approx(expected)}


@pytest.mark.usefixtures("scorers")
@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("dark", "no video_quality plugin called 'dark'.* Installed: bright"),
        ("a_scorer:missing", "can't be loaded"),
        ("no_such_module:score", "can't be loaded"),
        ("a_scorer:broken", "figures of shape"),
    ],
)
def test_a_scorer_that_is_none_is_one_clear_error(name: str, what: str) -> None:
    with pytest.raises(StickerworksError, match=what):
        video_quality(random_clips(3, 0), name)


def test_figures_that_can_be_had_are_given_and_the_others_named(seer: str) -> None:
    clips = Clips(random_clips(5, 0), random_clips(5, 1), [f"text {n}" for n in range(5)])
    config = replace(PRESETS["tiny"], i3d=seer, clip="/nowhere/clip")
    assert can_compare(config)
    table, notes = compare_clips(clips, config)
    assert list(table) == ["drawn"]
    assert list(table["drawn"]) == ["FVD"]
    assert any("turned back at both ends to 16" in note for note in notes)
    (lost,) = (note for note in notes if "missing" in note)
    assert "CLIP similarity is missing" in lost
    assert "/nowhere/clip" in lost
    (unnamed,) = missing_figures(config)
    assert "VQA is missing: set quality to" in unnamed


def test_without_any_network_nothing_need_be_drawn() -> None:
    config = PRESETS["tiny"]
    assert not can_compare(config)
    assert [note.split(" is missing")[0] for note in missing_figures(config)] == [
        "VQA",
        "FVD",
        "CLIP similarity",
    ]
