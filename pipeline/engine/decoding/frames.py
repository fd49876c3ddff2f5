"""The decoded frames of a media file, one at a time, in a form that two encoders agree on."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, islice

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import ExifTags, Image, ImageFile, ImageOps
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import jpeg_factory
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from pipeline.engine.decoding.gif import Irregular, gif_frames
from pipeline.engine.decoding.header import (
    Header,
    Undecodable,
    check_caps,
    scan_gif,
    scan_jpeg,
    scan_png,
    scan_webp,
)
from schemas.config import DecodeConfig

Pixels = npt.NDArray[np.uint32]
"""Height x width; bytes red, green, blue, alpha in memory; 0 where fully transparent."""

OPAQUE = 0xFF000000
_NEEDS = {
    "webm": "needs webm: WebM is kept, but measuring it takes a video decoder (PyAV)",
    "mp4": "needs mp4: MP4 is kept, but measuring it takes a video decoder (PyAV)",
    "tgs": "needs tgs: TGS is kept, but measuring it takes a Lottie renderer (rlottie-python)",
}


@dataclass(frozen=True)
class _Format:
    """How a format begins, what it declares, and what decodes it."""

    begins: re.Pattern[bytes]
    scan: Callable[[bytes], Header]
    decoder: Callable[[io.BytesIO], ImageFile.ImageFile]


_PNG = _Format(re.compile(rb"\x89PNG\r\n\x1a\n"), scan_png, PngImageFile)
# Pillow's classes are asked directly: Image.open would try every format that it knows.
_FORMATS = {
    "gif": _Format(re.compile(rb"GIF8[79]a"), scan_gif, GifImageFile),
    "png": _PNG,
    "apng": _PNG,
    "jpeg": _Format(re.compile(rb"\xff\xd8\xff"), scan_jpeg, jpeg_factory),
    "webp": _Format(re.compile(rb"RIFF....WEBP", re.DOTALL), scan_webp, WebPImageFile),
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
class _Decoded:
    """A frame as Pillow gives it; if ``opaque``, the fourth byte of its pixels means nothing."""

    words: Pixels
    duration: float
    opaque: bool
    broken_exif: bool


@dataclass(frozen=True)
class CheckedFile:
    """A file whose caps have been checked: its bytes, its format, and what it declares."""

    data: bytes
    format: str
    header: Header


def open_source(data: bytes, kind: str | None, caps: DecodeConfig) -> CheckedFile:
    """Check the caps of a file from its header; Undecodable when it can't or may not be read."""
    if kind in _NEEDS:
        raise Undecodable(_NEEDS[kind])
    form = _FORMATS.get(kind or "")
    if form is None:
        raise Undecodable(f"decode: no decoder for the format {kind or 'unknown'}")
    if not form.begins.match(data):
        raise Undecodable(f"decode: the file does not begin like {kind}")
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
        yield from _read_by_pillow(source, room, done)


def _read_by_pillow(source: CheckedFile, room: Pixels | None, first: int) -> Iterator[Frame]:
    shape: tuple[int, int] | None = None
    places: Iterator[Pixels] = iter(())
    for index in range(first, source.header.frames):
        try:
            if index == first:
                image, unsound = _open(source)
                # The default image of such an APNG is not part of its animation.
                skipped = int(isinstance(image, PngImageFile) and image.default_image)
            image.seek(index + skipped)
            _check_size(image, source.header)
            decoded = _decode(image)
        except MemoryError:
            raise
        # Pillow raises errors of nearly any type on hostile bytes. What is done with its pixels
        # stands below: an error there is a fault of ours.
        except Exception as error:
            if index == 0:
                raise Undecodable(f"decode: {_describe(error)}") from error
            return
        words = decoded.words
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
            lowest = _store(words, lowest, pixels, opaque=decoded.opaque)
        refused = index == 0 and (unsound or decoded.broken_exif)
        yield Frame(pixels, _milliseconds(decoded.duration), lowest, refused)


def _places(shape: tuple[int, int], room: Pixels | None) -> Iterator[Pixels]:
    """Memory for one frame after the other."""
    size = shape[0] * shape[1]
    for start in count(0, size):
        if room is None:
            yield np.empty(shape, dtype=np.uint32)
        else:
            yield room[start : start + size].reshape(shape)


def _decode(image: ImageFile.ImageFile) -> _Decoded:
    if isinstance(image, WebPImageFile) and not image.info.keys() & {"exif", "xmp"}:
        # What ``load`` would copy twice more; nothing turns such a picture.
        data, _, duration = image._get_next()
        words = np.frombuffer(data, "<u4").reshape(image.height, image.width)
        return _Decoded(words, duration, opaque=image.mode == "RGB", broken_exif=False)
    image.load()
    upright, broken_exif = _upright(image)
    picture = _as_rgb(upright)
    duration = image.info.get("duration") or 0
    return _Decoded(_words(picture), duration, picture.mode == "RGB", broken_exif)


def _open(source: CheckedFile) -> tuple[ImageFile.ImageFile, bool]:
    """The file, and whether Pillow refuses it as it is and reads its sound part alone."""
    decoder = _FORMATS[source.format].decoder
    try:
        return decoder(io.BytesIO(source.data)), False
    except OSError:
        if source.format != "webp":
            raise
    # libwebp refuses a file as a whole when its end is cut off; what precedes it is sound.
    usable = source.header.usable
    sound = source.data[:4] + struct.pack("<I", usable - 8) + source.data[8:usable]
    return decoder(io.BytesIO(sound)), True


def _check_size(image: ImageFile.ImageFile, header: Header) -> None:
    width, height = image.size
    if width * height > header.width * header.height:
        raise Image.DecompressionBombError(
            f"it grows from {header.width} x {header.height} to {width} x {height} pixels"
        )


def _upright(image: Image.Image) -> tuple[Image.Image, bool]:
    """The picture as its EXIF block turns it, and whether reading that block fails."""
    try:
        if image.getexif().get(ExifTags.Base.Orientation) is None:
            return image, False
        turned = ImageOps.exif_transpose(image)
    except Exception:  # noqa: BLE001 - costs the rotation only; viewers ignore such blocks, too
        return image, True
    return (turned if "exif" in image.info else image), False


def _as_rgb(frame: Image.Image) -> Image.Image:
    if frame.mode.startswith("I;16"):
        # Pillow clips 16-bit grey at 255 instead of scaling it.
        frame = Image.fromarray((np.asarray(frame) >> 8).astype(np.uint8))
    if frame.mode not in ("RGB", "RGBA") or "transparency" in frame.info:
        frame = frame.convert("RGBA")
    return frame


def _words(frame: Image.Image) -> Pixels:
    """Pixels of a loaded RGB or RGBA picture, shared with Pillow where possible."""
    width, height = frame.size
    try:
        words = np.frombuffer(pa.array(frame).values.buffers()[1], "<u4", width * height)
    except ValueError:
        # Pillow keeps images over 16 MB in pieces, which can't be shared without a copy.
        words = np.asarray(frame.convert("RGBA")).view("<u4")
    return words.reshape(height, width)


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


def _milliseconds(duration: float) -> int:
    # Over an hour a frame is no animation any more; files may claim forty days.
    return max(0, min(round(duration), 4_000_000))


def _describe(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:200]
