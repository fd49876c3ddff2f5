"""A model on an engine of the CPU, on one thread: OpenVINO or onnxruntime."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from pipeline.engine.compute import is_out_of_memory
from pipeline.engine.errors import StickerworksError
from pipeline.filter.ocr.rapid.options import EngineName, Precision

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]


class Detector(Protocol):
    """A network that finds text."""

    def run(self, batch: Floats) -> Floats:
        """Pictures (n, 3, height, width), sides multiples of 32, to the probability of text in
        each pixel, (n, 1, height, width); the next run may overwrite it."""


class Recogniser(Protocol):
    """A network that reads lines."""

    classes: int

    def best(self, batch: Floats) -> tuple[Indices, Floats]:
        """Lines (n, 3, 48, width) to the likeliest class at each place and its probability, both
        (n, places); the next run may overwrite them."""


def open_detector(engine: EngineName, model: Path, precision: Precision) -> Detector:
    """A detector on the CPU. Raises StickerworksError for a file that is none."""
    with model_faults(model, "detection_model"):
        if engine == "onnxruntime":
            found: Detector = OnnxRuntime(onnx_session(model))
        else:
            found = _OpenVino(model, (-1, 3, -1, -1), precision)
        check_detector(found)
    return found


def open_recogniser(engine: EngineName, model: Path, precision: Precision) -> Recogniser:
    """A recogniser on the CPU. Raises StickerworksError for a file that is none."""
    with model_faults(model, "recognition_model"):
        if engine == "onnxruntime":
            return OnnxRecogniser(OnnxRuntime(onnx_session(model)))
        return _OpenVinoRecogniser(model, precision)


def check_detector(detector: Detector) -> None:
    """Raise ValueError unless the network gives each pixel a number."""
    shape = detector.run(np.zeros((1, 3, 64, 96), np.float32)).shape
    if shape != (1, 1, 64, 96):
        raise ValueError(f"it gives {shape} for a picture of 96 x 64 pixels")


def read_metadata(model: Path) -> dict[str, str]:
    """What a recogniser's ONNX file says about itself."""
    from onnxruntime import GraphOptimizationLevel

    with model_faults(model, "recognition_model"):
        session = onnx_session(model, optimise=GraphOptimizationLevel.ORT_DISABLE_ALL)
        return dict(session.get_modelmeta().custom_metadata_map)


@contextmanager
def model_faults(model: Path, role: str) -> Iterator[None]:
    """Turn what an engine raises on a file into one line."""
    try:
        yield
    except engine_errors() as error:
        if is_out_of_memory(error):
            raise StickerworksError(
                "The GPU's memory is too small for the OCR models.",
                "Leave more of it free, or set filter.ocr.options.device to cpu.",
            ) from error
        told = " ".join(str(error).split())[:200]
        raise StickerworksError(
            f"The OCR model {model} doesn't fit: {told}",
            f"Set filter.ocr.options.{role} to an ONNX file exported from PaddleOCR.",
        ) from error


def engine_errors() -> tuple[type[Exception], ...]:
    """What OpenVINO and onnxruntime raise; the latter has classes of its own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as own

    found = (one for one in vars(own).values() if isinstance(one, type))
    return (RuntimeError, ValueError, *(one for one in found if issubclass(one, Exception)))


def onnx_session(model: Path, providers: Any = None, optimise: Any = None) -> Any:
    """A quiet session of onnxruntime on one thread, on the CPU unless ``providers`` are given."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 4
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    # The arena would keep what the largest picture took.
    settings.enable_cpu_mem_arena = False
    if optimise is not None:
        settings.graph_optimization_level = optimise
    return onnxruntime.InferenceSession(
        str(model), settings, providers=providers or ["CPUExecutionProvider"]
    )


def import_openvino() -> Any:
    """OpenVINO without its telemetry, which would tell a host of the import, unasked.

    It has a stub of its own for installations without the package ``openvino_telemetry``.
    """
    name = "openvino_telemetry"
    absent = "openvino" not in sys.modules and name not in sys.modules
    if absent:
        sys.modules[name] = None  # type: ignore[assignment]  # so that importing it fails
    try:
        import openvino
        import openvino.opset13
    finally:
        if absent:
            del sys.modules[name]
    return openvino


class OnnxRuntime:
    """A model on onnxruntime."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name

    def run(self, batch: Floats) -> Floats:
        """The model's first output."""
        found: Floats = self._session.run(None, {self._input: batch})[0]
        return found


class OnnxRecogniser:
    """A recogniser on onnxruntime, which gives the probabilities of all classes."""

    def __init__(self, engine: OnnxRuntime) -> None:
        self._engine = engine
        self.classes: int = engine.run(np.zeros((1, 3, 48, 64), np.float32)).shape[2]

    def best(self, batch: Floats) -> tuple[Indices, Floats]:
        found = self._engine.run(batch)
        index = found.argmax(axis=2)
        return index, np.take_along_axis(found, index[:, :, None], axis=2)[:, :, 0]


class _OpenVino:
    """A model on OpenVINO, compiled once for all the shapes of ``shape`` (-1: any size).

    A model for each shape would be a tenth faster, and take 50 MB and half a second each.
    """

    def __init__(self, model: Path, shape: tuple[int, ...], precision: Precision) -> None:
        openvino = import_openvino()
        core = openvino.Core()
        network = core.read_model(model)
        network.reshape(openvino.PartialShape(list(shape)))
        settings = {
            # Worker processes share out the cores.
            "INFERENCE_NUM_THREADS": 1,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[precision],
        }
        compiled = core.compile_model(self.completed(network), "CPU", settings)
        self._request: Any = compiled.create_infer_request()

    def completed(self, network: Any) -> Any:
        """The network with what is to be computed of its output."""
        return network

    def run(self, batch: Floats) -> Floats:
        found: Floats = self._request.infer([batch], share_inputs=True, share_outputs=True)[0]
        return found


class _OpenVinoRecogniser(_OpenVino):
    """A recogniser that leaves the likeliest class to OpenVINO: there are 18,000 a place."""

    def __init__(self, model: Path, precision: Precision) -> None:
        super().__init__(model, (-1, 3, 48, -1), precision)

    def completed(self, network: Any) -> Any:
        openvino = import_openvino()
        shape = network.output(0).partial_shape
        if shape.rank.get_length() != 3 or not shape[2].is_static:
            raise ValueError(f"its output has the shape {shape}")
        self.classes: int = shape[2].get_length()
        probabilities = network.output(0).get_node().input_value(0)
        best = openvino.opset13.topk(
            probabilities, np.int64(1), 2, "max", "value", index_element_type="i64"
        )
        return openvino.Model([best.output(0), best.output(1)], network.get_parameters())

    def best(self, batch: Floats) -> tuple[Indices, Floats]:
        found = self._request.infer([batch], share_inputs=True, share_outputs=True)
        return found[1][:, :, 0], found[0][:, :, 0]
