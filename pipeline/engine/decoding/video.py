"""Frames of videos by PyAV, which runs in a process of its own (see apart.py)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import av

_CONTAINERS = {"mp4": "mp4", "webm": "matroska"}
# What browsers play. FFmpeg has hundreds more, which nobody looks after as closely.
_CODECS = ("h264", "hevc", "vp8", "vp9", "av1", "libdav1d", "libvpx", "libvpx-vp9", "mpeg4")
_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""FFmpeg's own decoders of these leave transparency out."""


def decode_video(
    data: bytes, kind: str, width: int, height: int
) -> Iterator[tuple[bytes, int, int, int]]:
    """Yield RGBA bytes, width, height and milliseconds of each frame until one is damaged.

    Only the bytes given are read: the format is not guessed, and no container that names other
    files is among them. A frame that is larger than declared ends it.
    """
    import av

    try:
        # Codecs round sides up to whole blocks, of at most 128 pixels.
        yield from _decode(data, kind, (width + 128) * (height + 128))
    except av.error.MemoryError:
        # FFmpeg's own word, after which it is as sound as before.
        raise ValueError("its decoder asked for more memory than it may have") from None


def _decode(data: bytes, kind: str, pixels: int) -> Iterator[tuple[bytes, int, int, int]]:
    import av

    options = {"ignore_editlist": "1", "codec_whitelist": ",".join(_CODECS)}
    with av.open(io.BytesIO(data), format=_CONTAINERS[kind], options=options) as container:
        if not container.streams.video:
            raise ValueError("there is no video in the file")
        stream = container.streams.video[0]
        decoder = _decoder(stream, pixels)
        step = float(1000 / stream.average_rate) if stream.average_rate else 100.0
        yield from _timed(_frames(container, stream, decoder), step)


def _decoder(stream: av.VideoStream, pixels: int) -> Any:
    import av

    own = stream.codec_context
    name = own.name if own is not None else "unknown"
    if name not in _CODECS:
        raise ValueError(f"no decoder for the video codec {name}")
    if stream.metadata.get("alpha_mode") == "1" and name in _WITH_ALPHA:
        name = _WITH_ALPHA[name]
    decoder = av.CodecContext.create(name, "r")
    decoder.extradata = own.extradata
    # Sums don't depend on threads here, but memory does: each has frames of its own.
    decoder.thread_count = 1
    decoder.options = {"max_pixels": str(pixels)}
    return decoder


def _frames(
    container: Any, stream: Any, decoder: Any
) -> Iterator[tuple[float | None, float | None, Any]]:
    """Start and duration in milliseconds, where they are known, and frame, until one can't be
    decoded."""
    import av

    seen = False
    try:
        for packet in container.demux(stream):
            for frame in decoder.decode(packet):
                if frame.is_corrupt:
                    return
                base = frame.time_base or stream.time_base
                start = None if frame.pts is None else float(1000 * frame.pts * base)
                yield start, float(1000 * frame.duration * base) or None, frame
                seen = True
    except av.error.FFmpegError:
        if not seen:
            raise


def _timed(
    frames: Iterator[tuple[float | None, float | None, Any]], step: float
) -> Iterator[tuple[bytes, int, int, int]]:
    """The frames with how long each is shown: until the next begins, and the last for as long as
    it says, or for ``step``."""
    held: tuple[float, float, Any] | None = None
    for start, duration, frame in frames:
        begins = start if start is not None else held[0] + held[1] if held else 0.0
        if held is not None:
            yield _shown(held[2], round(begins) - round(held[0]))
        held = begins, duration or step, frame
    if held is not None:
        yield _shown(held[2], round(held[1]))


def _shown(frame: Any, duration_ms: int) -> tuple[bytes, int, int, int]:
    # Threads cut a frame into slices, at whose borders colours then differ from run to run.
    pixels = frame.reformat(format="rgba", threads=1).to_ndarray()
    turns = round(frame.rotation / 90) % 4
    if turns:
        pixels = np.rot90(pixels, turns)
    height, width, _ = pixels.shape
    return np.ascontiguousarray(pixels).tobytes(), width, height, max(0, duration_ms)
