"""The decoded frames of a media file, one at a time, in a form that two encoders agree on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count, islice

import numpy as np

from pipeline.engine.decoding.apart import decode_apart
from pipeline.engine.decoding.boxes import scan_avif, scan_mp4
from pipeline.engine.decoding.gif import Irregular, gif_frames
from pipeline.engine.decoding.header import (
    Header,
    Undecodable,
    check_caps,
    scan_bmp,
    scan_gif,
    scan_jpeg,
    scan_png,
    scan_webp,
)
from pipeline.engine.decoding.lottie import scan_lottie
from pipeline.engine.decoding.matroska import scan_webm
from pipeline.engine.decoding.pillow_frames import OPAQUE, Decoded, Pixels, decode_with_pillow
from pipeline.engine.key_frames import displayed_ms
from schemas.config import DecodeConfig

__all__ = ["OPAQUE", "CheckedFile", "Frame", "Pixels", "format_of", "open_source", "read_frames"]


@dataclass(frozen=True)
class _Format:
    """How a format begins, what it declares, what decodes it, and the package of the extra
    ``formats`` which that takes."""

    begins: re.Pattern[bytes]
    scan: Callable[[bytes], Header]
    decode: Callable[[bytes, str, Header], Iterator[Decoded]] = decode_with_pillow
    package: str | None = None


_PNG = _Format(re.compile(rb"\x89PNG\r\n\x1a\n"), scan_png)
_FORMATS = {
    "gif": _Format(re.compile(rb"GIF8[79]a"), scan_gif),
    "png": _PNG,
    "apng": _PNG,
    "jpeg": _Format(re.compile(rb"\xff\xd8\xff"), scan_jpeg),
    "webp": _Format(re.compile(rb"RIFF....WEBP", re.DOTALL), scan_webp),
    "avif": _Format(re.compile(rb"....ftyp(avi[fs]|mif1|msf1)", re.DOTALL), scan_avif),
    "bmp": _Format(re.compile(rb"BM"), scan_bmp),
    "mp4": _Format(re.compile(rb"....ftyp", re.DOTALL), scan_mp4, decode_apart, "av"),
    "webm": _Format(re.compile(rb"\x1a\x45\xdf\xa3"), scan_webm, decode_apart, "av"),
    "tgs": _Format(re.compile(rb"\x1f\x8b"), scan_lottie, decode_apart, "rlottie_python"),
}


@dataclass(frozen=True)
class Frame:
    """One displayed frame; ``lowest`` is a lower bound of its pixels, below OPAQUE if not opaque.

    The first one says whether its file is ``refused``: Pillow can't open it as it is, or fails on
    its EXIF block; whoever loads a release would get an error instead of a picture. Where ``rows``
    (first, one past the last) are given, all others are as in the frame before.
    """

    pixels: Pixels
    duration_ms: int
    lowest: int
    refused: bool = False
    rows: tuple[int, int] | None = None


@dataclass(frozen=True)
class CheckedFile:
    """A file whose caps have been checked: its bytes, its format, and what it declares."""

    data: bytes
    format: str
    header: Header

    def displayed_ms(self, duration_ms: int) -> int:
        """How long a frame that asks for a time is shown: a player obeys, a browser may not."""
        obeyed = _FORMATS[self.format].package is not None
        return duration_ms if obeyed else displayed_ms(duration_ms)


def format_of(data: bytes) -> str | None:
    """The format that a file begins like; None for one that nothing here decodes."""
    return next((name for name, form in _FORMATS.items() if form.begins.match(data)), None)


def open_source(data: bytes, kind: str | None, caps: DecodeConfig) -> CheckedFile:
    """Check the caps of a file from its header; Undecodable when it can't or may not be read."""
    form = _FORMATS.get(kind or "")
    if form is None:
        raise Undecodable(f"decode: no decoder for the format {kind or 'unknown'}")
    if not form.begins.match(data):
        raise Undecodable(f"decode: the file does not begin like {kind}")
    if form.package is not None and find_spec(form.package) is None:
        raise Undecodable(
            f"needs {kind}: {(kind or '').upper()} is kept, but measuring it takes the package "
            f"{form.package.replace('_', '-')}. Run `make formats`"
        )
    header = form.scan(data)
    check_caps(header, caps)
    if not header.frames:
        raise Undecodable("decode: there is no image in the file")
    return CheckedFile(data, kind or "", header)


def read_frames(source: CheckedFile, room: Pixels | None = None) -> Iterator[Frame]:
    """Yield the frames in play order, all of the first one's size, until one can't be decoded.

    The frames lie one after the other in ``room`` where that is given; it must hold them all.
    A file whose first frame can't be decoded raises Undecodable; a caller that gets fewer frames
    than ``source.header.frames`` knows that the file is damaged further on. Runs within
    ``reading_images``.
    """
    done = 0
    if source.format == "gif":
        places = _places((source.header.height, source.header.width), room)
        try:
            for frame in gif_frames(source.data, islice(places, source.header.frames)):
                yield Frame(frame.pixels, frame.duration_ms, frame.lowest, rows=frame.rows)
                done += 1
        except Irregular:
            pass  # Pillow shows the frames that are left, or says why there are none
    if done < source.header.frames:
        yield from _read(source, room, done)


def _read(source: CheckedFile, room: Pixels | None, first: int) -> Iterator[Frame]:
    """The frames from ``first`` on, as the format's decoder gives them."""
    decoded = _FORMATS[source.format].decode(source.data, source.format, source.header)
    decoded = islice(decoded, first, None)
    shape: tuple[int, int] | None = None
    places: Iterator[Pixels] = iter(())
    for index in range(first, source.header.frames):
        one = _next(decoded, index)
        if one is None:
            return
        words = one.words
        if shape is None:
            shape = (words.shape[0], words.shape[1])
            places = islice(_places(shape, room), first, None)
        if words.shape != shape:
            words = _fit(words, shape)
        lowest = int(words.min())
        if lowest >= OPAQUE and source.header.frames == 1:
            pixels = words  # nothing else is decoded over it
        else:
            pixels = next(places)
            lowest = _store(words, lowest, pixels, opaque=one.opaque)
        yield Frame(pixels, _bounded(one.duration_ms), lowest, index == 0 and one.refused)


def _next(decoded: Iterator[Decoded], index: int) -> Decoded | None:
    """The next frame; None where it can't be decoded, unless it is the first: Undecodable."""
    try:
        one = next(decoded, None)
    except MemoryError:
        raise
    except Undecodable:
        if index == 0:
            raise
        return None
    # Pillow raises errors of nearly any type on hostile bytes. What is done with its pixels
    # stands elsewhere: an error there is a fault of ours.
    except Exception as error:
        if index == 0:
            raise Undecodable(f"decode: {_describe(error)}") from error
        return None
    if one is None and index == 0:
        raise Undecodable("decode: there is no image in the file")
    return one


def _places(shape: tuple[int, int], room: Pixels | None) -> Iterator[Pixels]:
    """Memory for one frame after the other."""
    size = shape[0] * shape[1]
    for start in count(0, size):
        if room is None:
            yield np.empty(shape, dtype=np.uint32)
        else:
            yield room[start : start + size].reshape(shape)


def _store(words: Pixels, lowest: int, pixels: Pixels, *, opaque: bool) -> int:
    """Copy ``words`` to ``pixels``, without the colours below full transparency; the lowest then.

    The fourth byte of a picture that is ``opaque`` means nothing.
    """
    if opaque and lowest < OPAQUE:
        np.bitwise_or(words, np.uint32(OPAQUE), out=pixels)
        return OPAQUE
    if lowest >= 1 << 24:
        pixels[:] = words
        return lowest
    # Whatever an encoder left where nothing shows would tell equal pictures apart.
    np.multiply(words, words >= 1 << 24, out=pixels)
    return 0


def _fit(words: Pixels, shape: tuple[int, ...]) -> Pixels:
    fitted = np.zeros(shape, dtype=np.uint32)
    height, width = (min(a, b) for a, b in zip(shape, words.shape, strict=True))
    fitted[:height, :width] = words[:height, :width]
    return fitted


def _bounded(duration_ms: int) -> int:
    # Over an hour a frame is no animation any more; files may claim forty days.
    return max(0, min(duration_ms, 4_000_000))


def _describe(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:200]
