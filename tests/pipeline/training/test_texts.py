"""Text features: frozen, cached, each distinct text once; tokens that need no vocabulary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.errors import StickerworksError
from pipeline.training import texts as texts_module
from pipeline.training.texts import (
    HashTokenizer,
    TextSpec,
    pool_layers,
    split_words,
    text_features,
)

TEXTS = ["a cat waves", "一只猫挥手", "", "a cat waves", "a dog sleeps"]
HASHED = TextSpec("hashed", 64)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random BERT of width 16 and its tokenizer."""
    from transformers import BertConfig, BertModel, BertTokenizer

    folder = tmp_path_factory.mktemp("bert")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "cat", "dog", "waves", "sleeps"]
    (folder / "vocab.txt").write_text("\n".join([*words, "猫"]), encoding="utf-8")
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=11, hidden_size=16, num_hidden_layers=5, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=32,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    return folder


def test_equal_texts_have_equal_features_and_the_cache_gives_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STICKERWORKS_CACHE", str(tmp_path))
    first = text_features(TEXTS, HASHED)
    assert first.shape == (5, 64)
    assert (first[0] == first[3]).all()
    assert np.linalg.norm(first[:], axis=1).round(5).tolist() == [1, 1, 0, 1, 1]
    assert first[0] @ first[4] < 0.9

    def fail(*given: Any) -> Any:
        raise AssertionError("encoded again")

    monkeypatch.setattr(texts_module, "_hash_text", fail)
    again = text_features(TEXTS[::-1], HASHED)
    assert (again[:] == first[:][::-1]).all()
    assert len(list((tmp_path / "texts").iterdir())) == 1
    with pytest.raises(AssertionError, match="encoded again"):
        text_features([*TEXTS, "new"], HASHED)


def test_an_index_of_any_shape_gives_features_of_that_shape() -> None:
    features = text_features(TEXTS, HASHED)
    assert features[np.array([[0, 1], [2, 4]])].shape == (2, 2, 64)
    assert len(text_features([], HASHED)) == 0


def test_token_features_know_the_order_of_words() -> None:
    spec = TextSpec("hashed", 32, length=6, pool="tokens")
    one, other = text_features(["cat eats fish", "fish eats cat"], spec)[:]
    assert one.shape == (6, 32)
    assert (one[3:] == 0).all()
    assert not np.allclose(one[0], other[2])
    assert np.allclose(one[1], other[1])


def test_an_encoder_of_a_folder_gives_the_mean_of_its_last_layers(bert: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    spec = TextSpec(str(bert), 16, length=8, layers=4)
    features = text_features(TEXTS, spec)
    tokens = AutoTokenizer.from_pretrained(bert)(["a dog sleeps"], return_tensors="pt")
    with torch.no_grad():
        hidden = AutoModel.from_pretrained(bert).eval()(**tokens, output_hidden_states=True)
    expected = torch.stack(hidden.hidden_states[-4:]).mean(0).mean(1)[0].numpy()
    assert np.allclose(features[4], expected, atol=1e-5), "without padding"
    padded = text_features(TEXTS, TextSpec(str(bert), 16, length=8, layers=4, pool="all"))
    assert not np.allclose(padded[4], expected, atol=1e-3)
    each = text_features(TEXTS, TextSpec(str(bert), 16, length=8, pool="tokens"))
    assert each.shape == (5, 8, 16)


def test_other_weights_under_the_same_path_are_encoded_anew(bert: Path, tmp_path: Path) -> None:
    import shutil

    from transformers import BertModel

    folder = tmp_path / "mine"
    shutil.copytree(bert, folder)
    spec = TextSpec(str(folder), 16, length=8)
    before = text_features(TEXTS, spec)[0]
    model = BertModel.from_pretrained(folder)
    torch.nn.init.normal_(model.embeddings.word_embeddings.weight)
    model.save_pretrained(folder)
    assert not np.allclose(text_features(TEXTS, spec)[0], before)


def test_a_missing_encoder_or_another_width_is_one_clear_error(bert: Path) -> None:
    with pytest.raises(StickerworksError, match=r"gives 16 figures a text; 768 were expected"):
        text_features(["new text"], TextSpec(str(bert), 768, length=8))
    with pytest.raises(StickerworksError, match=r"'/nowhere/bert' can't be had.*--with NAME=PATH"):
        text_features(["new text"], TextSpec("/nowhere/bert", 768))


def test_pooling_leaves_padding_out() -> None:
    layers = [torch.full((2, 3, 1), 2.0), torch.tensor([[[4.0], [4.0], [100.0]], [[0.0]] * 3])]
    mask = torch.tensor([[1, 1, 0], [0, 0, 0]])
    assert pool_layers(layers, mask, "masked").tolist() == [[3.0], [0.0]]
    assert pool_layers(layers, mask, "all").flatten().tolist() == [19.0, 1.0]


def test_words_and_single_chinese_characters_are_tokens() -> None:
    assert split_words("Hi, 猫咪2 ＡＢ!") == ["hi", ",", "猫", "咪", "2", "ab", "!"]


@given(texts=st.lists(st.text(max_size=30), max_size=6), length=st.integers(3, 12))
def test_tokens_are_ids_between_begin_and_end_then_padding(texts: list[str], length: int) -> None:
    ids, mask = HashTokenizer(50, length)(texts)
    assert ids.shape == mask.shape == (len(texts), length)
    for text, row, there in zip(texts, ids, mask, strict=True):
        count = min(len(split_words(text)), length - 2) + 2
        assert row[0] == 1
        assert row[count - 1] == 2
        assert (row[count:] == 0).all()
        assert there.sum() == count
        assert ((row[1 : count - 1] >= 3) & (row[1 : count - 1] < 50)).all()


def test_weights_in_a_folder_below_are_told_apart_too(bert: Path, tmp_path: Path) -> None:
    import shutil

    from transformers import BertModel

    for part in ("text_encoder", "tokenizer"):
        shutil.copytree(bert, tmp_path / "pipe" / part)
    spec = TextSpec(
        str(tmp_path / "pipe"), 16, 8, model_folder="text_encoder", tokenizer_folder="tokenizer"
    )
    before = text_features(TEXTS, spec)[0]
    model = BertModel.from_pretrained(tmp_path / "pipe" / "text_encoder")
    torch.nn.init.normal_(model.embeddings.word_embeddings.weight)
    model.save_pretrained(tmp_path / "pipe" / "text_encoder")
    assert not np.allclose(text_features(TEXTS, spec)[0], before)


def test_encoding_leaves_chance_as_it_was(bert: Path) -> None:
    state = torch.get_rng_state()
    text_features(["never encoded before"], TextSpec(str(bert), 16, length=8))
    assert torch.equal(torch.get_rng_state(), state)


def test_half_a_character_is_hashed_like_any_other() -> None:
    assert text_features(["\ud800"], HASHED).shape == (1, 64)
