"""Text of strangers made safe for files of labels and for chat templates."""

from __future__ import annotations

import re
from unicodedata import category

_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
# "<" opens a token of some model only before a letter or one of these: <image>, </s>, <|im_end|>
# and DeepSeek's full-width bar. "<3" and "a < b" are kept.
_TOKEN = re.compile(r"<(?=[^\W\d_]|[/|｜!?])")
_BRACKETED = re.compile(r"\[(/?[A-Z][A-Z_ ]*)\]")  # [INST], [/INST], [IMG], [TOOL_CALLS]
_BRACED = re.compile(r"([{}])(?=\1)")  # {{image}}


def label_text(text: str) -> str:
    """One line without tabs, control or formatting characters, spaces run together.

    >>> label_text("a\\tb\\n c\\u202e")
    'a b c'
    """
    return " ".join("".join(" " if category(c) in _UNSEEN else c for c in text).split())


def chat_text(text: str) -> str:
    """``label_text`` in which nothing is left that chat templates and trainers read as a token.

    >>> chat_text("a <image> of [INST] <3")
    'a ‹image> of (INST) <3'
    """
    line = _TOKEN.sub("‹", label_text(text))
    return _BRACED.sub(r"\1 ", _BRACKETED.sub(r"(\1)", line))
