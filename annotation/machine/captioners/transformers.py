"""A vision-language model in this process: a local path or a hub's name, on the CPU or a GPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from annotation.machine.captioner import Captioner, Rates
from annotation.machine.chat import Chat, Model
from annotation.machine.inprocess.batching import InProcessChat
from annotation.machine.inprocess.checkpoint import find_revision
from annotation.machine.inprocess.loading import choose_device
from annotation.machine.inprocess.options import InProcessOptions

_DECIDES = ("temperature", "enable_thinking", "max_pixels", "dtype")


def _model(options: InProcessOptions) -> Model:
    return Model(options.model, find_revision(options))


def _chat(options: InProcessOptions) -> Chat:
    return InProcessChat(options)


def _settings(options: InProcessOptions) -> Mapping[str, Any]:
    return options.model_dump(include=set(_DECIDES))


def _rates(options: InProcessOptions) -> Rates:
    return Rates(gpus=None if choose_device(options.device) == "cpu" else 1)


CAPTIONER = Captioner(
    name="transformers",
    model=_model,
    chat=_chat,
    settings=_settings,
    rates=_rates,
    options=InProcessOptions,
)
"""The entry point."""
