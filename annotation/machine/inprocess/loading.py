"""A model and its processor, loaded from a folder without a word to the terminal."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotation.machine.inprocess.checkpoint import explained, fetch
from annotation.machine.inprocess.messages import control_pattern
from annotation.machine.inprocess.options import InProcessOptions
from pipeline.engine.errors import StickerworksError
from pipeline.engine.extras import need_extra

_UNLOADABLE = (
    "Its files may be damaged, or it may need a newer transformers or code of its own, "
    "which is never run; choose another annotate.options.model."
)


@dataclass(frozen=True)
class Loaded:
    """What answers: model and processor of transformers, and what is known of them.

    ``context`` is how many tokens prompt and answer may have together, None if it isn't said;
    ``control`` matches tokens that steer the model; ``ends`` are those that end an answer.
    """

    model: Any
    processor: Any
    device: str
    context: int | None
    control: re.Pattern[str]
    ends: frozenset[int]


def load(options: InProcessOptions) -> Loaded:
    """Load what ``options.model`` names; raises StickerworksError where that can't be."""
    device = choose_device(options.device)
    with _quiet():
        folder = fetch(options)
        with explained(f"The model {options.model!r} can't be loaded", _UNLOADABLE):
            config = _read_config(folder, options.model)
            processor = _load_processor(folder, config, options.model)
            model = _load_model(folder, options, device)
    tokenizer = processor.tokenizer
    return Loaded(
        model=model,
        processor=processor,
        device=device,
        context=getattr(config.get_text_config(), "max_position_embeddings", None),
        control=control_pattern(
            str(token)
            for token in tokenizer.added_tokens_decoder.values()
            # Marks such as <think> steer as well, though tokenizers don't call them special.
            if token.special or re.fullmatch(r"[<\[].*[>\]]", str(token))
        ),
        ends=_ends(model, tokenizer),
    )


def choose_device(wanted: str) -> str:
    """``wanted``, or for auto the GPU if there is one; raises StickerworksError if it's missing."""
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wanted == "auto":
        return "cuda" if gpus else "cpu"
    number = int(wanted.partition(":")[2] or 0)
    if wanted.startswith("cuda") and number >= gpus:
        raise StickerworksError(
            f"annotate.options.device: there is no {wanted}; torch sees {gpus} GPUs.",
            "Set auto or cpu, or install the driver and a torch built for it.",
        )
    return wanted


def _read_config(folder: Path, name: str) -> Any:
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING

    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    if type(config) not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
        raise StickerworksError(
            f"The model {name!r} is of the kind {config.model_type}, which doesn't answer "
            "questions about pictures.",
            "Set annotate.options.model to a vision-language model such as Qwen/Qwen3.5-4B.",
        )
    return config


def _load_processor(folder: Path, config: Any, name: str) -> Any:
    from transformers import AutoProcessor
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING

    kind = PROCESSOR_MAPPING.get(type(config), None)
    parts = set(kind.get_attributes()) if kind is not None else set()
    if "video_processor" in parts and parts <= {"image_processor", "tokenizer", "video_processor"}:
        processor = _without_video(kind, folder)
    else:
        processor = AutoProcessor.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    tokenizer = getattr(processor, "tokenizer", None)
    if tokenizer is None or getattr(processor, "image_processor", None) is None:
        raise StickerworksError(
            f"The model {name!r} has no image processor or no tokenizer.",
            "Set annotate.options.model to a whole checkpoint of a vision-language model.",
        )
    processor.chat_template = processor.chat_template or tokenizer.chat_template
    if not processor.chat_template:
        raise StickerworksError(
            f"The model {name!r} has no chat template, so it wasn't made for conversation.",
            "Choose a model that was tuned to follow instructions.",
        )
    tokenizer.padding_side = "left"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return processor


def _without_video(kind: Any, folder: Path) -> Any:
    """A processor whose video part does nothing: loading a real one needs torchvision.

    Frames are shown as pictures, so that none is ever asked; PIL prepares them everywhere.
    """
    from transformers import AutoImageProcessor, AutoTokenizer, ImageProcessingMixin

    def check(self: Any, name: str, part: Any) -> Any:
        return None if name == "video_processor" else inherited(self, name, part)

    inherited = kind.check_argument_for_proper_class
    stills: Any = type(kind.__name__, (kind,), {"check_argument_for_proper_class": check})
    silent = type("NoVideo", (ImageProcessingMixin,), {"model_input_names": []})
    source = {"local_files_only": True, "trust_remote_code": False}
    parts = {
        "image_processor": AutoImageProcessor.from_pretrained(folder, backend="pil", **source),
        "tokenizer": AutoTokenizer.from_pretrained(folder, **source),
        "video_processor": silent(),
    }
    settings, _ = kind.get_processor_dict(folder, local_files_only=True)
    return stills.from_args_and_dict([parts[part] for part in kind.get_attributes()], settings)


def _load_model(folder: Path, options: InProcessOptions, device: str) -> Any:
    import torch
    from transformers import AutoModelForImageTextToText

    auto = "float32" if device == "cpu" else "auto"
    dtype = auto if options.dtype == "auto" else options.dtype
    # Weights that a checkpoint lacks are drawn before it's refused; chance stays as it was.
    with torch.random.fork_rng(devices=[]):
        model, found = AutoModelForImageTextToText.from_pretrained(
            folder,
            dtype=dtype,
            output_loading_info=True,
            local_files_only=True,
            trust_remote_code=False,
        )
    lost = sorted(found["missing_keys"]) + sorted(str(key) for key in found["mismatched_keys"])
    if lost:
        raise StickerworksError(
            f"The model {options.model!r} lacks {len(lost)} weights that its config.json calls "
            f"for, {lost[0]} first.",
            "Download it again, or choose another annotate.options.model.",
        )
    try:
        return model.eval().to(device)
    except torch.OutOfMemoryError as error:
        raise StickerworksError(
            f"The model {options.model!r} doesn't fit into the memory of {device}.",
            "Choose a smaller model, dtype bfloat16, or another device in annotate.options.",
        ) from error


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:
    given = model.generation_config.eos_token_id
    listed = given if isinstance(given, list) else [given]
    return frozenset(end for end in (*listed, tokenizer.eos_token_id) if end is not None)


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing of transformers' on the terminal; what it says while answering included."""
    logging = need_extra("transformers.utils.logging", "baselines", "The captioner transformers")
    logging.set_verbosity_error()
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if bars:
            logging.enable_progress_bar()
