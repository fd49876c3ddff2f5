"""TGS: gzipped Lottie, an animation as JSON. Checked here; rendered in a process of its own."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from pipeline.engine.decoding.header import Header, Undecodable

_MOST_BYTES = 16 << 20
"""Of the JSON. Telegram allows 64 KB gzipped; real ones have up to 2 MB."""
_DEEPEST = 100
"""Nested lists and objects; real ones have about thirty, and renderers recurse."""
_MOST_LAYERS, _MOST_COPIES = 20_000, 1_000
"""Layers of all compositions where they are shown, and copies that a repeater makes of a shape."""


def scan_lottie(data: bytes) -> Header:
    """Canvas and frames of an animation; Undecodable for one that is no Lottie or not alone."""
    return _checked(data)[0]


def lottie_json(data: bytes) -> bytes:
    """The JSON of a checked animation, written anew: what was checked is what is rendered."""
    return _checked(data)[1]


@lru_cache(maxsize=1)  # it is asked for its header, then for its JSON, and parsing takes seconds
def _checked(data: bytes) -> tuple[Header, bytes]:
    document = _parse(data)
    width, height = (math.ceil(_figure(document, key)) for key in ("w", "h"))
    first, end = (_figure(document, key) for key in ("ip", "op"))
    if _figure(document, "fr") <= 0:
        raise Undecodable("decode: the animation has no frame rate")
    header = Header(width, height, max(0, math.ceil(end - first)), len(data))
    return header, json.dumps(document).encode()


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
    """Refuse pictures, and what takes a renderer too much memory, time or stack."""
    level: list[Any] = [document]
    # What stands below a repeater's number of copies, which may be one for each of many times.
    copies: list[Any] = []
    for _ in range(_DEEPEST):
        if not level and not copies:
            break
        inner: list[Any] = []
        numbers = [value for one in copies for value in _values(one)]
        for one in level:
            if isinstance(one, dict) and one.get("ty") == "rp":
                numbers.append(one.get("c"))
                inner += (value for key, value in one.items() if key != "c")
            else:
                inner += _values(one)
        if any(isinstance(one, int | float) and one > _MOST_COPIES for one in numbers):
            raise Undecodable(f"too_large: it repeats a shape over {_MOST_COPIES:,} times")
        level, copies = (
            [one for one in found if isinstance(one, dict | list)] for found in (inner, numbers)
        )
    else:
        raise Undecodable(f"decode: its JSON is nested more than {_DEEPEST} deep")
    assets = document.get("assets", [])
    known = [one for one in assets if isinstance(one, dict)] if isinstance(assets, list) else []
    if any("p" in asset or "u" in asset for asset in known):
        raise Undecodable("decode: it shows pictures of other files, which are never opened")
    _count_layers(document, known)


def _values(one: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return one.values() if isinstance(one, dict) else one


def _count_layers(document: dict[str, Any], assets: list[dict[str, Any]]) -> None:
    """Refuse compositions that show themselves, or each other until there are millions."""
    inside = {str(asset.get("id")): asset.get("layers") for asset in assets}
    counts: dict[str, int] = {}

    def count(layers: Any, path: tuple[str, ...]) -> int:
        found = 0
        for layer in layers if isinstance(layers, list) else ():
            name = str(layer.get("refId")) if isinstance(layer, dict) else ""
            if name in path or len(path) > _DEEPEST:
                raise Undecodable("decode: a composition in it shows itself")
            if name in inside and name not in counts:
                counts[name] = count(inside[name], (*path, name))
            found += 1 + counts.get(name, 0)
        return found

    if count(document["layers"], ()) > _MOST_LAYERS:
        raise Undecodable(f"too_large: it shows more than {_MOST_LAYERS:,} layers")


def _figure(document: dict[str, Any], key: str) -> float:
    value = document.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        raise Undecodable(f"decode: the animation has no {key} that is a number")
    return value
