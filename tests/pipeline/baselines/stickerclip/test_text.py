"""Texts: five fields, cut, joined in any order and never mixed up; and their tokens."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.baselines.stickerclip.config import PRESETS
from pipeline.baselines.stickerclip.text import (
    SEPARATOR,
    join_fields,
    open_tokenizer,
    text_fields,
)
from pipeline.engine.errors import StickerworksError

ROW = {
    "caption_zh": "一只猫\n在笑",
    "caption_en": "a cat laughs",
    "ocr_text": "哈" * 30,
    "emotion": "开心",
    "style": "cartoon",
    "domain": "real",
}
columns = st.sampled_from(
    ["caption_zh", "caption_en", "ocr_text", "content", "emotion", "style", "domain", "pack"]
)
rows = st.dictionaries(columns, st.text(max_size=40))
tags = st.sets(st.text(max_size=8), max_size=4)


def test_all_five_fields_stand_in_fixed_order_with_ocr_cut() -> None:
    fields = text_fields(ROW, {"猫", "大笑"}, 24)
    assert fields == ("一只猫 在笑", "哈" * 24, "开心", "cartoon", "大笑，猫")
    assert join_fields(fields).count(SEPARATOR) == 4


def test_the_chinese_caption_comes_first_and_others_stand_in() -> None:
    assert text_fields({"caption_en": "a cat"}, (), 24) == ("a cat",)
    assert text_fields({"caption_zh": "猫", "caption_en": "a cat"}, (), 24) == ("猫",)
    assert text_fields({"content": "hi", "domain": "real"}, (), 24) == ("hi", "real")
    assert text_fields({"pack": "cats", "captioner": "model"}, (), 24) == ()


@given(row=rows, tags=tags, length=st.integers(0, 30))
def test_a_field_that_a_row_lacks_leaves_nothing_behind(
    row: dict[str, str], tags: set[str], length: int
) -> None:
    fields = text_fields(row, tags, length)
    assert len(fields) <= 5
    assert all(field == " ".join(field.split()) != "" for field in fields)
    assert text_fields(row, sorted(tags, reverse=True), length) == fields
    alone = {name: text for name, text in row.items() if name == "ocr_text"}
    assert all(len(field) <= length for field in text_fields(alone, (), length))


@given(fields=st.lists(st.text(max_size=6), max_size=5), seed=st.integers(0, 2**32))
def test_shuffling_changes_the_order_alone(fields: list[str], seed: int) -> None:
    joined = join_fields(fields, np.random.default_rng(seed))
    assert joined == join_fields(fields, np.random.default_rng(seed))
    orders = {join_fields(order) for order in itertools.permutations(fields)}
    assert joined in orders
    assert Counter(joined) == Counter(join_fields(fields))


def test_every_order_is_drawn_about_as_often() -> None:
    random = np.random.default_rng(0)
    drawn = Counter(join_fields("abc", random) for _ in range(1200))
    assert len(drawn) == 6
    assert min(drawn.values()) > 150


def test_quotation_marks_and_case_are_those_of_the_vocabulary() -> None:
    assert join_fields(["“OK”", "A"]) == '"ok"；a'


def test_the_hashing_tokenizer_reads_at_most_the_context() -> None:
    tokenize = open_tokenizer(PRESETS["tiny"])
    ids, mask = tokenize(["猫" * 200, "hello；world"])
    assert ids.shape == mask.shape == (2, 64)
    assert mask.sum(1).tolist() == [64, 5]
    assert ids.max() < PRESETS["tiny"].vocab_size


def test_a_pretrained_tokenizer_is_read_from_its_folder(tmp_path: Path) -> None:
    from transformers import BertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "一", "猫", "；", "ok"]
    (tmp_path / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    BertTokenizer(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    tokenize = open_tokenizer(replace(PRESETS["paper"], weights=str(tmp_path), context=8))
    ids, mask = tokenize(["一猫；ok", "猫" * 20])
    assert ids.tolist() == [[2, 5, 6, 7, 8, 3, 0, 0], [2, *[6] * 6, 3]]
    assert mask.sum(1).tolist() == [6, 8]


def test_a_tokenizer_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    with pytest.raises(StickerworksError, match="nowhere"):
        open_tokenizer(replace(PRESETS["paper"], weights=str(tmp_path / "nowhere")))
