"""The cipher in which Baidu writes the addresses of other sites."""

from __future__ import annotations

import re

PUNCTUATION = {"_z2C$q": ":", "_z&e3B": ".", "AzdH3F": "/"}
WRITTEN = "0123456789abcdefghijklmnopqrstuvw"
MEANT = "7dgjmoru140852vsnkheb963wtqplifca"

_MARK = re.compile("|".join(map(re.escape, PUNCTUATION)))
_LETTERS = str.maketrans(WRITTEN, MEANT)


def decode_address(written: str) -> str:
    """The address that is meant; one that isn't in the cipher stays as it is.

    >>> decode_address("ippr_z2C$qAzdH3FAzdH3Fooo_z&e3Bjxw4rsj_z&e3Bv54AzdH3F8")
    'http://www.example.com/1'
    """
    if not _MARK.search(written):
        return written
    return _MARK.sub(lambda mark: PUNCTUATION[mark[0]], written).translate(_LETTERS)
