"""The program that runs PaddleOCR in an environment of its own; it imports nothing of ours.

On standard input: one line of JSON (``open_reader`` says which keys), then pictures, each as height
and width (two little-endian 32-bit numbers) and height x width x 3 bytes, blue first. On standard
output: a line of JSON once it is ready, and one for each picture.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, BinaryIO

PACKAGES = (
    "paddleocr", "paddlex", "onnxruntime", "onnxruntime-gpu", "paddlepaddle", "paddlepaddle-gpu",
)  # fmt: skip
"""Whose versions decide what is read."""

_WIDEST = 3200  # PaddleOCR squeezes longer lines
_FULL = (
    "out of memory", "failed to allocate memory", "resourceexhausted", "bad_alloc",
    "alloc_failed", "bad allocation",
)  # fmt: skip


class FaultError(Exception):
    """Why nothing can be read at all; ``about`` is models, device, memory or environment."""

    def __init__(self, about: str, why: str) -> None:
        super().__init__(why)
        self.about = about


def main() -> None:
    """Answer until standard input ends."""
    # Libraries print as they please: what they print goes where faults are looked up.
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)

    def answer(content: Mapping[str, Any]) -> None:
        answers.write(json.dumps(content).encode() + b"\n")

    request = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with, args=(request["parent"],), daemon=True).start()
    try:
        read = open_reader(request)
        answer({"ready": versions()})
        for image in _images(sys.stdin.buffer):
            answer(read(image))
    except FaultError as fault:
        answer({"fault": _line(fault), "about": fault.about})


def versions() -> dict[str, str]:
    """Versions of what of ``PACKAGES`` is installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def open_reader(request: Mapping[str, Any]) -> Callable[[Any], dict[str, Any]]:
    """Load the models and return what maps a picture to ``{"lines": ...}`` or ``{"error": ...}``.

    ``request`` has engine, device, side, box_threshold, unclip_ratio, batch, and for detection and
    recognition a folder and the name of its architecture.
    """
    try:
        import cv2
        from paddleocr import PaddleOCR
    except ImportError as error:
        raise FaultError("environment", f"PaddleOCR can't be imported: {_line(error)}") from error
    cv2.setNumThreads(1)
    gpu = request["device"] != "cpu"
    if gpu:
        _find_gpu(request["engine"], int(request["device"].partition(":")[2]))
    options: dict[str, Any] = {"engine": request["engine"], "device": request["device"]}
    if request["engine"] == "onnxruntime":
        options["engine_config"] = _one_thread(gpu)
    else:
        options["cpu_threads"] = 1
    try:
        pipeline = PaddleOCR(
            text_detection_model_name=request["detection"]["name"],
            text_detection_model_dir=request["detection"]["folder"],
            text_recognition_model_name=request["recognition"]["name"],
            text_recognition_model_dir=request["recognition"]["folder"],
            text_recognition_batch_size=request["batch"],
            text_det_limit_side_len=request["side"],
            text_det_limit_type="min",
            text_det_box_thresh=request["box_threshold"],
            text_det_unclip_ratio=request["unclip_ratio"],
            use_doc_orientation_classify=False,
            use_doc_unwarping=False,
            use_textline_orientation=False,
            **options,
        )
    except Exception as error:
        about = "memory" if is_out_of_memory(error) else "models"
        raise FaultError(about, f"PaddleOCR can't load them: {_line(error)}") from error
    try:
        inner = pipeline.paddlex_pipeline._pipeline
        least, height = _check(inner, request["engine"], gpu)
        inner.text_rec_model = OfOneWidth(inner.text_rec_model, height, least)
    except AttributeError as error:
        why = f"this version of PaddleOCR is built otherwise: {_line(error)}"
        raise FaultError("environment", why) from error
    return Reader(pipeline, inner.text_rec_model)


class Reader:
    """Reads one picture after the other; where the GPU is full, fewer lines at a time."""

    def __init__(self, pipeline: Any, recogniser: OfOneWidth) -> None:
        self._pipeline, self._recogniser = pipeline, recogniser

    def __call__(self, image: Any) -> dict[str, Any]:
        while True:
            try:
                found = self._pipeline.predict([image])
            except Exception as error:
                if not is_out_of_memory(error):
                    return {"error": _line(error)}
                if not self._recogniser.halve():
                    why = f"{_line(error)}; one line at a time is too much"
                    raise FaultError("memory", why) from error
            else:
                return {"lines": _lines(found)}


class OfOneWidth:
    """A recogniser that is given lines of one padded width at a time.

    PaddleOCR pads the lines of a batch to the widest, and what is read of a line depends on its
    padding: so on its neighbours, and on how many fit into a batch.
    """

    def __init__(self, model: Any, height: int, least: int) -> None:
        self._model, self._height, self._least = model, height, least

    def __call__(self, images: Sequence[Any], **options: Any) -> Iterator[Any]:
        # They come sorted by their proportions.
        for _, group in itertools.groupby(images, key=self._width):
            yield from self._model(list(group), **options)

    def halve(self) -> bool:
        """Take half as many lines at a time; False where it is one already."""
        sampler = self._model.batch_sampler
        if sampler.batch_size <= 1:
            return False
        sampler.batch_size //= 2
        return True

    def _width(self, image: Any) -> int:
        height, width = image.shape[:2]
        proportion = max(self._least / self._height, width / height)
        return min(_WIDEST, int(self._height * proportion))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an engine says, in its own words, that memory doesn't suffice."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or any(words in said for words in _FULL)


def _find_gpu(engine: str, number: int) -> None:
    """FaultError where the engine has no such GPU: it would compute on the CPU without a word."""
    if engine == "onnxruntime":
        import onnxruntime

        # The libraries that come as packages (nvidia-*) are found no other way.
        if hasattr(onnxruntime, "preload_dlls"):
            onnxruntime.preload_dlls()
        if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
            raise FaultError("device", "onnxruntime, as installed there, computes on no GPU")
        return
    paddle = importlib.import_module("paddle")  # ours is called so, too, but lies on no path here
    if not paddle.device.is_compiled_with_cuda():
        raise FaultError("device", "paddlepaddle, as installed there, computes on no GPU")
    if paddle.device.cuda.device_count() <= number:
        raise FaultError("device", f"paddlepaddle sees no GPU {number}")


def _one_thread(gpu: bool) -> dict[str, Any]:
    # Worker processes share out the cores; the arena holds the largest picture's memory for ever.
    one: dict[str, Any] = {"intra_op_num_threads": 1, "inter_op_num_threads": 1}
    return one if gpu else one | {"enable_cpu_mem_arena": False}


def _check(inner: Any, engine: str, gpu: bool) -> tuple[int, int]:
    """Run both models once; least width and height of the recogniser's lines."""
    import numpy as np

    detector, recogniser = inner.text_det_model, inner.text_rec_model
    for what, model in (("detection", detector), ("recognition", recogniser)):
        if gpu and engine == "onnxruntime":
            used = model.runner.session.get_providers()
            if used[0] != "CUDAExecutionProvider":
                why = f"onnxruntime would run text {what} on {used[0]}, since CUDA can't be loaded"
                raise FaultError("device", why)
    shape = next(
        operation["RecResizeImg"]["image_shape"]
        for operation in recogniser.config["PreProcess"]["transform_ops"]
        if "RecResizeImg" in operation
    )
    given = np.zeros((1, 3, 64, 96), np.float32)
    maps = _run("detection", detector, given)
    if maps.shape != (1, 1, 64, 96):
        raise FaultError("models", f"the detector gives {maps.shape}, not a map of the picture")
    scores = _run("recognition", recogniser, np.zeros((1, *shape), np.float32))
    known = len(recogniser.post_op.character)
    if scores.ndim != 3 or scores.shape[2] != known:
        why = (
            f"the recogniser tells {scores.shape[-1]} characters apart, and the dictionary in its "
            f"inference.yml makes {known} (with the space and the blank)"
        )
        raise FaultError("models", why)
    return shape[2], shape[1]


def _run(what: str, model: Any, given: Any) -> Any:
    try:
        return model.runner(x=[given])[0]
    except Exception as error:
        about = "memory" if is_out_of_memory(error) else "models"
        raise FaultError(about, f"text {what} can't be run: {_line(error)}") from error


def _lines(found: Sequence[Any]) -> list[list[Any]]:
    """Text, score and corners of each line of the one picture."""
    (picture,) = found
    lines = zip(picture["rec_texts"], picture["rec_scores"], picture["rec_polys"], strict=True)
    # Four places: the order of sums on a GPU, and so the last ones, depends on the batch.
    return [
        [text, round(float(score), 4), [float(edge) for point in corners for edge in point]]
        for text, score, corners in lines
    ]


def _images(stream: BinaryIO) -> Iterator[Any]:
    import numpy as np

    while header := stream.read(8):
        height, width = struct.unpack("<II", header)
        data = stream.read(height * width * 3)
        if len(data) != height * width * 3:
            return
        yield np.frombuffer(data, np.uint8).reshape(height, width, 3).copy()


def _line(error: BaseException) -> str:
    said = " ".join(str(error).split())
    return (said if len(said) <= 300 else f"{said[:300]}…") or type(error).__name__


def _end_with(parent: int) -> None:
    """End this process soon after its parent, whatever it is doing."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    main()
