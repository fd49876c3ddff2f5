"""What in an address or a text is a secret: one rule for tables, logs and releases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

HIDDEN = "***"
"""What stands where a secret stood."""

# A secret is known by the last word of its name: `access_token`, but not `token_count`.
_WORDS = frozenset(
    {"auth", "authorisation", "authorization", "bearer", "cookie", "credential", "hmac", "jwt"}
    | {"key", "oauth", "otp", "pass", "passcode", "passphrase", "passwd", "password", "pw", "pwd"}
    | {"secret", "session", "sid", "sig", "sign", "signature", "skey", "ticket", "token"}
)
# What names end with that are written as one word.
_ENDINGS = (
    *("auth", "credential", "jwt", "passphrase", "passwd", "password", "secret", "signature"),
    *("token", "accesskey", "accesskeyid", "apikey", "appkey", "authkey", "privatekey"),
    *("secretkey", "sessionkey", "signingkey", "sessid", "sessionid"),
)
ANY_SECRET_WORD = "|".join(sorted({*_WORDS, *_ENDINGS}))
"""Pattern of what stands in every secret's name, in small letters: where it doesn't, none is."""
_SAYS_NOTHING = frozenset({"id", "ids", "value"})  # behind a name: access_key_id
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NO_WORD = re.compile(r"[^a-z0-9]+")
_BRACKETS = re.compile(r"[\[\]]+")
_LONGEST_NAME = 200

_BETWEEN = re.compile(r"[\s?&;#,\"'<>]+")
_USER = re.compile(r"//[^\s/?#@]+@")
_LAYERS = 5

_BOUNDARY = r"\s?&;#,\"'<>(){}=/"
# From the beginning of each word on, and never back: a text takes time in proportion.
_PAIR = re.compile(rf"(?<![^{_BOUNDARY}])([^{_BOUNDARY}]++=)([^\s&;#,\"'<>]++)")
_WORD = re.compile(r"[^\s\"'<>]++")
_BOT_TOKEN = re.compile(r"(?i)(bot)\d{5,}(?::|%3a)[\w-]{20,}")
_BEARER = re.compile(r"(?i)(?<![\w.-])(bearer\s{1,9}+)[\w.~+/=-]{8,}+")
# A name in quotes or not, as in headers, JSON and what Python shows of itself.
_NAMED = re.compile(
    r"""(?i)(?<![\w.-])([\w.-]++)([\\"']{0,2}+\s{0,9}+[:=]\s{0,9}+\\?+)"""
    r"""(?:"[^"]++"|'[^']++'|["']?(?:(?:bearer|basic|digest)\s{1,9}+)?[^\s,;&"'{}\[\]()<>]++)"""
)
_USER_OF_HOST = re.compile(r"(?<![\w.+-])[\w.+-]++:[^\s/:@\"'<>]++@(?=[\w-]++\.)")


def is_secret_name(name: str) -> bool:
    """Whether the value of a parameter or field of that name is a secret.

    >>> [is_secret_name(name) for name in ("api%5Fkey", "AWSAccessKeyId", "keyword", "page")]
    [True, True, False, False]
    """
    *_, plain = _layers(name[-_LONGEST_NAME:])
    return any(map(_ends_in_secret, _BRACKETS.split(plain)))


def is_secret_pair(pair: str) -> bool:
    """Whether a ``name=value`` of an address must go: by its name, or for what its value holds."""
    return is_secret_name(pair.partition("=")[0]) or carries_secret(pair)


def carries_secret(text: str) -> bool:
    """Whether a text, as it is or decoded, holds a secret pair or an address with a user."""
    if "=" not in text and "%" not in text and "@" not in text:
        return False
    depth = 0
    for layer in _layers(text):
        depth += 1
        if _USER.search(layer) or _USER_OF_HOST.search(layer):
            return True
        if any(map(_tells, _BETWEEN.split(layer))):
            return True
    return depth > _LAYERS  # so often encoded that nobody knows what it is


def hide_pairs(text: str) -> str:
    """Text in which secret parameters have no value, also without an address around them."""
    text = _PAIR.sub(lambda pair: pair[1] + (HIDDEN if is_secret_pair(pair[0]) else pair[2]), text)
    if "%" in text:
        text = _WORD.sub(lambda word: HIDDEN if carries_secret(word[0]) else word[0], text)
    return _USER_OF_HOST.sub(f"{HIDDEN}@", text)


def hide_bot_tokens(text: str) -> str:
    """Text without the tokens that addresses of Telegram's bots have in their paths."""
    return _BOT_TOKEN.sub(rf"\1{HIDDEN}", text)


def hide_secrets(text: str) -> str:
    """Text of a program, such as an error: what ``hide_pairs`` hides, bots' tokens, and what
    stands behind the name of a secret in headers, JSON and Python.

    Not for sentences of people, in which a sign may say: hello.
    """
    text = _BEARER.sub(rf"\1{HIDDEN}", hide_pairs(hide_bot_tokens(text)))
    return _NAMED.sub(_hide_named, text)


def _hide_named(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2]}{HIDDEN}" if is_secret_name(found[1]) else found[0]


def _tells(pair: str) -> bool:
    if pair.partition("=")[2] == HIDDEN:
        return False
    return any(map(is_secret_name, pair.split("=")[:-1]))


def _ends_in_secret(name: str) -> bool:
    words = [word for word in _NO_WORD.split(_CAMEL.sub("_", name).lower()) if word]
    while words and (words[-1] in _SAYS_NOTHING or words[-1].isdigit()):
        words.pop()
    last = words[-1].rstrip("0123456789") if words else ""
    singular = last.removesuffix("s")
    return not _WORDS.isdisjoint({last, singular}) or singular.endswith(_ENDINGS)


def _layers(text: str) -> Iterator[str]:
    """The text, and what it is decoded, decoded again, and so on."""
    for _ in range(_LAYERS):
        yield text
        if (decoded := unquote(text)) == text:
            return
        text = decoded
    yield text
