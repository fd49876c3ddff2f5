"""Text of strangers made safe for chat templates."""

from __future__ import annotations

import re

from pipeline.engine.text import one_line

# "<" opens a token of some model only before a letter or one of these: <image>, </s>, <|im_end|>
# and DeepSeek's full-width bar. "<3" and "a < b" are kept.
_TOKEN = re.compile(r"<(?=[^\W\d_]|[/|｜!?])")
_BRACKETED = re.compile(r"\[(/?[A-Z][A-Z_ ]*)\]")  # [INST], [/INST], [IMG], [TOOL_CALLS]
_BRACED = re.compile(r"([{}])(?=\1)")  # {{image}}


def chat_text(text: str) -> str:
    """One line with nothing in it that chat templates and trainers read as a token.

    >>> chat_text("a <image> of [INST] <3")
    'a ‹image> of (INST) <3'
    """
    line = _TOKEN.sub("‹", one_line(text, None))
    return _BRACED.sub(r"\1 ", _BRACKETED.sub(r"(\1)", line))
