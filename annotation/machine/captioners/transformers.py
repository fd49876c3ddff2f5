"""A vision-language model in this process: a local path or a hub's name, on the CPU or a GPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from annotation.machine.captioner import Captioner, Options, Rates
from annotation.machine.chat import Chat, Model
from annotation.machine.inprocess.batching import InProcessChat
from annotation.machine.inprocess.checkpoint import find_revision
from annotation.machine.inprocess.loading import choose_device
from annotation.machine.inprocess.options import read_options

_DECIDES = ("temperature", "enable_thinking", "max_pixels", "dtype")


def _model(options: Options) -> Model:
    checked = read_options(options)
    return Model(checked.model, find_revision(checked))


def _chat(options: Options) -> Chat:
    return InProcessChat(read_options(options))


def _settings(options: Options) -> Mapping[str, Any]:
    return read_options(options).model_dump(include=set(_DECIDES))


def _rates(options: Options) -> Rates:
    return Rates(gpus=None if choose_device(read_options(options).device) == "cpu" else 1)


CAPTIONER = Captioner(
    name="transformers", model=_model, chat=_chat, settings=_settings, rates=_rates
)
"""The entry point."""
