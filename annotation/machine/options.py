"""A captioner's own options, checked, with one clear line for the first that is wrong."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError

from annotation.machine.captioner import Options
from pipeline.engine.errors import StickerworksError
from schemas.config import Section

Checked = TypeVar("Checked", bound=Section)


def check_options(captioner: str, kind: type[Checked], options: Options) -> Checked:
    """The options as ``kind``; StickerworksError names the key and what to do."""
    try:
        return kind.model_validate(dict(options))
    except ValidationError as error:
        found = error.errors(include_input=False)
    # A key that isn't known explains one that is missing.
    first = min(found, key=lambda one: one["type"] != "extra_forbidden")
    name = ".".join(str(step) for step in first["loc"])
    remedy = "docs/annotating.md says what it takes."
    if first["type"] == "extra_forbidden":
        what = f"The captioner {captioner} has no option called {name!r}"
        remedy = f"It has {', '.join(kind.model_fields)}."
    elif first["type"] == "missing":
        what = f"The captioner {captioner} needs annotate.options.{name}"
        described = kind.model_fields[name].description
        remedy = f"Set it: {described}." if described else remedy
    else:
        reason = first["msg"].removeprefix("Value error, ")
        what = f"annotate.options.{name} of the captioner {captioner} can't be used: {reason}"
    raise StickerworksError(f"{what}.", remedy)
