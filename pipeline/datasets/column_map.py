"""Which columns of a foreign table hold what: ``image=img,tags=labels,text=ocr_text``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from pipeline.datasets.problems import shown
from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import named_path, read_regular
from pipeline.engine.plugins import near
from pipeline.engine.safe_yaml import MAX_BYTES, parse_yaml, problem
from schemas.tables import DESCRIPTION_FIELDS

IMAGE, NAME, TAGS, TRIGGER_WORDS = "image", "name", "tags", "trigger_words"
TEST_SETS = "test_sets"
TEXTS = ("domain", "ocr_text", "pack", *(name for name, _ in DESCRIPTION_FIELDS))
ORIGIN = ("author", "page_url", "licence", "licence_url")
FIELDS = (IMAGE, NAME, TAGS, TRIGGER_WORDS, TEST_SETS, *TEXTS, *ORIGIN)
"""What a column may be taken for; ``image`` is needed."""

_ALSO = {"text": "ocr_text", "labels": TAGS, "license": "licence", "id": NAME}
_REMEDY = f"Write FIELD=COLUMN, fields being {', '.join(FIELDS)}."


@dataclass(frozen=True)
class ColumnMap:
    """Columns by field; those of ``optional`` fields may be missing in a file."""

    columns: Mapping[str, str]
    optional: bool = False


def read_mapping(given: str) -> ColumnMap:
    """A mapping as typed, ``image=img,tags=labels``, or that in a YAML file of that name.

    Raises StickerworksError for what is no mapping, an unknown field and one that stands twice.
    """
    pairs = _typed(given) if "=" in given else _in_file(given)
    columns: dict[str, str] = {}
    for key, column in pairs:
        field = _ALSO.get(key, key)
        if field not in FIELDS:
            raise StickerworksError(
                f"--map has no field {shown(key)}{near(field, FIELDS)}.", _REMEDY
            )
        if not column or field in columns:
            what = "twice" if column else "without a column"
            raise StickerworksError(f"--map names {field} {what}.", _REMEDY)
        columns[field] = column
    if IMAGE not in columns:
        raise StickerworksError("--map doesn't say which column holds the image.", _REMEDY)
    return ColumnMap(columns)


def _typed(given: str) -> list[tuple[str, str]]:
    pairs = []
    for part in given.split(","):
        key, equals, column = part.partition("=")
        if not equals:
            raise StickerworksError(f"--map holds {shown(part)}, which is no pair.", _REMEDY)
        pairs.append((key.strip(), column.strip()))
    return pairs


def _in_file(given: str) -> list[tuple[str, str]]:
    try:
        content: Any = parse_yaml(read_regular(named_path(given, "--map"), MAX_BYTES))
    except OSError as error:
        raise StickerworksError(
            f"--map names the file {shown(given)}, which can't be read: {error.strerror}.", _REMEDY
        ) from error
    except yaml.YAMLError as error:
        raise StickerworksError(
            f"{given} is no YAML: {problem(error)}.", "Write one FIELD: COLUMN a line."
        ) from error
    fits = isinstance(content, dict) and all(
        isinstance(text, str) for pair in content.items() for text in pair
    )
    if not fits:
        raise StickerworksError(
            f"{given} is no mapping of fields to columns.", "Write one FIELD: COLUMN a line."
        )
    return list(content.items())
