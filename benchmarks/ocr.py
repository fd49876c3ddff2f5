"""Reading text: our default against a plain loop over RapidOCR's, on the same captioned pictures.

    python benchmarks/ocr.py [FOLDER] [--pictures N] [--only-ours] [--device cuda]
    python benchmarks/ocr.py [FOLDER] --engines

FOLDER has a manifest.jsonl (default ../shared/real-stickers); the captions of its stills stand in
ocr_captions.tsv beside this file: what our reader found, corrected by a person. Both sides get the
same decoded pictures, on one thread each, by turns of 16; times are the process's CPU time. Recall
is the share of captions' characters (letters and digits; width and case don't count) that were read
anywhere in the picture. The ids of the captions are split in two: settings but the detector's side
were chosen on those that begin with 0 to 7.
--engines measures every engine and precision on this machine, and names the fastest.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.engine.decoding.measured import measure
from pipeline.engine.errors import StickerworksError
from pipeline.filter.ocr.backend import Bgr, OcrReader
from pipeline.filter.ocr.rapid.backend import BACKEND, RapidReader
from pipeline.filter.ocr.rapid.engines import Detector, Recogniser
from pipeline.filter.ocr.rapid.options import RapidOptions
from pipeline.filter.ocr.reading import decode_key_frame
from schemas.config import DecodeConfig

CAPTIONS = Path(__file__).with_name("ocr_captions.tsv")
MIN_SCORE = 0.5
_TURN = 16
_CORES = 16
_ENGINES = (
    ("onnxruntime", "float32"), ("openvino", "float32"), ("openvino", "bfloat16"),
)  # fmt: skip


@dataclass(frozen=True)
class Captioned:
    """A picture, what is written on it, and whether the settings were chosen without it."""

    picture: Bgr
    caption: str
    held_out: bool


@dataclass
class Side:
    """One that reads: CPU and wall seconds, and what it read of each picture."""

    read: Callable[[Sequence[Bgr]], list[list[str]]]
    cpu: float = 0.0
    wall: float = 0.0
    texts: list[list[str]] = field(default_factory=list)

    def turn(self, pictures: Sequence[Bgr]) -> None:
        cpu, wall = time.process_time(), time.perf_counter()
        self.texts += self.read(pictures)
        self.cpu += time.process_time() - cpu
        self.wall += time.perf_counter() - wall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("../shared/real-stickers"))
    parser.add_argument("--pictures", type=int, help="at most so many")
    parser.add_argument("--only-ours", action="store_true", help="no loop over RapidOCR")
    parser.add_argument("--engines", action="store_true")
    parser.add_argument("--device", choices=("cuda", "tensorrt"))
    options = parser.parse_args()
    captioned = list(_read(options.folder))
    if options.pictures:
        captioned = captioned[:: -(-len(captioned) // options.pictures)]
    if options.engines:
        made = _engines(captioned)
    elif options.device:
        made = _on_gpu(captioned, options.device)
    else:
        made = _compare(captioned, None if options.only_ours else _plain_loop())
    print(json.dumps({"benchmark": "ocr", "figures": made}, ensure_ascii=False))


def _compare(captioned: Sequence[Captioned], plain: Side | None) -> dict[str, Any]:
    clock = Stages()
    began = time.process_time()
    reader = BACKEND.open(RapidOptions())
    opened = time.process_time() - began
    ours = _side(clock.watch(reader))
    sides = {"ours": ours} | ({"rapidocr": plain} if plain else {})
    # What is loaded and compiled at the first call is told apart.
    for side in sides.values():
        side.read([captioned[0].picture])
    clock.seconds.clear()
    for start in range(0, len(captioned), _TURN):
        for side in sides.values():
            side.turn([one.picture for one in captioned[start : start + _TURN]])
    made: dict[str, Any] = {"pictures": len(captioned), "open_seconds": round(opened, 2)}
    for name, side in sides.items():
        each = side.cpu / len(captioned)
        made |= {f"{name}_ms": round(1000 * each, 1), f"{name}_pictures_per_s": round(1 / each, 2)}
        made |= {f"{name}_{key}": value for key, value in _judge(captioned, side.texts).items()}
    stages = {name: 1000 * s / len(captioned) for name, s in clock.seconds.items()}
    stages["rest"] = made["ours_ms"] - sum(stages.values())
    made["stages_ms"] = {name: round(value, 1) for name, value in stages.items()}
    if plain:
        made["ocr_speed_ratio"] = round(plain.cpu / ours.cpu, 2)
        for end in ("", "_held_out"):
            delta = made[f"ours_recall{end}"] - made[f"rapidocr_recall{end}"]
            made[f"ocr_recall_delta{end}"] = round(delta, 4)
    return made


def _on_gpu(captioned: Sequence[Captioned], device: str) -> dict[str, Any]:
    """Pictures a second of wall time on a GPU, and their ratio to 16 cores of this CPU."""
    pictures = [one.picture for one in captioned]
    sides = {
        device: _side(BACKEND.open(RapidOptions.model_validate({"device": device}))),
        "cpu": _side(BACKEND.open(RapidOptions(device="cpu"))),
    }
    made: dict[str, Any] = {"pictures": len(captioned)}
    for name, side in sides.items():
        side.read(pictures)  # every shape once
        side.turn(pictures)
        made[f"{name}_pictures_per_s"] = round(len(captioned) / side.wall, 2)
        made |= {f"{name}_{key}": value for key, value in _judge(captioned, side.texts).items()}
    cores = made["cpu_pictures_per_s"] * _CORES
    made["ratio_to_16_cores"] = round(made[f"{device}_pictures_per_s"] / cores, 2)
    return made


def _engines(captioned: Sequence[Captioned]) -> dict[str, Any]:
    """Milliseconds a picture of each engine for either model, and what it reads."""
    pictures = [one.picture for one in captioned]
    made: dict[str, Any] = {}
    print(
        f"{'engine':<12} {'precision':<9} {'detection':>9} {'recognition':>11} {'recall':>7} same"
    )
    expected: list[list[str]] | None = None
    for engine, precision in _ENGINES:
        chosen = {f"{role}_engine": engine for role in ("detection", "recognition")}
        options = RapidOptions.model_validate({**chosen, "precision": precision, "device": "cpu"})
        clock = Stages()
        side = _side(clock.watch(BACKEND.open(options)))
        side.read(pictures)  # every shape once
        clock.seconds.clear()
        side.turn(pictures)
        expected = expected or side.texts
        each = {name: 1000 * clock.seconds[name] / len(pictures) for name in _NETWORKS}
        recall = _judge(captioned, side.texts)["recall"]
        same = sum(a == b for a, b in zip(side.texts, expected, strict=True)) / len(pictures)
        print(
            f"{engine:<12} {precision:<9} {each['detect']:9.1f} {each['recognise']:11.1f} "
            f"{recall:7.4f} {same:.3f}"
        )
        made[f"{engine}_{precision}"] = {**each, "recall": recall, "same_texts": round(same, 4)}
    best = {n: min(_ENGINES, key=lambda e: made["_".join(e)][n]) for n in _NETWORKS}
    told = ", ".join(f"{n}: {engine} {precision}" for n, (engine, precision) in best.items())
    line = {
        "detection_engine": best["detect"][0],
        "recognition_engine": best["recognise"][0],
        "precision": best["detect" if best["detect"][0] == "openvino" else "recognise"][1],
    }
    print(f"fastest: {told}\nfilter.ocr.options: {json.dumps(line)}")
    return made | {"options": line}


_NETWORKS = ("detect", "recognise")


class Stages:
    """CPU seconds by stage of a reader."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()

    def watch(self, reader: OcrReader) -> RapidReader:
        """The reader with its networks and the cutting of lines timed."""
        assert isinstance(reader, RapidReader)
        reader.detection.network = _TimedDetector(reader.detection.network, self)
        reader.recognition.network = _TimedRecogniser(reader.recognition.network, self)
        return RapidReader(
            reader.detection, reader.recognition, reader.turn, self._timed("crop", reader.cut)
        )

    @contextmanager
    def timing(self, name: str) -> Iterator[None]:
        began = time.process_time()
        yield
        self.seconds[name] += time.process_time() - began

    def _timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any) -> Any:
            with self.timing(name):
                return function(*given)

        return run


@dataclass
class _TimedDetector:
    network: Detector
    clock: Stages

    def run(self, batch: Any) -> Any:
        with self.clock.timing("detect"):
            return self.network.run(batch)


@dataclass
class _TimedRecogniser:
    network: Recogniser
    clock: Stages

    @property
    def classes(self) -> int:
        return self.network.classes

    def best(self, batch: Any) -> Any:
        with self.clock.timing("recognise"):
            return self.network.best(batch)


def _side(reader: OcrReader) -> Side:
    def read(pictures: Sequence[Bgr]) -> list[list[str]]:
        found = reader.read(pictures)
        return [[line.text for line in lines if line.score >= MIN_SCORE] for lines in found]

    return Side(read)


def _plain_loop() -> Side:
    """RapidOCR as it comes, but for its threads: one, as we have."""
    import cv2
    from rapidocr import RapidOCR

    cv2.setNumThreads(1)
    threads = {f"EngineConfig.onnxruntime.{n}_op_num_threads": 1 for n in ("intra", "inter")}
    engine: Any = RapidOCR(params={"Global.log_level": "critical", **threads})

    def read(pictures: Sequence[Bgr]) -> list[list[str]]:
        # Its own lower bound of scores is 0.5.
        return [list(engine(picture).txts or ()) for picture in pictures]

    return Side(read)


def _judge(captioned: Sequence[Captioned], texts: Sequence[Sequence[str]]) -> dict[str, float]:
    hits: Counter[bool] = Counter()
    wanted: Counter[bool] = Counter()
    got = exact = 0
    for one, lines in zip(captioned, texts, strict=True):
        want, read = _characters(one.caption), _characters("".join(lines))
        hits[one.held_out] += (Counter(want) & Counter(read)).total()
        wanted[one.held_out] += len(want)
        got += len(read)
        exact += want == read
    return {
        "recall": round(hits.total() / wanted.total(), 4),
        "recall_held_out": round(hits[True] / max(wanted[True], 1), 4),
        "precision": round(hits.total() / max(got, 1), 4),
        "exact": round(exact / len(captioned), 4),
    }


def _characters(text: str) -> str:
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", text).casefold())


def _read(folder: Path) -> Iterator[Captioned]:
    """The captioned stills of a folder, as key frames, by id."""
    with CAPTIONS.open(encoding="utf-8", newline="") as file:
        captions = {row["sha256"]: row["caption"] for row in csv.DictReader(file, delimiter="\t")}
    manifest = folder / "manifest.jsonl"
    if not manifest.is_file():
        raise StickerworksError(f"There are no real stickers in {folder}.", "Name their folder.")
    rows = [json.loads(line) for line in manifest.read_text("utf-8").splitlines()]
    for row in sorted(rows, key=lambda row: str(row["sha256"])):
        if row["sha256"] in captions:
            data = (folder / row["path"]).read_bytes()
            kind = next(k for magic, k in _MAGIC.items() if data.startswith(magic))
            frames = measure(data, kind, DecodeConfig()).key_frames or []
            picture = decode_key_frame(frames[0])
            held_out = row["sha256"][0] in "89abcdef"
            yield Captioned(np.ascontiguousarray(picture), captions[row["sha256"]], held_out)


_MAGIC = {b"GIF8": "gif", b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp"}


if __name__ == "__main__":
    main()
