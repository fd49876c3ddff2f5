"""Prompt sets: what a model is asked about a sticker, turn by turn, as versioned files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from annotation.machine.parsing import bare
from pipeline.engine.errors import StickerworksError
from pipeline.engine.options import describe_invalid
from pipeline.engine.paths import named_path, read_regular
from pipeline.engine.safe_yaml import parse_yaml, problem
from schemas.section import Section

Language = Literal["en", "zh"]
Hint = Literal["ocr", "keywords"]

SHIPPED = Path(__file__).with_name("prompts")
_MAX_BYTES = 100_000
_NAME = re.compile(r"\w{1,40}")
PLACE = re.compile(r"\{(\w+)\}")
"""Where a prompt quotes a field."""


class FieldSpec(Section):
    """One field that an answer gives.

    A ``reading`` is text that stands on the sticker, whatever its language. ``key`` is its name
    in the JSON of an answer of several fields; with ``each_language`` there is one a language.
    What a field of ``speech`` quotes may be what people say, and needn't stand on the sticker.
    """

    kind: Literal["text", "reading", "yes_no", "class"]
    classes: tuple[str, ...] = ()
    key: str | None = None
    each_language: bool = False
    speech: bool = False

    @model_validator(mode="after")
    def _whole(self) -> FieldSpec:
        if (self.kind == "class") != bool(self.classes):
            raise ValueError("a class needs `classes`, and nothing else has them")
        names = [bare(name) for name in self.classes]
        if not all(names) or len(set(names)) < len(names):
            raise ValueError("`classes` holds a name twice, or one without a letter")
        return self


class Turn(Section):
    """One request.

    It goes on with the conversation about the pictures, or stands ``alone``, without them. It is
    asked in each of its languages: the first configured, the ``others``, or ``each``. Fields of
    earlier turns are put into ``{places}`` of the prompt, in the turn's language where there is
    such a text. It is asked only ``when`` a field has a value; ``otherwise`` says what its fields
    are then, as far as they are anything.
    """

    name: str = Field(pattern=r"^\w{1,40}$")
    languages: Literal["first", "others", "each"] = "first"
    alone: bool = False
    prompt: dict[Language, str]
    fields: dict[str, FieldSpec] = Field(min_length=1)
    when: dict[str, str] = Field(default_factory=dict)
    otherwise: dict[str, str] = Field(default_factory=dict)
    max_tokens: int = Field(300, gt=0)

    @property
    def places(self) -> tuple[str, ...]:
        """Fields that the prompt quotes."""
        found = (name for text in self.prompt.values() for name in PLACE.findall(text))
        return tuple(dict.fromkeys(found))

    @property
    def plain(self) -> bool:
        """Whether the answer is the text itself: one field that is no class."""
        kinds = [(spec.kind, spec.each_language) for spec in self.fields.values()]
        return len(kinds) == 1 and kinds[0][0] != "class" and not kinds[0][1]

    @model_validator(mode="after")
    def _readable(self) -> Turn:
        odd = [name for name in self.fields if not _NAME.fullmatch(name)]
        if odd:
            raise ValueError(f"{odd[0]!r} is no name of a field: at most 40 letters and digits")
        if not all(text.strip() for text in self.prompt.values()):
            raise ValueError("a prompt is empty")
        if not set(self.otherwise) <= set(self.fields):
            raise ValueError("`otherwise` names a field that it doesn't ask")
        keys = [
            bare(f"{spec.key or name}{ending}")
            for name, spec in self.fields.items()
            for ending in (("_en", "_zh") if spec.each_language else ("",))
        ]
        if not all(keys) or len(set(keys)) < len(keys):
            raise ValueError("two fields have the same key in the answer, or one has none")
        return self


class PromptSet(Section):
    """What is asked, with the paper that it follows; ``version`` rises with every change.

    ``hints`` are what is told of each sticker beside its pictures, as the configuration says.
    """

    name: str = Field(pattern=r"^\w{1,40}$")
    version: int = Field(gt=0)
    source: str = Field(min_length=1)
    system: str = ""
    languages: tuple[Language, ...] = ()
    turns: tuple[Turn, ...] = Field(min_length=1)
    digest: str = ""
    hints: tuple[Hint, ...] = ()

    @property
    def title(self) -> str:
        """Name and version, the digest of a file that isn't ours, and the hints."""
        own = f" sha256:{self.digest[:12]}" if self.digest else ""
        return f"{self.name}/{self.version}{own}{''.join(f' +{hint}' for hint in self.hints)}"

    def with_hints(self, hints: Sequence[Hint]) -> PromptSet:
        """The same with these hints."""
        return self.model_copy(update={"hints": tuple(sorted(set(hints)))})

    def spoken(self, languages: tuple[str, ...]) -> tuple[str, ...]:
        """The languages that it is asked in: its own, or else those that are configured."""
        return self.languages or languages

    @model_validator(mode="after")
    def _sound(self) -> PromptSet:
        known: set[str] = set()
        told: set[tuple[str, str]] = set()
        names = [turn.name for turn in self.turns]
        if len(set(names)) < len(names):
            raise ValueError("two turns have the same name")
        for turn in self.turns:
            missing = {*turn.places, *turn.when} - known
            if missing:
                raise ValueError(f"turn {turn.name} needs {min(missing)}, which no turn before has")
            if set(self.languages or ("en",)) - set(turn.prompt):
                raise ValueError(f"turn {turn.name} has no prompt in one of its languages")
            known |= set(turn.fields)
            for name, spec in turn.fields.items():
                asked = "each" if spec.each_language else turn.languages
                parts = {(name, part) for part in ("first", "others") if asked in (part, "each")}
                if parts & told:
                    raise ValueError(f"turn {turn.name} asks {name} again in the same language")
                told |= parts
        return self


def load_prompt_set(name: str) -> PromptSet:
    """One of ours by name, or a YAML file by path; StickerworksError says what is wrong."""
    own = SHIPPED / f"{name}.yaml"
    if re.fullmatch(r"\w+", name):
        if not own.is_file():
            known = ", ".join(sorted(path.stem for path in SHIPPED.glob("*.yaml")))
            raise StickerworksError(
                f"There is no prompt set called {name!r}.",
                f"annotate.prompts takes {known}, or the path of a YAML file.",
            )
        return _load(own, ours=True)
    return _load(named_path(name, "annotate.prompts"), ours=False)


@cache
def _load(path: Path, ours: bool) -> PromptSet:
    try:
        data = read_regular(path, _MAX_BYTES)
        content = parse_yaml(data)
        if not isinstance(content, dict):
            raise ValueError("it is no mapping")
        found = PromptSet.model_validate(content)
    except OSError as error:
        reason = error.strerror or str(error)
    except ValidationError as error:
        reason, _ = describe_invalid(error, "", PromptSet)
    except yaml.YAMLError as error:
        reason = problem(error)
    except ValueError as error:
        reason = " ".join(str(error).split())
    else:
        return found if ours else found.model_copy(update={"digest": _hash(data), "hints": ()})
    raise StickerworksError(
        f"The prompt set {path} can't be used: {reason}.",
        f"Ours in {SHIPPED} show what one looks like.",
    )


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
