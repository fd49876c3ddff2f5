"""Files that pages which ask have saved, and what is in every one: who answered, when, of what."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from pipeline.engine.errors import StickerworksError
from pipeline.engine.options import describe_invalid
from pipeline.engine.paths import named_path, read_regular
from pipeline.engine.text import plain, storable

_MOST_BYTES = 64 << 20
Form = TypeVar("Form", bound=BaseModel)


def parse_saved(path: Path, command: str, form: type[Form], holds: str, page: str) -> Form:
    """The file that ``page`` saved, in the form that it has; ``holds`` says what in an error.

    Raises StickerworksError for anything else.
    """
    try:
        return form.model_validate(read_saved(path, command))
    except ValidationError as error:
        raise strange_file(path, holds, page, describe_invalid(error, "", form)[0]) from error
    except ValueError as error:
        raise strange_file(path, holds, page, "it is no JSON") from error


def strange_file(path: Path, holds: str, page: str, why: str) -> StickerworksError:
    """What to say of a file that isn't what a page saved."""
    return StickerworksError(
        f"{plain(str(path))} holds no {holds}: {why}.",
        f"Name the file that the page of `stickerworks {page}` saved.",
    )


def check_workspace(path: Path, said: str, workspace: str) -> None:
    """StickerworksError where a page of another workspace saved the file."""
    if said != workspace:
        raise StickerworksError(
            f"{plain(str(path))} is about another workspace.",
            "Name that --workspace, or the file that this one's page saved.",
        )


def read_saved(path: Path, key: str) -> Any:
    """The JSON in a file that ``key`` names; StickerworksError where it can't be read, ValueError
    where it holds something else."""
    try:
        return json.loads(read_regular(named_path(path, key), _MOST_BYTES))
    except OSError as error:
        raise StickerworksError(
            f"{plain(str(path))} can't be read: {error.strerror or error}.",
            "Name the file that was saved.",
        ) from error
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def somebody(name: str) -> str:
    """A name as tables hold it."""
    return storable(name, 100) or "somebody"


def _moment(text: str) -> str:
    found = datetime.fromisoformat(text)
    try:
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("in UTC it lies outside of the years 1 to 9999") from error
    return found.isoformat(timespec="milliseconds")


Moment = Annotated[str, Field(max_length=40), AfterValidator(_moment)]
"""A time in ISO 8601, as UTC, so that texts sort as times do."""

Sticker = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
