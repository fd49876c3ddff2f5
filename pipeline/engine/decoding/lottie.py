"""TGS: gzipped Lottie, an animation as JSON. Checked here; rendered in a process of its own."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterator
from typing import Any

from pipeline.engine.decoding.header import Header, Undecodable

_MOST_BYTES = 16 << 20
"""Of the JSON. Telegram allows 64 KB gzipped; real ones have up to 2 MB."""
_DEEPEST = 100
"""Nested lists and objects; real ones have about thirty, and renderers recurse."""


def scan_lottie(data: bytes) -> Header:
    """Canvas and frames of an animation; Undecodable for one that is no Lottie or not alone."""
    document = _parse(data)
    width, height = (math.ceil(_figure(document, key)) for key in ("w", "h"))
    first, end = (_figure(document, key) for key in ("ip", "op"))
    if _figure(document, "fr") <= 0:
        raise Undecodable("decode: the animation has no frame rate")
    return Header(width, height, max(0, math.ceil(end - first)), len(data))


def lottie_json(data: bytes) -> bytes:
    """The JSON of a checked animation, written anew: what was checked is what is rendered."""
    return json.dumps(_parse(data)).encode()


def render_lottie(text: bytes, width: int, height: int) -> Iterator[tuple[bytes, int, int, int]]:
    """Yield RGBA bytes, width, height and milliseconds of each frame. Runs in the child."""
    from PIL import Image
    from rlottie_python.rlottie_wrapper import LottieAnimation

    with LottieAnimation.from_data(text.decode()) as animation:
        if not animation.animation_p:
            raise ValueError("rlottie refuses the animation")
        rate = animation.lottie_animation_get_framerate()
        for index in range(animation.lottie_animation_get_totalframe()):
            drawn = animation.lottie_animation_render(index, width=width, height=height)
            # rlottie's colours are multiplied with their alpha, in another order.
            picture = Image.frombytes("RGBA", (width, height), drawn, "raw", "BGRa")
            start, stop = (round(1000 * n / rate) for n in (index, index + 1))
            yield picture.tobytes(), width, height, stop - start


def _parse(data: bytes) -> dict[str, Any]:
    try:
        inflate = zlib.decompressobj(31)
        text = inflate.decompress(data, _MOST_BYTES)
    except zlib.error as error:
        raise Undecodable(f"decode: {error}") from error
    if inflate.unconsumed_tail:
        raise Undecodable(f"too_large: its JSON has more than {_MOST_BYTES:,} bytes")
    if not inflate.eof:
        raise Undecodable("decode: the file ends within its JSON")
    try:
        document = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Undecodable("decode: it holds no JSON that can be read") from error
    if not isinstance(document, dict) or not isinstance(document.get("layers"), list):
        raise Undecodable("decode: it holds no Lottie animation")
    _check(document)
    return document


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _check(document: dict[str, Any]) -> None:
    """Refuse what is nested deeper than any renderer should follow, and pictures."""
    level: list[Any] = [document]
    for _ in range(_DEEPEST):
        if not level:
            break
        inner: list[Any] = []
        for one in level:
            inner += one.values() if isinstance(one, dict) else one
        level = [one for one in inner if isinstance(one, dict | list)]
    else:
        raise Undecodable(f"decode: its JSON is nested more than {_DEEPEST} deep")
    assets = document.get("assets", [])
    for asset in assets if isinstance(assets, list) else [assets]:
        if isinstance(asset, dict) and ("p" in asset or "u" in asset):
            raise Undecodable("decode: it shows pictures of other files, which are never opened")


def _figure(document: dict[str, Any], key: str) -> float:
    value = document.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        raise Undecodable(f"decode: the animation has no {key} that is a number")
    return value
