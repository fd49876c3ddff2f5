"""Takes secrets and machine paths out of text that goes into a release."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

_SECRET_NAMES = re.compile(
    r"(?i)(^|[-_.])(access|auth|api|private)?[-_.]?"
    r"(key|apikey|token|secret|sig|signature|password|passwd|pwd|auth|session|credential)s?$"
)
_BOT_TOKEN = re.compile(r"(?i)(bot)\d{5,}(?::|%3a)[\w-]{20,}")
_BLANK = re.compile(r"[\s\x00-\x1f\x7f]")
_URL = re.compile(r"(?i)\b[a-z][a-z0-9+.-]*://[^\s\"'<>]+")
# A path of two or more levels that no scheme, host or relative name stands before.
_LOCAL_PATH = re.compile(
    r"(?<![\w:/\\.~…-])(?:~|[A-Za-z]:)?[/\\]+(?:[^\s/\\\"']+[/\\]+)+([^\s/\\\"']*)"
)

# The same in quotes, where names may hold spaces; up to the closing quote, if there is one.
_QUOTED_PATH = re.compile(
    r"(?P<quote>['\"`])(?:(?i:file):)?(?P<path>(?:~|[A-Za-z]:)?[/\\](?:\\['\"`]|(?!(?P=quote))[^\n])*)"
)
_SEPARATORS = re.compile(r"[/\\]+")


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
    path = _BOT_TOKEN.sub(r"\1***", parts.path)
    clean = urlunsplit((parts.scheme.lower(), netloc, path, _public_query(parts.query), ""))
    return _BLANK.sub(lambda match: quote(match[0]), clean)


def public_text(text: str | None) -> str | None:
    """Text in which addresses keep no secret and local paths keep their last name alone."""
    if text is None:
        return None
    text = _QUOTED_PATH.sub(_last_name, text)
    pieces, end = [], 0
    for match in _URL.finditer(text):
        pieces.append(_LOCAL_PATH.sub(r"…/\1", text[end : match.start()]))
        pieces.append(public_url(match[0]) or "…")
        end = match.end()
    pieces.append(_LOCAL_PATH.sub(r"…/\1", text[end:]))
    return _BOT_TOKEN.sub(r"\1***", "".join(pieces))


def _last_name(quoted: re.Match[str]) -> str:
    names = _SEPARATORS.split(quoted["path"])
    # The first one is what stands before the path: nothing, ~ or a drive.
    return f"{quoted['quote']}…/{names[-1]}" if len(names) > 2 else quoted[0]


def _public_query(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    if not any(_SECRET_NAMES.search(name) for name, _ in pairs):
        return query
    kept = [(name, "***" if _SECRET_NAMES.search(name) else value) for name, value in pairs]
    return "&".join(f"{quote(name)}={quote(value, safe='*')}" for name, value in kept)
