"""Planted cases for reading and fetching: damaged, misnamed and hostile files, and missing ones."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import replace

from PIL import Image

from pipeline.demo.concepts import PACKS, PRIVATE_PACK, Pack
from pipeline.demo.encode import Kind, encode, save_gif
from pipeline.demo.expected import DrawnSticker
from pipeline.demo.render import flatten
from pipeline.demo.scene import SceneContent
from pipeline.demo.sticker_writer import StickerWriter, truth

MAX_BYTES = 1_000_000
"""Largest file that the demo's crawl fetches; one planted file is larger."""
HTML_PAGE = (
    b"<!DOCTYPE html><html><head><title>Not here</title></head>"
    b"<body><p>This sticker has moved.</p></body></html>\n"
)


def plant_file_cases(writer: StickerWriter) -> None:
    """Plant everything that is odd about a file rather than about what it shows."""
    _plant_truncated(writer)
    _plant_lying(writer)
    _plant_odd_gifs(writer)
    _plant_bombs(writer)
    _plant_unfetched(writer)


def plant_private(writer: StickerWriter) -> None:
    """Good stickers in the folder that robots.txt disallows."""
    refused = replace(truth("private"), expected="unfetched", why="refused")
    for number in range(2):
        frames = _frames(writer, f"private/{number}", PRIVATE_PACK)
        _put(writer, PRIVATE_PACK, "png", encode(frames, "png"), refused)


def _frames(writer: StickerWriter, label: str, pack: Pack, count: int = 1) -> list[Image.Image]:
    return writer.draw(label, SceneContent((pack.concept,), frames=count))


def _put(
    writer: StickerWriter, pack: Pack, extension: str, data: bytes | None, drawn: DrawnSticker
) -> None:
    if drawn.expected in ("kept", "dropped"):
        drawn = replace(drawn, tags=(pack.concept,), domain="cartoon")
    word = writer.keyword(writer.rng(f"{pack.english}/{drawn.case}"), pack.concept)
    writer.put(pack, writer.next_name(pack, (word,), extension), data, drawn)


def _plant_truncated(writer: StickerWriter) -> None:
    broken = replace(truth("truncated"), expected="failed", rule="decode", why="decode")
    stills: tuple[tuple[Kind, str], ...] = (("png", "png"), ("jpeg", "jpg"))
    for number, (kind, extension) in enumerate(stills):
        data = encode(_frames(writer, f"truncated/{kind}", PACKS[number]), kind)
        _put(writer, PACKS[number], extension, data[: len(data) * 3 // 5], broken)
    frames = [
        flatten(frame).quantize(32, method=Image.Quantize.FASTOCTREE)
        for frame in _frames(writer, "truncated/gif", PACKS[2], 5)
    ]
    whole = save_gif(frames, 100)
    # A GIF grows frame by frame, so the last frame begins where the shorter file ends.
    last_frame = len(save_gif(frames[:-1], 100)) - 1
    data = whole[: (last_frame + len(whole)) // 2]
    cut = replace(truth("truncated_gif"), expected="dropped", rule="truncated", flag="truncated")
    _put(writer, PACKS[2], "gif", data, cut)


def _plant_lying(writer: StickerWriter) -> None:
    lies: tuple[tuple[Kind, int, str], ...] = (
        ("png", 1, "gif"),
        ("gif", 4, "jpg"),
        ("jpeg", 1, "png"),
        ("webp", 1, "gif"),
        ("webp", 4, "jpg"),
        ("gif", 4, "png"),
    )
    for number, (kind, count, extension) in enumerate(lies):
        pack = PACKS[number + 3]
        frames = _frames(writer, f"lying/{number}", pack, count)
        drawn = replace(truth("lying_extension"), flag="extension_lies")
        _put(writer, pack, extension, encode(frames, kind), drawn)


def _plant_odd_gifs(writer: StickerWriter) -> None:
    for number in range(2):
        still, hasty = PACKS[number + 4], PACKS[number + 8]
        frames = _frames(writer, f"hasty/{number}", hasty, 4)
        drawn = replace(truth("zero_duration"), flag="clamped_durations")
        _put(writer, hasty, "gif", without_delays(encode(frames, "gif", 50)), drawn)
        frames = _frames(writer, f"one_frame/{number}", still)
        _put(writer, still, "gif", encode(frames, "gif"), truth("one_frame_gif"))


def without_delays(gif: bytes) -> bytes:
    """The same GIF with every declared delay of 50 ms set to zero; Pillow leaves those out."""
    return re.sub(rb"(!\xf9\x04.)\x05\x00(.\x00[,!])", b"\\1\x00\x00\\2", gif, flags=re.DOTALL)


def _plant_bombs(writer: StickerWriter) -> None:
    drawn = replace(truth("bomb"), expected="failed", rule="decode", why="too_large")
    _put(writer, PACKS[10], "png", bomb_png(30_000), drawn)
    _put(writer, PACKS[11], "gif", bomb_gif(9_000), drawn)


def bomb_png(side: int) -> bytes:
    """A few bytes of PNG that declare a square of this side."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(3 * side + 1), 9)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", rows), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def bomb_gif(side: int) -> bytes:
    """35 bytes of GIF that declare a square of this side."""
    screen = b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0)
    palette = b"\x00\x00\x00\xff\xff\xff"
    image = b"," + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x02\x02\x44\x01\x00"
    return screen + palette + image + b";"


def _plant_unfetched(writer: StickerWriter) -> None:
    missing = replace(truth("missing"), expected="unfetched", why="gone")
    _put(writer, PACKS[3], "png", None, missing)
    page = replace(truth("html_page"), expected="unfetched", why="not_media")
    _put(writer, PACKS[5], "gif", HTML_PAGE, page)
    listing = replace(truth("folder_entry"), expected="unfetched", why="not_media")
    writer.put(PACKS[7], "生气包", None, listing)
    heavy = replace(truth("oversize"), expected="unfetched", why="too_large")
    data = encode(_frames(writer, "oversize", PACKS[9]), "png")
    _put(writer, PACKS[9], "png", data.ljust(MAX_BYTES + 200_000, b"\0"), heavy)
