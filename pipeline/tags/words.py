"""Word lists: a dictionary for stickers, stop words without the reactions, words of no name."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from pathlib import Path

from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import named_path, read_regular

STICKER_WORDS = Path(__file__).with_name("sticker_words.txt")
REACTIONS = Path(__file__).with_name("reactions.txt")
FUNCTION_WORDS = Path(__file__).with_name("function_words.txt")
BLOCKED_WORDS = Path(__file__).with_name("blocked_words.txt")
_MAX_BYTES = 20_000_000


def read_dictionary(path: Path) -> tuple[str, ...]:
    """Words of a dictionary, sorted: one a line; jieba's frequency and tag are passed over.

    Raises StickerworksError where there is no such file or it is not UTF-8 text.
    """
    lines = _lines(path, "dictionary", "tags.user_dictionary")
    return tuple(sorted({fields[0] for fields in lines}))


def read_blocked(path: Path) -> tuple[str, ...]:
    """Words that never become names, sorted: a word or several a line.

    Raises StickerworksError where there is no such file or it is not UTF-8 text.
    """
    lines = _lines(path, "list of blocked words", "tags.blocked_words")
    return tuple(sorted({" ".join(fields) for fields in lines}))


def blocked_words(named: str | None) -> tuple[str, ...]:
    """Our blocked words and those of the file that ``tags.blocked_words`` names, sorted."""
    words = set(read_blocked(BLOCKED_WORDS))
    if named is not None:
        words.update(read_blocked(named_path(named, "tags.blocked_words")))
    return tuple(sorted(words))


def read_reactions() -> tuple[str, ...]:
    """Words that ordinary stop-word lists take out and that stickers live on, sorted."""
    return _words(REACTIONS)


def read_function_words() -> tuple[str, ...]:
    """Words that say little by themselves and are no stop words all the same, sorted."""
    return _words(FUNCTION_WORDS)


def stop_words(reactions: Collection[str]) -> frozenset[str]:
    """Chinese and English stop words (stopwordsiso), lower case, without ``reactions``."""
    import stopwordsiso

    listed = {word.lower() for word in stopwordsiso.stopwords(["zh", "en"])}
    return frozenset(listed.difference(reactions))


def _words(path: Path) -> tuple[str, ...]:
    return tuple(sorted({word for fields in _lines(path, "word list", "") for word in fields}))


def _lines(path: Path, what: str, key: str) -> list[list[str]]:
    try:
        text = read_regular(path, _MAX_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise StickerworksError(
            f"The {what} {path} can't be read: {error.strerror}.",
            f"Correct {key} in the configuration, or take it out.",
        ) from error
    except UnicodeDecodeError as error:
        raise StickerworksError(
            f"The {what} {path} is not UTF-8 text (byte {error.start}).",
            "Save it as UTF-8: one word a line.",
        ) from error
    lines = unicodedata.normalize("NFKC", text).splitlines()
    return [fields for line in lines if (fields := line.split("#")[0].split())]
