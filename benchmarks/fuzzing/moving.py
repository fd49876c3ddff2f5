"""AVIF, BMP, MP4, WebM and TGS: drawn ones, where their parts begin, and damage to Lottie."""

from __future__ import annotations

import gzip
import io
import json
import random
import zlib
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from PIL import Image
from synthetic.moving import drawn_tgs, drawn_video, lottie

_ENTERED_BOXES = frozenset(
    (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"meta", b"iprp", b"ipco")
)
_ENTERED_ELEMENTS = frozenset(
    (b"\x18\x53\x80\x67", b"\x1f\x43\xb6\x75", b"\x16\x54\xae\x6b", b"\xae", b"\xe0", b"\xa0")
)
_ODD = (
    0, -1, 1, 0.5, 1e9, -1e9, 1e300, 65_536, None, True, "", "x", [], {}, [[]], [0], [None],
    {"a": 0, "k": 0}, {"a": 1, "k": []}, {"a": 1, "k": [{"t": 0}]}, {"a": 0, "k": [1, 2, 3]},
)  # fmt: skip
_KINDS = (
    "gr", "rc", "el", "sh", "sr", "fl", "st", "gf", "gs", "tm", "rp", "mm", "rd", "tr", "zz",
    0, 1, 2, 3, 4, 5, 13, 99,
)  # fmt: skip
"""Of shapes and of layers."""


def drawn_moving() -> dict[str, list[bytes]]:
    """Small files by their format, in the codecs and modes that are about."""
    rng = random.Random(2)
    frames = [Image.frombytes("RGBA", (20, 16), rng.randbytes(1280)) for _ in range(4)]
    moving = {"save_all": True, "append_images": frames[1:], "duration": 40}
    solid = frames[0].convert("RGB")
    return {
        "avif": [
            _saved(solid, "AVIF", quality=60),
            _saved(frames[0], "AVIF"),
            _saved(frames[0], "AVIF", **moving),
            _saved(solid.convert("L"), "AVIF", range="limited"),
        ],
        "bmp": [
            *(_saved(solid.convert(mode), "BMP") for mode in ("1", "L", "P", "RGB")),
            _saved(frames[0], "BMP"),
            _run_length(solid.convert("P")),
        ],
        "mp4": [
            drawn_video("mp4", "libx264"),
            drawn_video("mp4", "libx264", options={"movflags": "frag_every_frame+empty_moov"}),
            drawn_video("mp4", "libx265"),
            drawn_video("mp4", "mpeg4"),
        ],
        "webm": [
            drawn_video("webm", "libvpx"),
            drawn_video("webm", "libvpx-vp9"),
            drawn_video("webm", "libvpx-vp9", alpha=True),
            drawn_video("webm", "libsvtav1"),
        ],
        "tgs": [drawn_tgs(), drawn_tgs(_rich_lottie())],
    }


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _run_length(image: Image.Image) -> bytes:
    """A bitmap in runs of 8 bits, which Pillow reads and doesn't write."""
    whole = _saved(image, "BMP")
    start = int.from_bytes(whole[10:14], "little")
    rows = b"".join(bytes((image.width, n)) + b"\0\0" for n in range(image.height))
    return whole[:30] + (1).to_bytes(4, "little") + whole[34:start] + rows + b"\0\1"


def _rich_lottie() -> dict[str, Any]:
    """A Lottie with most of what renderers know: masks, mattes, gradients, repeaters, trims."""

    def still(value: Any) -> dict[str, Any]:
        return {"a": 0, "k": value}

    place = {"p": still([0, 0]), "a": still([0, 0]), "s": still([100, 100]), "r": still(9)}
    place["o"] = still(90)
    path = {"c": True, "v": [[0, 0], [20, 0], [9, 20]], "i": [[0, 0]] * 3, "o": [[0, 0]] * 3}
    colours = {"p": 2, "k": still([0, 1, 0, 0, 1, 0, 0, 1])}
    ends = {"s": still([0, 0]), "e": still([20, 20])}
    shapes = [
        {"ty": "sh", "ks": still(path)},
        {"ty": "el", "p": still([9, 9]), "s": still([9, 9])},
        {"ty": "sr", "sy": 1, "pt": still(5), "p": still([9, 9]), "r": still(0), "ir": still(4),
         "or": still(9), "is": still(0), "os": still(0)},
        {"ty": "tm", "s": still(10), "e": still(80), "o": still(0), "m": 1},
        {"ty": "rp", "c": still(3), "o": still(0), "m": 1,
         "tr": {**place, "so": still(100), "eo": still(50)}},
        {"ty": "gf", "o": still(80), "t": 1, "g": colours, **ends},
        {"ty": "gs", "o": still(80), "t": 2, "g": colours, "w": still(2), "h": still(0),
         "a": still(0), **ends},
        {"ty": "st", "c": still([0, 0, 1, 1]), "o": still(100), "w": still(3), "lc": 2, "lj": 2,
         "d": [{"n": "d", "v": still(4)}, {"n": "g", "v": still(2)}]},
        {"ty": "tr", **place},
    ]  # fmt: skip
    document = lottie()
    plain = document["layers"][0]
    mask = {"inv": False, "mode": "a", "pt": still(path), "o": still(100)}
    document["assets"] = [{"id": "c", "layers": [{**plain, "ind": 9}]}]
    document["layers"] = [
        {**plain, "ind": 1, "shapes": [{"ty": "gr", "it": shapes}], "parent": 3},
        {**plain, "ind": 2, "td": 1},
        {**plain, "ind": 3, "tt": 1, "hasMask": True, "masksProperties": [mask]},
        {**plain, "ind": 4, "ty": 0, "refId": "c", "w": 64, "h": 48},
        {**plain, "ind": 5, "ty": 1, "sc": "#ff8800", "sw": 20, "sh": 20},
        {**plain, "ind": 6, "ty": 3},
    ]
    return document


def part_places(kind: str, data: bytes) -> list[tuple[int, int]]:
    """Where boxes or elements begin and end, entered ones and their inner ones alike."""
    return list(_boxes(data) if kind in ("avif", "mp4") else _elements(data))[:400]


def _boxes(data: bytes) -> Iterator[tuple[int, int]]:
    at = 0
    while at + 8 <= len(data):
        size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        yield at, min(at + max(size, 8), len(data))
        at += (12 if name == b"meta" else 8) if name in _ENTERED_BOXES else max(size, 8)


def _elements(data: bytes) -> Iterator[tuple[int, int]]:
    at = 0
    while at + 2 <= len(data) and data[at]:
        start = at
        at += 9 - data[at].bit_length()
        name = data[start:at]
        if at >= len(data) or not data[at]:
            return
        width = 9 - data[at].bit_length()
        size = int.from_bytes(data[at : at + width], "big") & (1 << 7 * width) - 1
        at += width
        yield start, min(at + size, len(data))
        if name not in _ENTERED_ELEMENTS:
            at += size


def damage_lottie(rng: random.Random, data: bytes) -> bytes:
    """Values of its JSON changed, dropped, doubled or taken from elsewhere in it."""
    try:
        document = json.loads(zlib.decompressobj(31).decompress(data, 1 << 20))
    except (ValueError, zlib.error):
        return data
    for _ in range(rng.choice((1, 1, 2, 4, 9))):
        nodes = list(_nodes(document))
        if not nodes:
            break
        holder, key = rng.choice(nodes)
        way = rng.choice(("odd", "odd", "odd", "kind", "drop", "copy", "double"))
        if way == "odd":
            holder[key] = deepcopy(rng.choice(_ODD))
        elif way == "kind":
            holder["ty" if isinstance(holder, dict) else key] = rng.choice(_KINDS)
        elif way == "drop":
            del holder[key]
        elif way == "copy":
            other, name = rng.choice(nodes)
            holder[key] = deepcopy(other[name])
        elif isinstance(holder[key], list) and len(json.dumps(holder[key])) < 20_000:
            holder[key] = json.loads(json.dumps(holder[key] * rng.choice((2, 3, 30))))
    return gzip.compress(json.dumps(document).encode(), mtime=0)


def _nodes(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a value within: what holds it, and its key or number there."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        keys = list(one) if isinstance(one, dict) else range(len(one))
        for key in keys:
            yield one, key
            if isinstance(one[key], dict | list):
                waiting.append(one[key])
