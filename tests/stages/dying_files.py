"""Measuring that dies of some files, as a decoder does in a process of its own."""

from __future__ import annotations

import os

from pipeline.release.contamination.looking import Greys, look
from pipeline.release.looking.measuring import Seen, see_chunk
from pipeline.release.looking.rows import Chunk
from schemas.config import DecodeConfig

DEADLY = b"kills its decoder"


def see_or_die(chunk: Chunk, caps: DecodeConfig) -> Seen:
    """As ``see_chunk``; the process ends at a file that says so."""
    if DEADLY in chunk.files.to_pylist():
        os._exit(11)
    return see_chunk(chunk, caps)


def look_or_die(data: bytes, caps: DecodeConfig) -> Greys | None:
    """As ``look``; the process ends at a file that says so."""
    if data == DEADLY:
        os._exit(11)
    return look(data, caps)
