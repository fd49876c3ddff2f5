"""What an interrupted cleaning settled, as the next run reads it: from a folder of strangers."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline.release.takedown.cleaner.named import CleaningError, TakenDown, ids_in, replacing

JOURNAL = ".takedown.json"


@dataclass
class CleaningPlan:
    """What cleaning a folder changes: rows by split, files to rewrite and to remove, texts, and
    templates and groups that get another name (as in ``TakenDown.renamed``)."""

    ids: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    rewritten: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    renamed: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing in the folder was taken down."""
        return not (self.rewritten or self.removed or self.texts)


def write_journal(folder: Path, gone: TakenDown, plan: CleaningPlan) -> None:
    """Write down what is going to be done, for these hashes alone."""
    with replacing(folder / JOURNAL) as temporary:
        text = json.dumps({"of": gone.digest, "plan": asdict(plan)}, sort_keys=True)
        temporary.write_text(text, "utf-8")


def read_journal(
    folder: Path,
    gone: TakenDown,
    fresh: CleaningPlan,
    removable: Collection[str],
    writable: Collection[str],
) -> CleaningPlan:
    """The plan of an interrupted run; CleaningError for one of other hashes, or that isn't ours.

    Whoever made the copy may have written it: it names all that a ``fresh`` look finds, and beside
    that only files that are gone, or ``removable``, and texts that are ``writable``.
    """
    try:
        told = json.loads((folder / JOURNAL).read_text("utf-8"))
        plan, of = _parsed(told["plan"]), str(told["of"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CleaningError(
            f"{folder / JOURNAL} isn't what this writes ({type(error).__name__}): delete it, or "
            "get the copy again."
        ) from error
    if of != gone.digest:
        raise CleaningError(
            f"{folder} was half cleaned of other stickers ({JOURNAL}): finish it with the cleaner "
            "that began, or get the copy again."
        )
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    strange = [name for name in plan.removed if name in there and name not in removable]
    strange += [name for name in plan.removed if _leads_out(name)]
    strange += [name for name in plan.rewritten if name not in there]
    strange += [name for name in plan.rewritten if not name.endswith((".parquet", ".tar"))]
    strange += [name for name in plan.texts if name not in writable]
    known = {*plan.rewritten, *plan.removed}
    if strange or not {*fresh.rewritten, *fresh.removed} <= known:
        raise CleaningError(
            f"{folder / JOURNAL} is about another folder: delete it, or get the copy again."
        )
    return plan


def _parsed(told: dict[str, Any]) -> CleaningPlan:
    plan = CleaningPlan(
        ids=[str(id_) for id_ in told["ids"]],
        rows={str(split): int(count) for split, count in told["rows"].items()},
        rewritten=[str(name) for name in told["rewritten"]],
        removed=[str(name) for name in told["removed"]],
        texts={str(name): str(text) for name, text in told["texts"].items()},
        renamed=[(str(name), str(old), str(new)) for name, old, new in told["renamed"]],
    )
    for _, old, new in plan.renamed:
        if [*ids_in(old), *ids_in(new)] != [old, new]:
            raise ValueError("it names what is no sticker")
    return plan


def _leads_out(name: str) -> bool:
    path = Path(name)
    return path.is_absolute() or ".." in path.parts or "\\" in name
