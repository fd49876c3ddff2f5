"""Batches of pairs: every row once an epoch, fields shuffled, stills and animations mixed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.baselines.stickerclip.config import PRESETS
from pipeline.baselines.stickerclip.model import StickerClip
from pipeline.baselines.stickerclip.pairs import (
    Pairs,
    count_batches,
    crop,
    draw_batch,
    embed_frames,
    embed_pairs,
    embed_texts,
    open_pairs,
    read_examples,
)
from pipeline.baselines.stickerclip.text import join_fields, open_tokenizer
from pipeline.baselines.stickerclip.trainer import BASELINE
from pipeline.training.contract import NewSticker, Trained, UnreadableImageError
from pipeline.training.examples import Dataset, Examples
from pipeline.training.trainer import new_examples

Make = Callable[..., Any]
TINY = replace(PRESETS["tiny"], image_side=16)


@pytest.fixture
def examples(write_release: Make, captioned: Make) -> Examples:
    return read_examples(Dataset(write_release(train=captioned(20))), "train", TINY)


def draw(pairs: Pairs, epoch: int, number: int, **changes: Any) -> tuple[torch.Tensor, ...]:
    settings = replace(TINY, **changes)
    return draw_batch(pairs, open_tokenizer(settings), settings, (3, epoch, number))


def test_a_batch_holds_all_frames_in_a_row(examples: Examples) -> None:
    pairs = open_pairs(examples, TINY)
    frames, counts, ids, mask, groups = draw(pairs, 1, 0, batch_size=20)
    assert set(counts.tolist()) == {1, 3}
    assert frames.shape == (int(counts.sum()), 16, 16, 3)
    assert frames.dtype == torch.uint8
    assert len(ids) == len(mask) == len(groups) == 20
    row = int(np.flatnonzero(pairs.groups == groups[0].item())[0])
    assert np.array_equal(frames[: counts[0]].numpy(), pairs.frames[row])
    assert ids.shape[1] == int(mask.sum(1).max()) < 64, "no column is all padding"


def test_every_row_comes_once_an_epoch_and_the_last_batch_is_filled_up(examples: Examples) -> None:
    pairs = open_pairs(examples, TINY)
    assert count_batches(20, replace(TINY, batch_size=8)) == 3
    first, second = (
        torch.cat([draw(pairs, epoch, number, batch_size=8)[4] for number in range(3)]).tolist()
        for epoch in (1, 2)
    )
    for drawn in (first, second):
        assert sorted(drawn[:20]) == list(range(20))
        assert drawn[20:] == drawn[:4]
    assert first != second


def test_fewer_rows_than_a_batch_are_one_batch(examples: Examples) -> None:
    assert count_batches(20, replace(TINY, batch_size=64)) == 1
    assert len(draw(open_pairs(examples, TINY), 1, 0, batch_size=64)[4]) == 20


def test_a_batch_depends_on_seed_epoch_and_number_alone(examples: Examples) -> None:
    pairs = open_pairs(examples, TINY)
    first, again = (draw(pairs, 1, 1, crop=0.5) for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    tokens = [draw(pairs, epoch, 0, batch_size=20) for epoch in (1, 2)]
    texts = [
        {group: ids.tolist() for group, ids in zip(batch[4].tolist(), batch[2], strict=True)}
        for batch in tokens
    ]
    moved = sum(texts[0][n] != texts[1][n] for n in range(20))
    assert moved > 5, "fields stand in another order in another epoch"
    assert all(sorted(texts[0][n]) == sorted(texts[1][n]) for n in range(20))


def test_rows_with_the_same_fields_are_one_group(write_release: Make, row: Make) -> None:
    rows = [
        row("circle", 1, caption_en="A  shape"),
        row("circle", 2, caption_en="a shape"),
        row("circle", 3, caption_en="another"),
        row("square", 4, caption_en="a shape"),
    ]
    pairs = open_pairs(read_examples(Dataset(write_release(train=rows)), "train", TINY), TINY)
    first, second, third, fourth = pairs.groups
    assert first == second
    assert len({first, third, fourth}) == 3


def test_rows_without_any_text_are_left_out_and_told(write_release: Make, row: Make) -> None:
    rows = [
        row("circle", 1),
        row("circle", 2, tags=[], ocr_text=" \n"),
        row("circle", 3, tags=[], ocr_text="hi"),
    ]
    examples = read_examples(Dataset(write_release(train=rows)), "train", TINY)
    assert len(examples) == 2
    assert "1 train rows have no text and were not used" in examples.notes


def test_a_crop_keeps_size_and_share_and_is_one_for_all_frames() -> None:
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    frames = np.broadcast_to(ramp[None, None, :, None], (3, 64, 64, 3)).copy()
    random = np.random.default_rng(0)
    shares = []
    for _ in range(60):
        cut = crop(frames, 0.5, random)
        assert cut.shape == frames.shape
        assert np.array_equal(cut[0], cut[2])
        shares.append((int(cut[0, 32, -1, 0]) - int(cut[0, 32, 0, 0])) / 255)
    assert 0.5 < min(shares) < 0.8, "a width from sqrt(0.5 * 3/4) of the side up"
    assert max(shares) > 0.95
    assert crop(frames, 1.0, random) is frames


def test_embeddings_are_in_order_whatever_the_blocks(
    examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    model = StickerClip(TINY, pretrained=False)
    pairs, tokenize = open_pairs(examples, TINY), open_tokenizer(TINY)
    images, texts = embed_pairs(model, pairs, tokenize)
    assert images.shape == texts.shape == (20, TINY.embed_dim)
    monkeypatch.setattr("pipeline.baselines.stickerclip.pairs._ROWS", 3)
    again = embed_pairs(model, pairs, tokenize)
    assert torch.allclose(images, again[0], atol=1e-5)
    assert torch.allclose(texts, again[1], atol=1e-5)
    alone = [embed_texts(model, [join_fields(fields)], tokenize) for fields in pairs.fields]
    assert torch.allclose(texts, torch.cat(alone), atol=1e-5)
    few = embed_texts(model, ["b", "a", "b"], tokenize)
    assert torch.equal(few[0], few[2])
    assert not torch.allclose(few[0], few[1], atol=1e-3)


def test_new_stickers_look_as_those_of_a_release(
    write_release: Make, captioned: Make, tmp_path: Path
) -> None:
    rows = captioned(6)
    examples = read_examples(Dataset(write_release(train=rows)), "train", TINY)
    stickers = [NewSticker(row["image"]["bytes"]) for row in rows]
    run = Trained(TINY, {"tags": []}, tmp_path)
    new = new_examples(BASELINE, run, stickers)
    assert [len(new.frames[n]) for n in range(6)] == [3, 1, 1, 3, 1, 1]
    assert new.lengths == examples.lengths
    for n in range(6):
        assert np.array_equal(new.frames[n], examples.frames[n])
    with pytest.raises(UnreadableImageError) as caught:
        new_examples(BASELINE, run, [stickers[0], NewSticker(b"GIF89a")])
    assert caught.value.number == 1


def test_no_rows_give_no_embeddings() -> None:
    model = StickerClip(TINY, pretrained=False)
    assert embed_frames(model, lambda row: np.zeros((1, 16, 16, 3), np.uint8), 0).shape == (0, 32)
