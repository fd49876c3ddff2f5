"""What labels say of some stickers now, and what they may say: tags, domains, answers."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from annotation.human.asked import AskedQuestion, read_questions
from annotation.human.review.conditions import fold
from pipeline.engine.errors import StickerworksError
from pipeline.engine.text import plain, quoted, some, storable
from pipeline.engine.workspace import Workspace

DOMAINS = ("real", "cartoon")
_COLUMNS = ["id", "tags", "status", "domain", "answers"]
_MOST_TAGS = 100


@dataclass(frozen=True)
class LabelNow:
    """What a label says by field, and its status; values of a field are sorted."""

    status: str
    values: Mapping[str, tuple[str, ...]]

    def of(self, field: str) -> tuple[str, ...]:
        """What it says of a field, nothing where it says nothing."""
        return self.values.get(field, ())


@dataclass(frozen=True)
class Vocabulary:
    """What may be said: the tags in use (None: any), the version of the ballot that they are of,
    and the questions that were asked."""

    tags: tuple[str, ...] | None
    tagset: str | None
    questions: tuple[AskedQuestion, ...]

    @classmethod
    def of(cls, workspace: Workspace) -> Vocabulary:
        """That of the ballot, or of the tag set where nobody was asked yet."""
        ballot = workspace.read("ballot", columns=["version", "tag"])
        tags = ballot["tag"].to_pylist()
        tags = tags or workspace.read("tagset", columns=["tag"])["tag"].to_pylist()
        version = ballot["version"][0].as_py() if len(ballot) else None
        return cls(tuple(tags) or None, version, read_questions(workspace.read("questions")))

    def check(self, field: str, values: Collection[str]) -> tuple[str, ...]:
        """The values as tables hold them, sorted.

        Raises StickerworksError for a field or a value that isn't known, with those near it.
        """
        if field == "tags":
            if len(values) > _MOST_TAGS:
                raise StickerworksError(f"{len(values)} tags are too many for a sticker.", "")
            return self._known("tag", values, self.tags)
        if field == "domain":
            if len(values) != 1:
                raise StickerworksError("A domain is one of real, cartoon.", "Give one of them.")
            return self._known("domain", values, DOMAINS)
        question = next((one for one in self.questions if one.name == field), None)
        if question is None:
            names = ("tags", "domain", *(one.name for one in self.questions))
            raise _unknown("field", field, names)
        if question.kind != "several" and len(values) > 1:
            raise StickerworksError(
                f"{field} takes one answer, not {len(values)}: {some(sorted(values))}.",
                "Give one of them.",
            )
        if question.kind == "text":
            texts = (storable(value) for value in values)
            return tuple(text for text in texts if text)
        return self._known(f"answer to {field}", values, question.values)

    def _known(
        self, what: str, values: Collection[str], known: Collection[str] | None
    ) -> tuple[str, ...]:
        if known is None:
            return tuple(sorted({text for value in values if (text := storable(value, 100))}))
        folded = {fold(one): one for one in known}
        found = set()
        for value in values:
            same = value if value in known else folded.get(fold(value))
            if same is None:
                raise _unknown(what, value, known)
            found.add(same)
        return tuple(sorted(found))


def labels_of(workspace: Workspace, ids: Collection[str]) -> dict[str, LabelNow]:
    """What the labels of some stickers say now, by id; those that have none are not there."""
    chosen = pa.array(sorted(ids), pa.string())
    found: dict[str, LabelNow] = {}
    for parts in workspace.blocks:
        rows = workspace.read("labels", parts, _COLUMNS)
        found.update(read_labels(rows.filter(pc.is_in(rows["id"], value_set=chosen))))
    return found


def read_labels(rows: pa.Table) -> Iterator[tuple[str, LabelNow]]:
    """Ids and what the rows of ``labels`` say of them."""
    for row in rows.select(_COLUMNS).to_pylist():
        values = {"tags": tuple(sorted(row["tags"] or ()))}
        values["domain"] = (row["domain"],) if row["domain"] else ()
        for answer in row["answers"] or ():
            values[answer["question"]] = tuple(sorted(answer["values"] or ()))
        yield row["id"], LabelNow(row["status"], values)


def _unknown(what: str, value: str, known: Collection[str]) -> StickerworksError:
    near = difflib.get_close_matches(value[:60], sorted(known), 3, 0.4)
    contained = [one for one in sorted(known) if value and (value in one or one in value)]
    alike = list(dict.fromkeys([*near, *contained]))[:3]
    meant = f"Near it: {', '.join(map(plain, alike))}." if alike else ""
    return StickerworksError(
        f"There is no {what} {quoted(value)}.",
        meant or f"Known: {plain(some(sorted(known), 12))}.",
    )
