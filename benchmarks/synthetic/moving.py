"""Small videos and Lottie animations, drawn here: a square that moves to the right."""

from __future__ import annotations

import gzip
import io
import json
from fractions import Fraction
from typing import Any

import numpy as np

SIZE = (74, 54)
"""Width and height; neither is a multiple of what codecs cut frames into."""


def drawn_frames(count: int = 12, alpha: bool = False) -> list[np.ndarray[Any, Any]]:
    """RGBA frames (54, 74, 4); around the square it is white, or nothing where ``alpha``."""
    frames = []
    for index in range(count):
        frame = np.full((SIZE[1], SIZE[0], 4), 0 if alpha else 255, np.uint8)
        frame[14:34, 4 + 2 * index : 24 + 2 * index] = (230, 40, 20, 255)
        frames.append(frame)
    return frames


def drawn_video(
    kind: str, codec: str, *, alpha: bool = False, count: int = 12, options: Any = None
) -> bytes:
    """A video of 25 frames a second in a container (``webm``, ``mp4``) and a codec of FFmpeg's."""
    import av

    out = io.BytesIO()
    with av.open(out, "w", format=kind, container_options=options or {}) as container:
        stream: Any = container.add_stream(codec, rate=25)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuva420p" if alpha else "yuv420p"
        stream.thread_count = 1
        for index, pixels in enumerate(drawn_frames(count, alpha)):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgba").reformat(
                format=stream.pix_fmt
            )
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return out.getvalue()


def lottie(frames: int = 12, rate: float = 30, **also: Any) -> dict[str, Any]:
    """A Lottie document; ``also`` replaces what it says at the top."""

    def still(value: Any) -> dict[str, Any]:
        return {"a": 0, "k": value}

    w, h = SIZE
    ease = {"i": {"x": 1, "y": 1}, "o": {"x": 0, "y": 0}}
    path = [{"t": 0, "s": [14, h / 2, 0], "e": [w - 14, h / 2, 0], **ease}]
    path.append({"t": frames, "s": [w - 14, h / 2, 0]})
    turn = {"o": still(100), "r": still(0), "a": still([0, 0, 0]), "s": still([100, 100, 100])}
    shapes = [
        {"ty": "rc", "d": 1, "p": still([0, 0]), "s": still([20, 20]), "r": still(0)},
        {"ty": "fl", "c": still([0.9, 0.15, 0.1, 1]), "o": still(100), "r": 1},
        {"ty": "tr", "p": still([0, 0]), **turn},
    ]
    layer = {
        "ddd": 0, "ind": 1, "ty": 4, "nm": "square", "sr": 1, "ao": 0, "bm": 0, "st": 0,
        "ks": {**turn, "p": {"a": 1, "k": path}}, "ip": 0, "op": frames,
        "shapes": [{"ty": "gr", "it": shapes, "nm": "group"}],
    }  # fmt: skip
    return {
        "tgs": 1, "v": "5.5.2", "fr": rate, "ip": 0, "op": frames, "w": w, "h": h, "nm": "drawn",
        "ddd": 0, "assets": [], "layers": [layer], **also,
    }  # fmt: skip


def drawn_tgs(document: Any = None) -> bytes:
    """A Lottie document as Telegram sends it."""
    text = json.dumps(lottie() if document is None else document)
    return gzip.compress(text.encode(), mtime=0)
