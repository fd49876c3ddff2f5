"""Texts that spreadsheet programs would make something else of, behind an apostrophe."""

from __future__ import annotations

import re

SIGNS = "=+-@\t\r＝＋－＠'"
"""First characters of a text that programs may take for a formula, and that which guards it."""

_NUMBER_LIKE = re.compile(r"[0-9.,:/%eE+-][0-9 .,:/%eE+-]*")


def guard(text: str) -> str:
    """A text as CSV holds it: an apostrophe before what programs would make a formula, a number
    or a date of."""
    risky = text != "" and text[0] in SIGNS
    return f"'{text}" if risky or _NUMBER_LIKE.fullmatch(text) else text


def unguard(text: str) -> str:
    """The text that was guarded; programs keep the apostrophe when they save CSV as a workbook.

    >>> unguard(guard("=1+1"))
    '=1+1'
    """
    inner = text[1:]
    return inner if text[:1] == "'" and guard(inner) != inner else text


def guard_again(text: str) -> str:
    """A text as a workbook holds it, whose texts are no formulas: guarded where ``unguard`` would
    take something off."""
    return guard(text) if unguard(text) != text else text
