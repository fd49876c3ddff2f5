"""The measure ``safety``: the probability of unsafe content, the highest of all key frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.compute import is_out_of_memory
from pipeline.engine.decoding.sticker_frames import StickerFrames
from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import named_path
from pipeline.filter.measures.measure import Measure, MeasureMany
from pipeline.filter.measures.safety.classifier import KEY, Classifier, bad_model
from pipeline.filter.measures.safety.files import digest_files
from pipeline.filter.measures.safety.options import SafetyOptions

_PLACES = 4
"""Of the value: sums over other batches, or on another device, differ in the seventh."""


def _open(device: str, options: SafetyOptions) -> MeasureMany:
    path = _path(options)
    if path.is_dir():
        from pipeline.filter.measures.safety.folder import load_folder as load
    else:
        from pipeline.filter.measures.safety.onnx_file import load_onnx as load

    classifier = load(path, options, device)
    unsafe = _find_labels(path, classifier.labels, options.unsafe)
    return _Scorer(classifier, unsafe)


class _Scorer:
    """The function of stickers; on a full GPU it takes fewer pictures from then on."""

    def __init__(self, classifier: Classifier, unsafe: NDArray[np.int64]) -> None:
        self._classifier, self._unsafe = classifier, unsafe

    def __call__(self, stickers: Sequence[StickerFrames]) -> list[float | None]:
        """The highest value of each sticker's key frames; None for one without any."""
        pixels = [frame.pixels[..., :3] for frames in stickers for frame in frames]
        values = iter(self._values(pixels))
        highest = (max(islice(values, len(frames)), default=None) for frames in stickers)
        return [None if value is None else round(value, _PLACES) for value in highest]

    def _values(self, pixels: Sequence[NDArray[np.uint8]]) -> list[float]:
        found: list[float] = []
        while len(found) < len(pixels):
            part = pixels[len(found) : len(found) + self._classifier.at_once]
            try:
                chosen = self._classifier.probabilities(part)[:, self._unsafe]
            # Engines say in exceptions of their own that a GPU is full.
            except Exception as error:
                fewer = self._classifier.halved() if is_out_of_memory(error) else None
                if fewer is None:
                    raise
                self._classifier = fewer
                continue
            # Labels of a softmax exclude each other, so that theirs add up.
            exclusive = self._classifier.exclusive
            found += (chosen.sum(axis=1) if exclusive else chosen.max(axis=1)).clip(0, 1).tolist()
        return found


def _models(options: SafetyOptions) -> Mapping[str, str]:
    return {"model": digest_files(_path(options))}


def _path(options: SafetyOptions) -> Path:
    path = named_path(options.model, f"{KEY}.model").absolute()
    if not path.exists():
        raise StickerworksError(
            f"{KEY}.model: {path} is missing.", "Name an ONNX file or a transformers folder."
        )
    return path


def _find_labels(
    path: Path, labels: Sequence[str], wanted: Sequence[int | str]
) -> NDArray[np.int64]:
    """Places of the labels that count as unsafe, named or numbered."""
    folded = [label.casefold() for label in labels]
    found = []
    for label in wanted:
        if isinstance(label, int) and 0 <= label < len(labels):
            found.append(label)
        elif isinstance(label, str) and folded.count(label.casefold()) == 1:
            found.append(folded.index(label.casefold()))
        else:
            known = ", ".join(f"{number}: {name}" for number, name in enumerate(labels[:20]))
            raise bad_model(
                path, f"it has no label {label!r}", f"Correct {KEY}.unsafe; its labels: {known}."
            )
    return np.unique(np.array(found, np.int64))


MEASURE = Measure(
    name="safety",
    unit="probability",
    doc="Of unsafe content by a classifier of yours (filter.measure_options.safety), the highest "
    "of all key frames.",
    open=_open,
    batch=16,
    options=SafetyOptions,
    models=_models,
)
"""The entry point."""
