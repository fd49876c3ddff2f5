"""Several texts in one cell."""

from __future__ import annotations

from collections.abc import Iterable

_SEPARATORS = frozenset("\n,，;；、|")
_MARK = '"'


def split_list(text: str) -> tuple[str, ...]:
    """Texts between separators: line ends, commas, semicolons, 、 and |; none twice.

    One that is in quotation marks is taken as it is.

    >>> split_list('猫、狗; "a, b"')
    ('猫', '狗', 'a, b')
    """
    found: dict[str, None] = {}
    place = 0
    while place < len(text):
        while place < len(text) and (text[place].isspace() or text[place] in _SEPARATORS):
            place += 1
        item, place = _quoted(text, place) or _bare(text, place)
        if item:
            found[item] = None
    return tuple(found)


def join_list(texts: Iterable[str], between: str = ", ") -> str:
    """A cell's text from which ``split_list`` gets the same texts."""
    return between.join(map(_marked, texts))


def _marked(text: str) -> str:
    if text.startswith(_MARK) or not _SEPARATORS.isdisjoint(text):
        return _MARK + text.replace(_MARK, _MARK * 2) + _MARK
    return text


def _bare(text: str, start: int) -> tuple[str, int]:
    end = start
    while end < len(text) and text[end] not in _SEPARATORS:
        end += 1
    return text[start:end].strip(), end


def _quoted(text: str, start: int) -> tuple[str, int] | None:
    """The text in quotation marks and where it ends; None unless a separator follows it."""
    if text[start : start + 1] != _MARK:
        return None
    end = text.find(_MARK, start + 1)
    while end >= 0 and text[end + 1 : end + 2] == _MARK:
        end = text.find(_MARK, end + 2)
    if end < 0:
        return None
    after = end + 1
    while after < len(text) and text[after].isspace() and text[after] not in _SEPARATORS:
        after += 1
    if after < len(text) and text[after] not in _SEPARATORS:
        return None
    return text[start + 1 : end].replace(_MARK * 2, _MARK).strip(), after
