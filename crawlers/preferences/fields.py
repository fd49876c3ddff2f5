"""Dictionaries of structured fields (RFC 9651 section 4.2.2), as far as preferences need them."""

from __future__ import annotations

import re

_KEY = r"[a-z*][a-z0-9_.*-]*"
_WORD = r"[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*"  # a token
_BARE = (
    r"(?:"
    r"-?[0-9]{1,12}\.[0-9]{1,3}|@?-?[0-9]{1,15}"  # decimal; integer or date
    r'|"(?:[ !#-\[\]-~]|\\["\\])*"'  # string
    r'|%"(?:[ !#$&-~]|%[0-9a-f]{2})*"'  # display string
    rf"|{_WORD}"
    r"|:[A-Za-z0-9+/]*={0,2}:"  # bytes
    r"|\?[01])"  # boolean
)
_PARAMETERS = rf"(?:; *{_KEY}(?:={_BARE})?)*"
_ITEM = rf"{_BARE}{_PARAMETERS}"
# No way back into spaces: a value that is nothing but spaces would take time squared.
_INNER_LIST = rf"\( *+(?:{_ITEM}(?: ++{_ITEM})*)? *+\){_PARAMETERS}"
_MEMBER = re.compile(
    rf"({_KEY})(?:=(?:({_WORD}){_PARAMETERS}|{_ITEM}|{_INNER_LIST})|{_PARAMETERS})"
    r"(?=[ \t]*(?:,|\Z))"
)
_SEPARATOR = re.compile(r"[ \t]*,[ \t]*")


def token_members(text: str) -> dict[str, str | None]:
    """Members of a dictionary: the value where it is a token, None where it is anything else.

    Of a key that stands twice the last value counts. Raises ValueError where the text is no
    dictionary.

    >>> token_members("train-ai=n;why=1, search=?0, all")
    {'train-ai': 'n', 'search': None, 'all': None}
    """
    text = text.strip(" ")
    members: dict[str, str | None] = {}
    place = 0
    while place < len(text):
        member = _MEMBER.match(text, place)
        if member is None:
            raise ValueError(f"no dictionary of a structured field from character {place} on")
        members[member[1]] = member[2]
        place = member.end()
        separator = _SEPARATOR.match(text, place)
        if separator is None:
            break
        place = separator.end()
        if place == len(text):
            raise ValueError("a dictionary of a structured field ends in a comma")
    if text[place:].strip(" \t"):
        raise ValueError(f"no dictionary of a structured field from character {place} on")
    return members
