"""Text of the files in which hosts state their rules, whatever it was saved as."""

from __future__ import annotations

import json


def policy_text(data: bytes) -> str:
    """Text of a robots.txt or tdmrep.json: UTF-8, or UTF-16 and UTF-32 as some editors save it.

    Byte order marks are dropped wherever they stand (joined files have them in the middle): one
    before ``User-agent`` would hide that line, and with it the whole group. Both kinds of file
    begin with ASCII, by which JSON's own detection tells encodings without a mark apart.
    """
    return data.decode(json.detect_encoding(data), "replace").replace("\ufeff", "")
