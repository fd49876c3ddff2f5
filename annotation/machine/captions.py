"""Captions of the kept stickers, by the captioner that the configuration names.

A captioner that writes by itself runs in worker processes. One that is a model is asked from the
main process, and what it says goes into the ledger of answers first; the table then holds what
every model ever said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import pyarrow as pa
from pydantic import Field

from annotation.machine.answers import FILE, ModelIdentity, caption_row, open_answers
from annotation.machine.asking import ChatJob, TextModel, ask_all
from annotation.machine.caption_input import collect_inputs
from annotation.machine.configured import ConfiguredCaptioner, open_captioner
from annotation.machine.prompt_set import Hint, PromptSet, load_prompt_set
from pipeline.engine.stage import Context, Needs, Process, Stage, Tables
from schemas.config import Config
from schemas.section import Section
from schemas.tables import CAPTIONS as TABLE


class CaptionSettings(Section):
    """What the stage needs to know; how fast answers are got stays out of the fingerprint."""

    captioner: str
    languages: tuple[str, ...]
    prompts: tuple[str, ...]
    hints: tuple[Hint, ...] = ()
    decides: dict[str, Any]
    text: dict[str, Any] | None = None
    options: dict[str, Any] = Field(exclude=True)


def load_captioner(config: Config) -> ConfiguredCaptioner:
    """The captioner that the configuration names; StickerworksError when an option is wrong."""
    return open_captioner(config.annotate.captioner, config.annotate.options)


def caption_settings(config: Config) -> CaptionSettings:
    """Settings of the stage; StickerworksError when an option or a prompt set is wrong."""
    chosen, captioner = config.annotate, load_captioner(config)
    return CaptionSettings(
        captioner=chosen.captioner,
        languages=chosen.languages,
        prompts=chosen.prompts if captioner.is_asked else (),
        hints=tuple(sorted(set(chosen.hints))) if captioner.is_asked else (),
        decides=dict(captioner.settings()),
        text=_text_settings(captioner),
        options=dict(chosen.options),
    )


def _text_settings(captioner: ConfiguredCaptioner) -> dict[str, Any] | None:
    text = captioner.text()
    if text is None:
        return None
    model = text.model()
    return {"model": model.title if model else None, "decides": dict(text.settings())}


def _models(config: Config) -> Mapping[str, str]:
    captioner = load_captioner(config)
    model = captioner.model()
    asked = config.annotate.prompts if captioner.is_asked else ()
    return {
        "captioner": captioner.captioner.prompt or captioner.name,
        "model": model.title if model else "none",
        "prompts": " ".join(load_prompt_set(name).title for name in asked),
    }


def check_captioner(config: Config) -> None:
    """StickerworksError when the captioner, its options or a prompt set can't be used."""
    caption_settings(config)
    _models(config)


def is_asked(config: Config) -> bool:
    """Whether the configured captioner is a model that is asked."""
    return load_captioner(config).is_asked


def identities_of(settings: CaptionSettings) -> tuple[ModelIdentity, ...]:
    """Who answers under these settings; the second, where there is one, about texts alone."""
    captioner = open_captioner(settings.captioner, settings.options)
    text = captioner.text()
    return (captioner.identity(), *([text.identity()] if text else []))


def own_captions(settings: CaptionSettings) -> dict[str, list[str | None]]:
    """What marks, in ``captions``, the rows of what is configured from those of other models."""
    captioner = open_captioner(settings.captioner, settings.options)
    models = [one.model() for one in (captioner, captioner.text()) if one is not None]
    asked: list[str | None] = [prompts.title for prompts in prompt_sets(settings)]
    return {
        "captioner": [captioner.name],
        "model": [model.name if model else None for model in models],
        "revision": [model.revision if model else None for model in models],
        "prompt": asked if captioner.is_asked else [captioner.captioner.prompt],
    }


def prompt_sets(settings: CaptionSettings) -> tuple[PromptSet, ...]:
    """The prompt sets that are asked, in order."""
    names = dict.fromkeys(settings.prompts)
    return tuple(load_prompt_set(name).with_hints(settings.hints) for name in names)


def _open(context: Context) -> Process:
    captioner = open_captioner(context.settings.captioner, context.settings.options)
    return _open_chat(context, captioner) if captioner.is_asked else _open_write(context, captioner)


def _open_chat(context: Context, captioner: ConfiguredCaptioner) -> Process:
    settings: CaptionSettings = context.settings
    with ExitStack() as opened:
        answers = opened.enter_context(open_answers(context.root))
        runner = opened.enter_context(asyncio.Runner())
        job = open_job(settings, captioner)
        opened.callback(lambda: runner.run(job.close()))
        context.at_end(opened.pop_all().close)

    def process(tables: Tables) -> dict[str, pa.Table]:
        stickers = collect_inputs(tables)
        runner.run(ask_all(stickers, job, answers, context.advance))
        rows = [row for sticker in stickers for row in answers.captions(sticker.id)]
        return {TABLE.name: pa.Table.from_pylist(rows, schema=TABLE.schema)}

    return process


def open_job(settings: CaptionSettings, captioner: ConfiguredCaptioner) -> ChatJob:
    """Load or connect to the model."""
    sets = prompt_sets(settings)
    text = captioner.text()
    other = TextModel(text.open_chat(), text.identity()) if text else None
    chat = captioner.open_chat()
    return ChatJob(chat, captioner.identity(), sets, settings.languages, other)


def _open_write(context: Context, captioner: ConfiguredCaptioner) -> Process:
    settings: CaptionSettings = context.settings
    write = captioner.open_write(settings.languages)
    model = captioner.model()
    origin = {
        "captioner": captioner.name,
        "model": model.name if model else None,
        "revision": model.revision if model else None,
        "prompt": captioner.captioner.prompt,
    }
    asked_before = (context.root / FILE).exists()

    def process(tables: Tables) -> dict[str, pa.Table]:
        stickers = collect_inputs(tables)
        own = {
            sticker.id: [{"id": sticker.id, **origin, **caption_row(caption)} for caption in texts]
            for sticker, texts in zip(stickers, write(stickers), strict=True)
        }
        if asked_before:
            with open_answers(context.root) as answers:
                for key in own:
                    own[key] += answers.captions(key)
        rows = [row for found in own.values() for row in found]
        return {TABLE.name: pa.Table.from_pylist(rows, schema=TABLE.schema)}

    return process


CAPTIONS = Stage(
    name="captions",
    version=3,
    reads=("stickers", "decisions", "signals", "frames", "clips", "domain", "ocr", "observations"),
    writes=("captions",),
    needs=Needs(cpus=1, memory_mb=512, seconds_per_row=0.001),
    settings=caption_settings,
    open=_open,
    selects="decisions",
    batch_rows=1000,
    models=_models,
    in_main_process=is_asked,
    own=own_captions,
)
