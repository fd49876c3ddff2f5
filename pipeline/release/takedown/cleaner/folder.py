"""Cleans the folder of a release: its rows, files, counts, card and checksums.

What is to be written is settled, and written into a file of the folder, before anything changes:
a run that was killed is finished by the next one, with the same result.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.release.takedown.cleaner.counting import COUNTED, Losses, with_download_size
from pipeline.release.takedown.cleaner.lines import LINES, PAGES, clean_lines
from pipeline.release.takedown.cleaner.named import ID, CleaningError, TakenDown, replacing
from pipeline.release.takedown.cleaner.shards import is_touched, named_rows, rewrite_shard

JOURNAL, SIGNERS = ".takedown.json", "allowed_signers"
CHECKSUMS, CARD, COUNTS, LIST = "SHA256SUMS", "README.md", "counts.json", "taken_down.csv"
_SUM = re.compile(r"([0-9a-f]{64})  (.+)")
_OPAQUE = (".pkl", ".tar", ".zip", ".npy", ".arrow")
# Pictures in a database under names of its own.
_DATABASE = ".mdb"
PROFILE, STICKERS = "profile.json", "stickers.parquet"
_PICTURES = (
    ".apng",
    ".avif",
    ".bmp",
    ".gif",
    ".jpeg",
    ".jpg",
    ".mp4",
    ".png",
    ".tgs",
    ".webm",
    ".webp",
)


@dataclass
class CleaningPlan:
    """What cleaning a folder changes: rows by split, files to rewrite and to remove, and texts."""

    ids: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    rewritten: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing in the folder was taken down."""
        return not (self.rewritten or self.removed or self.texts)


def plan_cleaning(folder: Path, gone: TakenDown, notes: Mapping[str, str]) -> CleaningPlan:
    """What would be done, or what an earlier run began; CleaningError where it is no release.

    ``notes`` are lines of ``taken_down.csv`` by id.
    """
    names = sorted(_files(folder))
    if CHECKSUMS not in names and JOURNAL not in names:
        raise CleaningError(f"{folder} is no release: it has no {CHECKSUMS}.")
    begun = folder / JOURNAL
    if begun.exists():
        return CleaningPlan(**json.loads(begun.read_text("utf-8")))
    plan, losses = CleaningPlan(), Losses()
    for name in names:
        path = folder / name
        if name.endswith(".parquet"):
            if is_touched(path, gone):
                plan.rewritten.append(name)
                _take_losses(path, gone, losses, plan)
        elif gone.names_text(name) or (
            name.endswith(_PICTURES) and gone.shows_file(path.read_bytes())
        ):
            plan.removed.append(name)
            plan.ids += [found for found in ID.findall(name) if found in gone.ids]
    opaque = [
        name
        for name in names
        if name.endswith(_DATABASE) or (name.endswith(_OPAQUE) and _may_hold(folder / name, gone))
    ]
    if opaque:
        raise CleaningError(
            f"{folder / opaque[0]} can't be cleaned: make it again from a release that was."
        )
    plan.ids = sorted(set(plan.ids))
    plan.rows = dict(sorted(losses.rows.items()))
    if plan.rewritten or plan.removed:
        _plan_texts(folder, plan, losses, notes)
    return plan


def clean_folder(folder: Path, gone: TakenDown, plan: CleaningPlan) -> None:
    """Do what was planned; safe to be killed and to be run again."""
    if plan.is_empty:
        return
    with replacing(folder / JOURNAL) as temporary:
        temporary.write_text(json.dumps(vars(plan), ensure_ascii=False, sort_keys=True), "utf-8")
    sums = read_sums(folder)
    changed: dict[str, str] = {}
    for name in plan.rewritten:
        if is_touched(folder / name, gone):
            rewrite_shard(folder / name, gone)
        changed[name] = _sha256(folder / name)
    for name in plan.removed:
        (folder / name).unlink(missing_ok=True)
    shards = sum(path.stat().st_size for path in (folder / "data").glob("*.parquet"))
    for name, text in plan.texts.items():
        whole = with_download_size(text, shards) if name == CARD else text
        with replacing(folder / name) as temporary:
            temporary.write_text(whole, "utf-8")
        changed[name] = _sha256(folder / name)
    files = frozenset(Path(name).name for name in plan.removed)
    for name in sorted(_files(folder)):
        if name.endswith(LINES) and name not in plan.texts and name not in (CHECKSUMS, JOURNAL):
            if _with_new_sums(folder / name, sums, changed) | clean_lines(
                folder / name, gone, files
            ):
                changed[name] = _sha256(folder / name)
        elif name.endswith(PAGES) and gone.names_text(
            (folder / name).read_text("utf-8", "replace")
        ):
            (folder / name).unlink()
    _write_sums(folder, {**sums, **changed})
    (folder / JOURNAL).unlink()


def _take_losses(path: Path, gone: TakenDown, losses: Losses, plan: CleaningPlan) -> None:
    """Count what a shard, ``decisions.parquet`` or a profile's list of stickers loses."""
    split = path.name.partition("-")[0]
    if path.name == "decisions.parquet":
        for rows in named_rows(path, gone, ("id", "outcome", "reasons")):
            losses.add_outcomes(rows)
            plan.ids += rows["id"].to_pylist()
    if path.name == STICKERS:
        for rows in named_rows(path, gone, ("id", "split")):
            losses.rows.update(rows["split"].to_pylist())
            plan.ids += rows["id"].to_pylist()
    if path.parent.name != "data":
        return
    for rows in named_rows(path, gone, tuple(pq.read_schema(path).names)):
        carried = [True] * len(rows)
        if "image" in rows.column_names:
            carried = rows["image"].is_valid().to_pylist()
        counted = rows.select([name for name in COUNTED if name in rows.column_names])
        losses.add(split, counted, carried)
        losses.nbytes[split] += rows.combine_chunks().nbytes
        plan.ids += rows["id"].to_pylist() if "id" in rows.column_names else []


def _plan_texts(folder: Path, plan: CleaningPlan, losses: Losses, notes: Mapping[str, str]) -> None:
    if (folder / COUNTS).exists():
        text = (folder / COUNTS).read_text("utf-8")
        plan.texts[COUNTS] = losses.counts_left(text)
    if (folder / PROFILE).exists():
        about = json.loads((folder / PROFILE).read_text("utf-8"))
        about["rows"] = losses.rows_left(about["rows"])
        text = json.dumps(about, ensure_ascii=False, indent=1, sort_keys=True)
        plan.texts[PROFILE] = text + "\n"
    if (folder / CARD).exists():
        text = (folder / CARD).read_text("utf-8")
        if sum(losses.rows.values()):
            plan.texts[CARD] = losses.card_left(text)
    if (folder / "tagset.json").exists() and plan.rewritten:
        only = _words_of(folder, set(plan.ids))
        tags = json.loads((folder / "tagset.json").read_text("utf-8"))
        for tag in tags if only else ():
            tag["exemplars"] = [word for word in tag.get("exemplars") or () if word not in only]
        text = json.dumps(tags, ensure_ascii=False, indent=1, sort_keys=True)
        plan.texts["tagset.json"] = text + "\n"
    known = folder / LIST
    lines = known.read_text("utf-8").splitlines()[1:] if known.exists() else []
    rows = sorted({*lines, *(notes.get(id_, f"{id_},,") for id_ in plan.ids)})
    plan.texts[LIST] = "\n".join(["sha256,date,reason", *rows]) + "\n"


def _words_of(folder: Path, ids: set[str]) -> set[str]:
    """Keywords that stickers which go carry, and no other sticker of the release."""
    ours: set[str] = set()
    others: set[str] = set()
    gone = pa.array(sorted(ids), pa.string())
    for path in sorted((folder / "data").glob("*.parquet")):
        if not {"id", "keywords"} <= set(pq.read_schema(path).names):
            continue
        rows = pq.read_table(path, columns=["id", "keywords"])
        chosen = pc.is_in(rows["id"], value_set=gone)
        for words, found in ((ours, rows.filter(chosen)), (others, rows.filter(pc.invert(chosen)))):
            words.update(pc.unique(pc.list_flatten(found["keywords"])).to_pylist())
    return ours - others


def read_sums(folder: Path) -> dict[str, str]:
    """sha256 of each file as SHA256SUMS lists them."""
    try:
        lines = (folder / CHECKSUMS).read_text("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return {}
    return {found[2]: found[1] for line in lines if (found := _SUM.fullmatch(line))}


def _write_sums(folder: Path, sums: Mapping[str, str]) -> None:
    there = set(_files(folder)) - {CHECKSUMS, JOURNAL}
    for signature in (*folder.glob(f"{CHECKSUMS}.*"), folder / SIGNERS):
        # It is about other sums, and who signed them must sign anew.
        signature.unlink(missing_ok=True)
        there.discard(signature.name)
    listed = {name: sums.get(name) or _sha256(folder / name) for name in sorted(there)}
    with replacing(folder / CHECKSUMS) as temporary:
        text = "".join(f"{digest}  {name}\n" for name, digest in listed.items())
        temporary.write_text(text, "utf-8")


def _with_new_sums(path: Path, sums: Mapping[str, str], changed: Mapping[str, str]) -> bool:
    """Put new checksums of shards where a text, such as Croissant's, tells the old ones."""
    pairs = [(sums[n], new) for n, new in changed.items() if n in sums and sums[n] != new]
    text = path.read_text("utf-8", errors="surrogateescape")
    left = text
    for old, new in pairs:
        left = left.replace(old, new)
    if left == text:
        return False
    with replacing(path) as temporary:
        temporary.write_text(left, "utf-8", errors="surrogateescape")
    return True


def _may_hold(path: Path, gone: TakenDown) -> bool:
    """Whether a file that we don't understand holds the id of what is gone."""
    with path.open("rb") as file:
        before = b""
        while block := file.read(1 << 24):
            text = (before + block).decode("latin-1")
            if gone.names_text(text):
                return True
            before = block[-64:]
    return False


def _files(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.is_symlink():
            raise CleaningError(f"{path} is a link; a release has none.")
        if path.is_file():
            yield path.relative_to(folder).as_posix()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def summary(plan: CleaningPlan) -> dict[str, Any]:
    """What a plan does, for people."""
    return {"rows": sum(plan.rows.values()), "splits": plan.rows, "stickers": len(plan.ids),
            "files": len(plan.rewritten) + len(plan.removed)}  # fmt: skip
