"""Frames of the formats that Pillow decodes, one at a time, as pixels."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import AvifImagePlugin, ExifTags, Image, ImageFile, ImageOps
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import jpeg_factory
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from pipeline.engine.decoding.boxes import whole_frames
from pipeline.engine.decoding.header import Header

Pixels = npt.NDArray[np.uint32]
"""Height x width; bytes red, green, blue, alpha in memory; 0 where fully transparent."""

OPAQUE = 0xFF000000


@dataclass(frozen=True)
class Decoded:
    """A frame as its decoder gave it; ``words`` may hold colours where nothing shows.

    ``refused``: Pillow can't open the file as it is, or fails on its EXIF block. If ``opaque``,
    the fourth byte of its pixels means nothing.
    """

    words: Pixels
    duration_ms: int
    refused: bool = False
    opaque: bool = False


def decode_with_pillow(data: bytes, kind: str, header: Header) -> Iterator[Decoded]:
    """Yield the declared frames; raises errors of nearly any type at one that is damaged."""
    image, refused = _open(data, kind, header)
    # The default image of such an APNG is not part of its animation.
    skipped = int(isinstance(image, PngImageFile) and image.default_image)
    most = header.frames
    if refused and kind == "avif":
        most = whole_frames(data)
    if isinstance(image, WebPImageFile) and not image.info.keys() & {"exif", "xmp"}:
        _check_size(image, header)
        for _ in range(most):
            # What ``load`` would copy twice more; nothing turns such a picture.
            pixels, _, duration = image._get_next()
            words = np.frombuffer(pixels, "<u4").reshape(image.height, image.width)
            yield Decoded(words, duration, refused, opaque=image.mode == "RGB")
        return
    for index in range(most):
        image.seek(index + skipped)
        _check_size(image, header)
        yield _decode(image, refused)


def _decode(image: ImageFile.ImageFile, refused: bool) -> Decoded:
    """The frame that was sought."""
    image.load()
    upright, broken_exif = _upright(image)
    picture = _as_rgb(upright)
    duration = round(image.info.get("duration") or 0)
    return Decoded(_words(picture), duration, refused or broken_exif, picture.mode == "RGB")


def _avif(file: io.BytesIO) -> ImageFile.ImageFile:
    # As many threads as cores, times as many workers as cores, would only stand in their own way.
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    return AvifImagePlugin.AvifImageFile(file)


# Pillow's classes are asked directly: Image.open would try every format that it knows.
_DECODERS: dict[str, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    "gif": GifImageFile,
    "png": PngImageFile,
    "apng": PngImageFile,
    "jpeg": jpeg_factory,
    "webp": WebPImageFile,
    "avif": _avif,
    "bmp": BmpImageFile,
}


_MOST_MISSING = 32 << 20
"""Bytes that may be cut off an AVIF whose whole frames are still decoded."""


def _open(data: bytes, kind: str, header: Header) -> tuple[ImageFile.ImageFile, bool]:
    """The file, and whether Pillow refuses it as it is and reads its sound part alone."""
    decoder = _DECODERS[kind]
    try:
        return decoder(io.BytesIO(data)), False
    except (OSError, SyntaxError):
        if kind == "webp":
            sound = _sound_webp(data, header.usable)
        elif kind == "avif" and 0 < header.usable - len(data) < _MOST_MISSING:
            # Its index names bytes behind the end; frames that lack some are left out.
            sound = data + bytes(header.usable - len(data))
        else:
            raise
    return decoder(io.BytesIO(sound)), True


def _sound_webp(data: bytes, usable: int) -> bytes:
    # libwebp refuses a file as a whole when its end is cut off; what precedes it is sound.
    return data[:4] + struct.pack("<I", usable - 8) + data[8:usable]


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
