"""The captioner that a configuration names, with its options checked and its faults told."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from annotation.machine.answers import ModelIdentity
from annotation.machine.captioner import Caption, Captioner, CaptionInput, Rates, Write
from annotation.machine.chat import Chat, Model
from pipeline.engine.fingerprint import hash_json
from pipeline.engine.plugins import (
    PluginError,
    describe_plugin,
    load_plugin,
    plugin_faults,
    read_plugin_options,
    row_faults,
)
from schemas.tables import DESCRIPTION_FIELDS

_GROUP = "captioners"
FIELDS = frozenset(
    {"caption", "description"}
    | {name.removesuffix("_en").removesuffix("_zh") for name, _ in DESCRIPTION_FIELDS}
)
"""Fields that a caption may have; what has another name would reach no column."""


@dataclass(frozen=True)
class ConfiguredCaptioner:
    """A captioner and its options."""

    captioner: Captioner
    options: BaseModel

    @property
    def name(self) -> str:
        return self.captioner.name

    @property
    def is_asked(self) -> bool:
        """Whether it is a model that is asked."""
        return self.captioner.chat is not None

    def model(self) -> Model | None:
        with plugin_faults(_GROUP, self.name, "as it named its model"):
            return self.captioner.model(self.options)

    def settings(self) -> Mapping[str, Any]:
        """What decides an answer beside model and prompts."""
        with plugin_faults(_GROUP, self.name, "as it named its settings"):
            return dict(self.captioner.settings(self.options))

    def rates(self) -> Rates:
        with plugin_faults(_GROUP, self.name, "as it named its rates"):
            return self.captioner.rates(self.options)

    def text(self) -> ConfiguredCaptioner | None:
        """The model that is asked about texts alone, where it is another."""
        options = self.captioner.text(self.options)
        return None if options is None else ConfiguredCaptioner(self.captioner, options)

    def identity(self) -> ModelIdentity:
        """Who answers; PluginError where no model does."""
        model = self.model()
        if model is None:
            raise PluginError(
                f"{describe_plugin(_GROUP, self.name)} has a chat but names no model."
            )
        digest = hash_json([self.name, model.name, model.revision, self.settings()])
        return ModelIdentity(self.name, model, digest)

    def open_chat(self) -> Chat:
        """Load or connect to the model."""
        if self.captioner.chat is None:
            raise PluginError(f"{describe_plugin(_GROUP, self.name)} is no model that is asked.")
        with plugin_faults(_GROUP, self.name, "as it was opened"):
            return self.captioner.chat(self.options)

    def open_write(self, languages: Sequence[str]) -> Write:
        """The function that writes, its captions checked: a list a sticker, of fields and
        languages that somebody reads."""
        if self.captioner.write is None:
            raise PluginError(
                f"{describe_plugin(_GROUP, self.name)} neither writes nor is asked.",
                "A Captioner needs a function write or chat.",
            )
        with plugin_faults(_GROUP, self.name, "as it was opened"):
            write = self.captioner.write(languages, self.options)

        def checked(stickers: Sequence[CaptionInput]) -> Sequence[Sequence[Caption]]:
            with row_faults(_GROUP, self.name):
                written = [list(captions) for captions in write(stickers)]
            if len(written) != len(stickers):
                raise self._fault(f"gave captions of {len(written)} stickers for {len(stickers)}")
            for caption in (caption for captions in written for caption in captions):
                self._check(caption, languages)
            return written

        return checked

    def _check(self, caption: object, languages: Sequence[str]) -> None:
        if not isinstance(caption, Caption):
            raise self._fault(f"gave a {type(caption).__name__}, which is no Caption")
        if caption.field not in FIELDS:
            near = difflib.get_close_matches(caption.field, FIELDS, n=1)
            guess = f" (did you mean {near[0]}?)" if near else f": {', '.join(sorted(FIELDS))}"
            raise self._fault(f"wrote the field {caption.field!r}, which is none of ours{guess}")
        if caption.language not in languages:
            asked = ", ".join(languages)
            raise self._fault(f"wrote in {caption.language!r}; annotate.languages asks for {asked}")
        if not isinstance(caption.text, str | None) or (caption.text is None) != bool(
            caption.error
        ):
            raise self._fault(f"gave {caption.field} neither a text nor an error, or both")

    def _fault(self, what: str) -> PluginError:
        return PluginError(
            f"{describe_plugin(_GROUP, self.name)} {what}.",
            "Tell its author; docs/plugins says what a captioner may give.",
        )


def open_captioner(name: str, options: Mapping[str, Any]) -> ConfiguredCaptioner:
    """The captioner of that name; StickerworksError when an option is wrong."""
    captioner = load_plugin(_GROUP, name, Captioner)
    checked = read_plugin_options(_GROUP, name, captioner.options, options, "annotate.options")
    return ConfiguredCaptioner(captioner, checked)
