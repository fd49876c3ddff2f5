"""PaddleOCR beside our default OCR backend, with the same models, on the same pictures.

    python benchmarks/ocr_paddle.py [FOLDER] [--captions TSV] [--pictures 80]

FOLDER holds stickers (default ../shared/real-stickers; plain grounds where that is missing). On
every other picture (drawn) a caption of the TSV is written, with an outline, so that what stands
there is known; recall is the share of its characters that were read. The others stay as they are,
and tell how much of what either reads the other reads too. Both take the models of rapidocr's
wheel, one picture after the other, by turns; seconds are of one core, start-up apart.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil
from ocr_models.from_wheel import write_model_folders
from PIL import Image, ImageDraw, ImageFont

from pipeline.engine.errors import StickerworksError
from pipeline.engine.fonts import chinese_font
from pipeline.engine.plugins import load_plugin
from pipeline.filter.ocr.backend import Bgr, OcrBackend
from pipeline.filter.ocr.paddle import BACKEND, PaddleOptions, find_python
from schemas.config import OcrConfig

_PLAIN = ("good night", "see you tomorrow", "thank you boss", "I am fine", "happy birthday")
_SIDE = 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("../shared/real-stickers"))
    shared = Path("../shared/keywords/sticker_captions.tsv")
    parser.add_argument("--captions", type=Path, default=shared)
    parser.add_argument("--pictures", type=int, default=80)
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    try:
        find_python(PaddleOptions())
    except StickerworksError as error:
        print(json.dumps({"benchmark": "ocr_paddle", "skipped": str(error)}))
        return
    chance = random.Random(options.seed)
    pictures = _pictures(options.folder, options.pictures, chance)
    captions = _captions(options.captions, len(pictures), chance)
    given = [
        _drawn(picture, caption) if number % 2 else picture
        for number, (picture, caption) in enumerate(zip(pictures, captions, strict=True))
    ]
    with tempfile.TemporaryDirectory() as folder:
        figures = _compare(given, captions, Path(folder))
    print(json.dumps({"benchmark": "ocr_paddle", "figures": figures}))


def _compare(given: Sequence[Bgr], captions: Sequence[str], folder: Path) -> dict[str, object]:
    ours = OcrConfig().backend
    beside = load_plugin("ocr", ours, OcrBackend)
    start = time.monotonic()
    paddle = BACKEND.open(PaddleOptions(**write_model_folders(folder)))
    figures: dict[str, object] = {
        "pictures": len(given),
        "start_s": round(time.monotonic() - start, 1),
    }
    readers = {"paddle": paddle, ours: beside.open(beside.options())}
    read: dict[str, list[str]] = {name: [] for name in readers}
    seconds = Counter[str]()
    for picture in given:
        for name, reader in readers.items():
            before = _cpu_seconds()
            (lines,) = reader.read([picture])
            seconds[name] += _cpu_seconds() - before
            read[name].append("".join(line.text for line in lines if line.score >= 0.5))
    for name, texts in read.items():
        drawn = [_recall(captions[n], texts[n]) for n in range(1, len(given), 2)]
        figures[f"{name}_recall"] = round(float(np.mean(drawn)), 3)
        figures[f"{name}_s_a_picture"] = round(seconds[name] / len(given), 3)
    plain = range(0, len(given), 2)
    for one, other in ((ours, "paddle"), ("paddle", ours)):
        shares = [_recall(read[one][n], read[other][n]) for n in plain if read[one][n]]
        figures[f"of_{one}_also_read_by_{other}"] = round(float(np.mean(shares or [0.0])), 3)
    figures["worker_mb"] = round(_worker_memory())
    return figures


def _recall(truth: str, read: str) -> float:
    """Share of the characters of ``truth`` that were read, spaces and case aside."""
    wanted, got = (Counter("".join(text.split()).casefold()) for text in (truth, read))
    return (wanted & got).total() / max(1, wanted.total())


def _pictures(folder: Path, number: int, chance: random.Random) -> list[Bgr]:
    paths = sorted(folder.rglob("*.*")) if folder.is_dir() else []
    found: list[Bgr] = []
    for path in chance.sample(paths, len(paths)):
        if len(found) < number and path.suffix.lower() in (".png", ".jpg", ".gif", ".webp"):
            with Image.open(path) as picture:
                picture.thumbnail((_SIDE, _SIDE))
                rgba = picture.convert("RGBA")
            ground = Image.new("RGBA", rgba.size, "white")
            ground.alpha_composite(rgba)
            found.append(_bgr(ground))
    return found or [_bgr(Image.new("RGB", (240, 200), "khaki"))] * number


def _captions(path: Path, number: int, chance: random.Random) -> list[str]:
    known: list[str] = []
    if path.is_file() and chinese_font() is not None:
        with path.open(encoding="utf-8", newline="") as file:
            known = [row["caption"] for row in csv.DictReader(file, delimiter="\t")]
    return chance.choices([one for one in known if 2 <= len(one) <= 16] or _PLAIN, k=number)


def _drawn(picture: Bgr, caption: str) -> Bgr:
    """The picture with a caption at its lower edge, as wide as it has room for."""
    image = Image.fromarray(np.ascontiguousarray(picture[:, :, ::-1]))
    width, height = image.size
    size = max(12, min(40, int(width * 0.9 / len(caption))))
    font = ImageFont.truetype(chinese_font() or "DejaVuSans.ttf", size)
    place = ((width - size * len(caption)) // 2, max(0, height - size - 6))
    ImageDraw.Draw(image).text(
        place, caption, fill="black", font=font, stroke_width=2, stroke_fill="white"
    )
    return _bgr(image)


def _bgr(image: Image.Image) -> Bgr:
    return np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])


def _cpu_seconds() -> float:
    """Of this process and those it started that still run."""
    return sum(sum(process.cpu_times()[:2]) for process in _processes())


def _processes() -> list[psutil.Process]:
    me = psutil.Process()
    return [me, *me.children(recursive=True)]


def _worker_memory() -> float:
    return sum(process.memory_info().rss for process in _processes()[1:]) / 1e6


if __name__ == "__main__":
    main()
