"""Takes secrets and machine paths out of text that goes into a release."""

from __future__ import annotations

import re
from collections.abc import Callable
from string import punctuation
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.secret_names import (
    ANY_SECRET_WORD,
    HIDDEN,
    carries_secret,
    hide_bot_tokens,
    hide_pairs,
    is_secret_pair,
)

_BLANK = re.compile(r"[\s\x00-\x1f\x7f]")
# From the beginning of what may be a scheme on, and never back: a text takes time in proportion.
_URL = re.compile(r"(?i)(?<![a-z0-9+.-])[a-z0-9+.-]++://[^\s\"'<>]+")
_PARAMETER = re.compile(r"([&;])")
# A path of two or more levels that no scheme, host or relative name stands before.
_LOCAL_PATH = re.compile(
    r"(?<![\w:/\\.~…-])(?:~|[A-Za-z]:)?[/\\]+(?:[^\s/\\\"']+[/\\]+)+([^\s/\\\"']*)"
)

# The same in quotes, where names may hold spaces; up to the closing quote, if there is one.
_QUOTED_PATH = re.compile(
    r"(?P<quote>['\"`])(?:(?i:file):)?(?P<path>(?:~|[A-Za-z]:)?[/\\](?:\\['\"`]|(?!(?P=quote))[^\n])*)"
)
_SEPARATORS = re.compile(r"[/\\]+")

# What a text must hold for `public_text` to change it, and what an address is made of that
# `public_url` leaves alone, unless its query holds a word of secrets. Arrow's (RE2) for columns.
_TOUCHED_TEXT = r"[/\\=%@]|(?i:bot)"
_PLAIN_URL = r"^https?://[a-z0-9][a-z0-9.-]*(/[A-Za-z0-9._~!$'()*+,;/-]*)?(\?[A-Za-z0-9._~=&-]+)?$"
_SECRET_QUERY = rf"\?.*({ANY_SECRET_WORD})"


def public_urls(urls: pa.Array | pa.ChunkedArray) -> pa.Array:
    """``public_url`` of a column."""
    plain = pc.match_substring_regex(urls, _PLAIN_URL)
    secret = pc.match_substring_regex(urls, _SECRET_QUERY, ignore_case=True)
    return _changed(urls, pc.or_(pc.invert(plain), secret), public_url)


def public_texts(texts: pa.Array | pa.ChunkedArray) -> pa.Array:
    """``public_text`` of a column."""
    return _changed(texts, pc.match_substring_regex(texts, _TOUCHED_TEXT), public_text)


def public_url(url: str | None) -> str | None:
    """An http(s) address without user, fragment or secrets; None for anything else."""
    if not url:
        return None
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme.lower() not in ("http", "https") or not host:
        return None
    host = f"[{host}]" if ":" in host else host
    netloc = host if port is None else f"{host}:{port}"
    path = "/".join(map(_public_segment, parts.path.split("/")))
    path = hide_bot_tokens(path)
    clean = urlunsplit((parts.scheme.lower(), netloc, path, _public_query(parts.query), ""))
    return _BLANK.sub(lambda match: quote(match[0]), clean)


def public_text(text: str | None) -> str | None:
    """Text in which addresses keep no secret and local paths keep their last name alone."""
    if text is None:
        return None
    text = _QUOTED_PATH.sub(_last_name, text)
    pieces, end = [], 0
    for match in _URL.finditer(text):
        pieces.append(_public_prose(text[end : match.start()]))
        pieces.append(public_url(match[0]) or "…")
        end = match.end()
    pieces.append(_public_prose(text[end:]))
    return hide_bot_tokens("".join(pieces))


def public_rules(texts: pa.Array | pa.ChunkedArray) -> pa.Array:
    """What hosts' rules say, without secrets; their paths are those of the hosts, and stay."""
    return _changed(texts, pc.match_substring_regex(texts, _TOUCHED_TEXT), _public_rule)


def _public_rule(text: str) -> str:
    return hide_bot_tokens(hide_pairs(_URL.sub(lambda match: public_url(match[0]) or "…", text)))


def _changed(
    texts: pa.Array | pa.ChunkedArray, where: pa.Array, change: Callable[[str], str | None]
) -> pa.Array:
    """A column whose texts are changed where it is so; each distinct one is changed once."""
    if isinstance(texts, pa.ChunkedArray):
        texts, where = texts.combine_chunks(), where.combine_chunks()
    where = pc.fill_null(where, False)
    encoded = texts.filter(where).dictionary_encode()
    changed = pa.array(map(change, encoded.dictionary.to_pylist()), pa.string())
    return pc.replace_with_mask(texts, where, changed.take(encoded.indices))


def _last_name(quoted: re.Match[str]) -> str:
    names = _SEPARATORS.split(quoted["path"])
    # The first one is what stands before the path: nothing, ~ or a drive.
    return f"{quoted['quote']}…/{names[-1]}" if len(names) > 2 else quoted[0]


def _public_prose(text: str) -> str:
    return hide_pairs(_LOCAL_PATH.sub(r"…/\1", text))


def _public_segment(segment: str) -> str:
    return ";".join(HIDDEN if carries_secret(part) else part for part in segment.split(";"))


def _public_query(query: str) -> str:
    pairs = _PARAMETER.split(query)
    if not any(map(is_secret_pair, pairs)):
        return query
    return "".join(map(_public_pair, pairs))


def _public_pair(pair: str) -> str:
    if not is_secret_pair(pair):
        return quote(pair, safe=punctuation)
    name = pair.partition("=")[0]
    return HIDDEN if carries_secret(name) else f"{quote(unquote(name))}={HIDDEN}"
