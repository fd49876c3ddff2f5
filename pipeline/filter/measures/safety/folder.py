"""A classifier as a folder of transformers: config.json, weights, preprocessor_config.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.engine.compute import compute_in_float32
from pipeline.engine.errors import StickerworksError
from pipeline.filter.measures.safety.classifier import (
    Classifier,
    Floats,
    bad_model,
    choose_activation,
    name_labels,
    use_gpu,
)
from pipeline.filter.measures.safety.files import CONFIG, PREPROCESSOR, read_json
from pipeline.filter.measures.safety.options import SafetyOptions
from pipeline.filter.measures.safety.preprocessing import read_preprocessing
from pipeline.filter.measures.safety.stated import stated


def load_folder(path: Path, options: SafetyOptions, device: str) -> Classifier:
    """The classifier of a folder, tried once; StickerworksError where it can't be used."""
    described = read_json(path, CONFIG)
    if not described:
        raise bad_model(path, f"the folder has no {CONFIG}")
    try:
        before = read_preprocessing(stated(read_json(path, PREPROCESSOR), options), None)
    except (ValueError, TypeError, OverflowError) as error:
        raise bad_model(path, str(error)) from error
    model, where = _load(path, options, device)
    # On one thread of a CPU more at once take as long.
    at_once = 1 if where == "cpu" else options.batch

    def run(pictures: Floats) -> Floats:
        import torch

        with torch.inference_mode():
            found = model(pixel_values=torch.from_numpy(pictures).to(where)).logits
        scores: Floats = found.float().cpu().numpy()
        return scores

    try:
        tried = run(np.zeros((at_once, 3, *before.size), np.float32))
    # What architectures raise on pictures of another size.
    except Exception as error:
        raise bad_model(path, f"it can't be run on {before.size}: {error}") from error
    return Classifier(
        preprocessing=before,
        labels=name_labels(path, options, described, tried.shape[1]),
        activation=choose_activation(options, described, tried.shape[1]),
        outputs=run,
        at_once=at_once,
        fixed=False,
    )


def _load(path: Path, options: SafetyOptions, device: str) -> tuple[Any, str]:
    import torch

    try:
        import transformers
    except ImportError as error:
        raise StickerworksError(
            f"The safety model {path} needs transformers.", "Run `make setup`."
        ) from error
    gpu = use_gpu(path, options, torch.cuda.is_available(), "torch")
    where = "cpu" if not gpu else device if options.device == "auto" else options.device
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        # Weights in pickles could run anything: safetensors alone.
        model, told = transformers.AutoModelForImageClassification.from_pretrained(
            path,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
        compute_in_float32()
        model = model.eval().to(where)
    # What transformers, safetensors and torch raise on files that make no sense.
    except Exception as error:
        raise bad_model(path, f"transformers can't load it: {error}") from error
    if lost := sorted(told["missing_keys"]):
        raise bad_model(path, f"its weights lack {lost[0]}: it is no trained classifier")
    if not gpu:
        torch.set_num_threads(1)  # worker processes share out the cores
    return model, where
