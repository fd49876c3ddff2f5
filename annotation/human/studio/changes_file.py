"""The file that says what became of a ballot's tags: YAML for two versions, a line a tag."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import read_regular
from pipeline.engine.safe_yaml import MAX_BYTES, key_lines, parse_yaml, problem, write_yaml
from pipeline.engine.text import one_line, some

_KEYS = ("ballot", "tagset", "tags")
_NEW_DRAFT = "Write a new one: `stickerworks label migrate --draft FILE`."
_HEAD = """\
# Behind each tag of the exported ballot stands what became of it: the tag that it is now, a list
# of tags (a split: old votes get all of them), or [] to drop it from old votes. What people said
# when they named the tags is filled in; no other may stay blank. Other tags may be added.
"""


@dataclass(frozen=True)
class DraftedTag:
    """A line of a draft: the tag, what became of it (None: blank), and a remark about it."""

    tag: str
    becomes: str | None
    remark: str


@dataclass(frozen=True)
class ChangesFile:
    """A file that was read: the versions that it is for, changes, and the lines of its tags.

    ``blank`` are tags with nothing behind them; ``content`` is the file as it stands.
    """

    path: Path
    ballot: str
    tagset: str
    changes: Mapping[str, Sequence[str]]
    blank: Sequence[str]
    lines: Mapping[Any, int]
    content: str

    def refuse(self, what: str, tags: Sequence[str], remedy: str) -> StickerworksError:
        """An error about some tags, each with the line where it stands."""
        told = [one_line(tag, 40) + self._line(tag) for tag in tags]
        return StickerworksError(f"{self.path} {what} {some(told)}.", remedy)

    def _line(self, tag: str) -> str:
        return f" (line {self.lines[tag]})" if tag in self.lines else ""


def draft_text(ballot: str, tagset: str, tags: Iterable[DraftedTag]) -> str:
    """The file to fill in, which ``read_changes_file`` reads back whatever the tags are."""
    head = _HEAD + write_yaml({"ballot": ballot, "tagset": tagset}, sort_keys=False) + "tags:\n"
    return head + "".join(map(_entry, tags))


def read_changes_file(path: Path) -> ChangesFile:
    """StickerworksError with the place where it isn't as a draft is."""
    try:
        data = read_regular(path, MAX_BYTES)
        content = data.decode("utf-8-sig")
        held: Any = parse_yaml(content)
        lines = key_lines(content, "tags")
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        what = problem(error) if isinstance(error, yaml.YAMLError) else _said(error)
        raise StickerworksError(f"Could not read {path}: {what}.", "Correct the file.") from error
    if not isinstance(held, dict) or set(held) != set(_KEYS):
        raise StickerworksError(f"{path} doesn't have the keys {', '.join(_KEYS)}.", _NEW_DRAFT)
    tags = {} if held["tags"] is None else held["tags"]
    if not isinstance(tags, dict):
        raise StickerworksError(f"{path}: tags is no mapping.", "Write lines `old: new`.")
    listed = {
        tag: new if isinstance(new, list) else ["" if new is None else new]
        for tag, new in tags.items()
    }
    for tag, words in listed.items():
        if not all(isinstance(word, str) for word in (tag, *words)):
            line = f"line {lines[tag]}" if tag in lines else "tags"
            named = f"what {one_line(tag, 40)} becomes is no tag or list of tags"
            what = named if isinstance(tag, str) else "what stands before the colon is no tag"
            raise StickerworksError(
                f"{path}, {line}: {what}.",
                "Put quotes around tags that YAML takes for something else.",
            )
    blank = [tag for tag, words in listed.items() if "" in words]
    changes = {tag: tuple(dict.fromkeys(words)) for tag, words in listed.items() if "" not in words}
    for name in _KEYS[:2]:
        if not isinstance(held[name], str):
            raise StickerworksError(f"{path}: {name} is no version.", _NEW_DRAFT)
    ballot, tagset = (held[name] for name in _KEYS[:2])
    return ChangesFile(path, ballot, tagset, changes, blank, lines, content)


def _said(error: OSError | UnicodeDecodeError) -> str:
    return str(error.strerror) if isinstance(error, OSError) else "it is not UTF-8"


def _entry(drafted: DraftedTag) -> str:
    line = write_yaml({drafted.tag: drafted.becomes}, width=math.inf)
    if drafted.becomes is None:
        line = line.removesuffix("null\n").rstrip() + "\n"
    # A comment holds nothing that YAML refuses.
    remark = "".join(sign if sign.isprintable() else " " for sign in one_line(drafted.remark, 300))
    return f"  # {remark}\n" + "".join(f"  {part}\n" for part in line[:-1].split("\n"))
