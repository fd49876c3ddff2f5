from pathlib import Path

import pytest

from pipeline.engine.errors import StickerworksError
from pipeline.tags.words import (
    STICKER_WORDS,
    read_dictionary,
    read_reactions,
    stop_words,
)


def test_a_dictionary_takes_jiebas_format_and_comments(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("\ufeff# ours\n摸鱼 100 n\n\nＢ数\n摸鱼\n", encoding="utf-8")
    assert read_dictionary(path) == ("B数", "摸鱼")


def test_a_missing_dictionary_says_what_to_correct(tmp_path: Path) -> None:
    with pytest.raises(StickerworksError, match=r"nowhere.*tags\.user_dictionary"):
        read_dictionary(tmp_path / "nowhere.txt")


def test_a_dictionary_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes("摸鱼".encode("gbk"))
    with pytest.raises(StickerworksError, match="UTF-8"):
        read_dictionary(path)


def test_our_dictionary_holds_slang() -> None:
    assert {"打工人", "无语", "表情包", "滑稽", "摸鱼", "B数"} <= set(
        read_dictionary(STICKER_WORDS)
    )


def test_reactions_are_no_stop_words_but_would_be() -> None:
    reactions = read_reactions()
    assert {"哈哈", "什么", "啊", "thanks"} <= stop_words(()) & set(reactions)
    assert not stop_words(reactions) & set(reactions)
    assert {"的", "我们", "the"} <= stop_words(reactions)
