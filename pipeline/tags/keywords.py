"""Keywords of stickers: what a query, a source's tag or a title says, without its noise."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

MAX_CHARS = 80
COLUMNS = ["id", "query", "tags", "title"]

# Hostile text may be megabytes long, and NFKC makes some characters 18 times longer.
_MAX_RAW_CHARS = 1000
_MAX_MARKS = 2

_EXTENSION = r"(?:gif|png|apng|jpe?g|jfif|webp|bmp|mp4|webm|tgs|svg)"
_FILE_NAME = re.compile(rf"\.{_EXTENSION}\s*$", re.IGNORECASE)
# ChineseBQB and packs like it: a pack's name, at least three digits, then captions between dashes.
_SERIAL = re.compile(r"^[^\d]{0,40}\d{3,}(?=$|[-_])")
_RESOLUTION = re.compile(r"@\dx$", re.IGNORECASE)
_COPY_NUMBER = re.compile(r"(?<=[一-鿿])\s*[(（]?\d{1,3}[)）]?$")
_MARKUP = re.compile(r"</?[A-Za-z][^<>]{0,200}>")

_SLANG_NUMBER = re.compile(r"6{3,}|23{2,}|5{3,}|520|1314|5201314|88|886|996|007|250|9527")
_HEX_OR_UUID = re.compile(r"(?=.*\d)[0-9a-f]{12,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_OPAQUE_ID = re.compile(r"(?=.*\d)(?=.*[a-z])(?=.*[A-Z])[A-Za-z0-9_-]{14,}")
_DEVICE_NAME = re.compile(
    r"(?:img|image|dsc[fn]?|pxl|photo|pic|mmexport|wx_camera|screenshot|download|unnamed|untitled"
    r"|giphy|tenor|tumblr|sticker|file|微信图片|qq图片|qq截图|截图|屏幕截图|未命名|图片)"
    r"[\s_.()（）\d-]*",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"\w{2,10}://|www\.", re.IGNORECASE)


def carried_keywords(observations: pa.Table, ids: pa.Array) -> pa.Table:
    """Distinct pairs of ``sticker``, a place in ``ids``, and ``keyword`` that it carries.

    ``observations`` needs the columns in COLUMNS; rows of other stickers are passed over.
    """
    places = pc.index_in(observations["id"], value_set=ids)
    seen = observations.filter(pc.is_valid(places)).combine_chunks()
    places = places.drop_null().combine_chunks()
    query, tags, title = (seen[name].combine_chunks() for name in COLUMNS[1:])
    pairs = (
        _carried(places, query, lambda text: keywords_of(text, None, None)),
        _carried(
            places.take(pc.list_parent_indices(tags)),
            pc.list_flatten(tags),
            lambda text: keywords_of(text, None, None),
        ),
        _carried(places, title, lambda text: keywords_of(None, None, text)),
    )
    return pa.concat_tables(pairs).group_by(["sticker", "keyword"]).aggregate([])


def _carried(stickers: pa.Array, texts: pa.Array, read: Callable[[str], set[str]]) -> pa.Table:
    """Stickers and the keywords of their texts, each different text read once."""
    different = texts.dictionary_encode()
    keywords = [sorted(read(text)) for text in different.dictionary.to_pylist()]
    lists = pa.array(keywords, pa.list_(pa.string())).take(different.indices)
    owners = stickers.take(pc.list_parent_indices(lists))
    return pa.table({"sticker": owners, "keyword": pc.list_flatten(lists)})


def keywords_of(
    query: str | None, tags: Iterable[str | None] | None, title: str | None
) -> set[str]:
    """Keywords of one observation."""
    texts = [query, *(tags or ()), *_title_parts(title or "")]
    return {keyword for text in texts if text and (keyword := normalise(text))}


@lru_cache(maxsize=1 << 16)
def normalise(text: str) -> str | None:
    """One keyword: NFKC, trimmed, no control characters, no emoji; None where nothing is said.

    Bare numbers (other than slang such as 666), hashes, opaque ids, addresses and camera file
    names say nothing. At most MAX_CHARS characters; applying it twice changes nothing more.
    """
    # Emoji go first: NFKC would turn some of them into letters.
    visible = "".join(character for character in text[:_MAX_RAW_CHARS] if _keeps(character))
    composed = "".join(_few_marks(unicodedata.normalize("NFKC", visible)))
    keyword = _trim(_trim(composed)[:MAX_CHARS])
    return None if is_noise(keyword) else keyword


def is_slang_number(text: str) -> bool:
    """Whether a bare number means something in chats, such as 666 or 520."""
    return _SLANG_NUMBER.fullmatch(text) is not None


def is_noise(keyword: str) -> bool:
    """Whether a cleaned keyword is a number, a hash, an id, an address or a camera's file name."""
    if is_slang_number(keyword):
        return False
    if not any(character.isalpha() for character in keyword) or _ADDRESS.search(keyword):
        return True
    return bool(
        _HEX_OR_UUID.fullmatch(keyword.lower())
        or _OPAQUE_ID.fullmatch(keyword)
        or _DEVICE_NAME.fullmatch(keyword)
    )


def _title_parts(title: str) -> list[str]:
    """Captions within a title, which often is a file name."""
    title = html.unescape(title[:_MAX_RAW_CHARS])
    title = unicodedata.normalize("NFKC", _MARKUP.sub(" ", title)).strip()
    stem = _FILE_NAME.sub("", title)
    rest = _SERIAL.sub("", stem)
    parts = re.split(r"[-_]+", rest) if rest != title and not is_noise(stem) else [rest]
    return [_COPY_NUMBER.sub("", _RESOLUTION.sub("", part.strip())) for part in parts]


def _keeps(character: str) -> bool:
    if character.isspace():
        return True
    category = unicodedata.category(character)
    # C*: control, format, private use, unassigned. So and Sk: emoji, dingbats, skin tones.
    # U+20E3 makes keycaps; U+FE00 to U+FE0F choose between text and emoji looks.
    dropped = category[0] == "C" or category in ("So", "Sk")
    return not (dropped or character == "\u20e3" or "\ufe00" <= character <= "\ufe0f")


def _few_marks(text: str) -> Iterator[str]:
    """The text without stacks of combining marks, which break layouts."""
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks <= _MAX_MARKS:
            yield character


def _trim(text: str) -> str:
    return " ".join(text.split())
