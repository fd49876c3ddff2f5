"""The backend ``rapid``: lines of many pictures found, cut out and read together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.engine.errors import StickerworksError
from pipeline.filter.ocr.backend import Bgr, Line, OcrBackend, OcrReader
from pipeline.filter.ocr.rapid.detection import Boxes, Detection
from pipeline.filter.ocr.rapid.engines import open_detector, open_recogniser
from pipeline.filter.ocr.rapid.gpu import open_gpu_detector, open_gpu_recogniser
from pipeline.filter.ocr.rapid.models import model_file, name_models, read_characters
from pipeline.filter.ocr.rapid.options import RapidOptions, choose
from pipeline.filter.ocr.rapid.recognition import Recognition

Turn = Callable[[list[Bgr]], list[Bgr]]
"""Lines, those that stand on their head turned."""


def cut(image: Bgr, box: Boxes) -> Bgr:
    """A line made upright and rectangular; one that is half again as high as wide is turned."""
    from rapidocr.utils.process_img import get_rotate_crop_image

    line: Bgr = get_rotate_crop_image(image, box.copy())
    return line


@dataclass(frozen=True)
class RapidReader:
    """Detection and recognition with their models loaded."""

    detection: Detection
    recognition: Recognition
    turn: Turn | None = None
    cut: Callable[[Bgr, Boxes], Bgr] = cut

    def read(self, images: Sequence[Bgr]) -> list[list[Line]]:
        """The lines of each picture, in reading order."""
        boxes = self.detection.find(images)
        pairs = zip(images, boxes, strict=True)
        lines = [self.cut(image, box) for image, found in pairs for box in found]
        if self.turn is not None and lines:
            lines = self.turn(lines)
        texts = iter(self.recognition.read(lines))
        return [_lines(found, [next(texts) for _ in found]) for found in boxes]


def _lines(boxes: Boxes, texts: Sequence[tuple[str, float]]) -> list[Line]:
    return [
        Line(text, score, tuple(float(edge) for edge in box.reshape(-1)))
        for box, (text, score) in zip(boxes, texts, strict=True)
        if text.strip()
    ]


def _open(options: RapidOptions) -> OcrReader:
    import cv2

    name_models(options)  # says what is missing
    _quieten()
    # Worker processes share out the cores; threads inside of them only get in the way.
    cv2.setNumThreads(1)
    choice = choose(options)
    finder, reader = (model_file(options, r) for r in ("detection_model", "recognition_model"))
    characters = read_characters(reader)
    if choice.device == "cpu":
        detector = open_detector(choice.detection, finder, choice.precision)
        recogniser = open_recogniser(choice.recognition, reader, choice.precision)
    else:
        detector = open_gpu_detector(finder, options, choice.device)
        recogniser = open_gpu_recogniser(reader, options, choice.device)
    if recogniser.classes != len(characters) + 2:
        raise StickerworksError(
            f"The OCR model {reader} tells {recogniser.classes} classes apart, which its "
            f"{len(characters)} characters, a blank and the space aren't.",
            "Put the dictionary beside it that it was trained with.",
        )
    batch = 1 if choice.device == "cpu" else options.batch
    return RapidReader(
        Detection(detector, options.detection_side, batch),
        Recognition(recogniser, characters, batch),
        _direction() if options.direction else None,
    )


def _quieten() -> None:
    import logging

    from rapidocr.utils.log import logger  # its import sets the level

    logger.setLevel(logging.CRITICAL)


def _direction() -> Turn:
    from rapidocr import RapidOCR

    params = {
        "Global.log_level": "critical",
        "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    }
    engine: Any = RapidOCR(params=params)

    def turn(lines: list[Bgr]) -> list[Bgr]:
        turned, _ = engine.cls_and_rotate(lines)
        return list(turned)

    return turn


def _on_gpu(options: RapidOptions) -> bool:
    return choose(options).device != "cpu"


BACKEND = OcrBackend(
    name="rapid", open=_open, models=name_models, options=RapidOptions, on_gpu=_on_gpu
)
"""The entry point."""
