"""Word lists: a dictionary for stickers, and stop words without the reactions."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from pathlib import Path

from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import read_regular

STICKER_WORDS = Path(__file__).with_name("sticker_words.txt")
REACTIONS = Path(__file__).with_name("reactions.txt")
_MAX_BYTES = 20_000_000


def read_dictionary(path: Path) -> tuple[str, ...]:
    """Words of a dictionary, sorted: one a line; jieba's frequency and tag are passed over.

    Raises StickerworksError where there is no such file or it is not UTF-8 text.
    """
    return tuple(sorted({fields[0] for fields in _lines(path)}))


def read_reactions() -> tuple[str, ...]:
    """Words that ordinary stop-word lists take out and that stickers live on, sorted."""
    return tuple(sorted({word for fields in _lines(REACTIONS) for word in fields}))


def stop_words(reactions: Collection[str]) -> frozenset[str]:
    """Chinese and English stop words (stopwordsiso), lower case, without ``reactions``."""
    import stopwordsiso

    listed = {word.lower() for word in stopwordsiso.stopwords(["zh", "en"])}
    return frozenset(listed.difference(reactions))


def _lines(path: Path) -> list[list[str]]:
    try:
        text = read_regular(path, _MAX_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise StickerworksError(
            f"The dictionary {path} can't be read: {error.strerror}.",
            "Correct tags.user_dictionary in the configuration, or take it out.",
        ) from error
    except UnicodeDecodeError as error:
        raise StickerworksError(
            f"The dictionary {path} is not UTF-8 text (byte {error.start}).",
            "Save it as UTF-8: one word a line.",
        ) from error
    lines = unicodedata.normalize("NFKC", text).splitlines()
    return [fields for line in lines if (fields := line.split("#")[0].split())]
