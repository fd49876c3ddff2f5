"""A classifier as an ONNX file, with what stands beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.engine.errors import StickerworksError
from pipeline.filter.measures.safety.classifier import (
    KEY,
    Classifier,
    Floats,
    bad_model,
    choose_activation,
    name_labels,
    use_gpu,
)
from pipeline.filter.measures.safety.files import CONFIG, PREPROCESSOR, read_json
from pipeline.filter.measures.safety.options import SafetyOptions
from pipeline.filter.measures.safety.preprocessing import Size, read_preprocessing
from pipeline.filter.measures.safety.stated import stated

_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


def load_onnx(path: Path, options: SafetyOptions, device: str) -> Classifier:
    """The classifier of an ONNX file, tried once; StickerworksError where it can't be used."""
    session = _open_session(path, options)
    gpu = session.get_providers()[0] == "CUDAExecutionProvider"
    (given, *more), outputs = session.get_inputs(), session.get_outputs()
    shape = list(given.shape)
    if more or len(shape) != 4 or given.type not in _TYPES:
        told = ", ".join(f"{one.name} {one.shape}" for one in (given, *more))
        raise bad_model(path, f"it takes {told}, and not one batch of pictures")
    last = shape[3] == 3 and shape[1] != 3
    if not last and shape[1] != 3 and isinstance(shape[1], int):
        raise bad_model(path, f"its pictures have {shape[1]} colours and not 3")
    sides = shape[1:3] if last else shape[2:4]
    fixed = (sides[0], sides[1]) if all(isinstance(side, int) for side in sides) else None
    try:
        before = read_preprocessing(stated(read_json(path, PREPROCESSOR), options), fixed)
    except (ValueError, TypeError, OverflowError) as error:
        raise bad_model(path, str(error)) from error
    if fixed is not None and before.size != fixed:
        why = f"it takes pictures of {fixed[0]} x {fixed[1]}, not of {_told(before.size)}"
        raise bad_model(path, why, f"Correct {KEY}.input_size.")
    # On one thread of a CPU more at once take as long.
    at_once = shape[0] if isinstance(shape[0], int) else options.batch if gpu else 1

    def run(pictures: Floats) -> Floats:
        ready = pictures.transpose(0, 2, 3, 1) if last else pictures
        ready = np.ascontiguousarray(ready, _TYPES[given.type])
        found: Floats = session.run([outputs[0].name], {given.name: ready})[0]
        return found.astype(np.float32)

    try:
        tried = run(np.zeros((at_once, 3, *before.size), np.float32))
    # onnxruntime's exceptions have no base of their own.
    except Exception as error:
        raise bad_model(path, f"it can't be run: {error}") from error
    if tried.ndim != 2 or len(tried) != at_once:
        why = f"for {at_once} pictures it gives {tried.shape}, and not a number a label of each"
        raise bad_model(path, why)
    described = read_json(path, CONFIG)
    return Classifier(
        preprocessing=before,
        labels=name_labels(path, options, described, tried.shape[1]),
        activation=choose_activation(options, described, tried.shape[1]),
        outputs=run,
        at_once=at_once,
        fixed=isinstance(shape[0], int),
    )


def _open_session(path: Path, options: SafetyOptions) -> Any:
    import onnxruntime

    there = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    gpu = use_gpu(path, options, there, "onnxruntime")
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 4  # what it would say is in the error
    providers: list[Any] = ["CPUExecutionProvider"]
    if gpu:
        number = int(options.device.partition(":")[2] or 0)
        cuda = {"device_id": number, "cudnn_conv_algo_search": "DEFAULT", "use_tf32": 0}
        providers.insert(0, ("CUDAExecutionProvider", cuda))
    else:
        # Worker processes share out the cores.
        settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(path, settings, providers=providers)
    except Exception as error:
        raise bad_model(path, f"onnxruntime can't load it: {error}") from error
    # Where a library of CUDA is missing, onnxruntime takes the CPU without a word.
    if options.device.startswith("cuda") and session.get_providers()[0] != "CUDAExecutionProvider":
        raise _not_on_gpu(path)
    return session


def _not_on_gpu(path: Path) -> StickerworksError:
    return bad_model(
        path,
        "onnxruntime can't load CUDA and would compute on the CPU",
        f"Set {KEY}.device to cpu, or install what CUDA needs.",
    )


def _told(size: Size) -> str:
    return f"{size[0]} x {size[1]}"
