"""Cleans the folder of a release: its rows, files, counts, card and checksums.

What is to be written is settled, and written into a file of the folder, before anything changes:
a run that was killed is finished by the next one, with the same result.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.release.takedown.cleaner.counting import COUNTED, Losses, with_download_size
from pipeline.release.takedown.cleaner.journal import (
    JOURNAL,
    CleaningPlan,
    read_journal,
    write_journal,
)
from pipeline.release.takedown.cleaner.lines import LINES, MOST_TEXT, PAGES, clean_lines
from pipeline.release.takedown.cleaner.named import CleaningError, TakenDown, ids_in, replacing
from pipeline.release.takedown.cleaner.removed import RemovedFiles
from pipeline.release.takedown.cleaner.shards import (
    is_touched,
    named_rows,
    new_names,
    rewrite_shard,
)
from pipeline.release.takedown.cleaner.tars import rewrite_tar, tar_ids, tar_new_names
from pipeline.release.takedown.cleaner.words import (
    PLOTS,
    STATISTICS,
    TAGSET,
    Words,
    top_caption_words,
)

SIGNERS = "allowed_signers"
CHECKSUMS, CARD, COUNTS, LIST = "SHA256SUMS", "README.md", "counts.json", "taken_down.csv"
PROFILE, STICKERS = "profile.json", "stickers.parquet"
_WRITTEN = (COUNTS, PROFILE, CARD, STATISTICS, TAGSET, LIST)
_SUM = re.compile(r"([0-9a-f]{64})  (.+)")
_UNFINISHED = re.compile(r"\..*\.[0-9]+-[0-9a-f]{8}\.tmp")
_MOST_UNKNOWN = 1 << 26
PICTURES = (
    ".apng", ".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".mp4", ".png", ".tgs", ".webm", ".webp",
)  # fmt: skip


def plan_cleaning(folder: Path, gone: TakenDown, notes: Mapping[str, str]) -> CleaningPlan:
    """What would be done, or what an earlier run began.

    ``notes`` are lines of ``taken_down.csv`` by id. CleaningError where the folder is no release,
    holds what can't be looked into, or isn't as releases are.
    """
    names = sorted(_files(folder))
    if CHECKSUMS not in names and JOURNAL not in names:
        raise CleaningError(f"{folder} is no release: it has no {CHECKSUMS}.")
    for name in names:
        if not _is_understood(folder / name):
            raise CleaningError(
                f"{folder / name} can't be looked into: move it away, or make it again from a "
                "release that was cleaned."
            )
    try:
        plan, losses = CleaningPlan(), Losses()
        for name in names:
            _plan_file(folder, name, gone, plan, losses)
        plan.ids = sorted(set(plan.ids))
        plan.rows = dict(sorted(losses.rows.items()))
        if JOURNAL in names:
            return read_journal(folder, gone, plan, {*plan.removed, *PLOTS}, _WRITTEN)
        if plan.rewritten or plan.removed:
            paths = [folder / name for name in plan.rewritten]
            plan.renamed = [
                *new_names((p for p in paths if p.suffix == ".parquet"), gone),
                *tar_new_names((p for p in paths if p.suffix == ".tar"), gone),
            ]
            _plan_texts(folder, plan, losses, notes, gone.texts)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError,
            pa.ArrowException) as error:  # fmt: skip
        told = " ".join(str(error).split())[:200]
        raise CleaningError(
            f"{folder} isn't as releases are ({type(error).__name__}: {told}): get it again."
        ) from error
    return plan


def clean_folder(folder: Path, gone: TakenDown, plan: CleaningPlan) -> None:
    """Do what was planned; safe to be killed and to be run again."""
    if plan.is_empty:
        return
    write_journal(folder, gone, plan)
    named = replace(gone, renamed=(*gone.renamed, *plan.renamed))
    sums = read_sums(folder)
    changed: dict[str, str] = {}
    for name in plan.rewritten:
        _rewrite(folder / name, named)
        changed[name] = _sha256(folder / name)
    for name in plan.removed:
        (folder / name).unlink(missing_ok=True)
    shards = sum(path.stat().st_size for path in (folder / "data").glob("*.parquet"))
    for name, text in plan.texts.items():
        whole = with_download_size(text, shards) if name == CARD else text
        with replacing(folder / name) as temporary:
            temporary.write_text(whole, "utf-8")
        changed[name] = _sha256(folder / name)
    names = sorted(_files(folder))
    files = RemovedFiles(plan.removed, names)
    for name in names:
        if name in plan.texts or name in (CHECKSUMS, JOURNAL) or name.endswith(_NO_TEXTS):
            continue
        if not name.endswith(PAGES):
            if _with_new_sums(folder / name, sums, changed) | clean_lines(
                folder / name, named, files
            ):
                changed[name] = _sha256(folder / name)
        elif gone.names_text((folder / name).read_text("utf-8", "replace")):
            (folder / name).unlink()
    for path in folder.rglob(".*.tmp"):
        if _UNFINISHED.fullmatch(path.name):
            path.unlink()
    _write_sums(folder, {**sums, **changed})
    (folder / JOURNAL).unlink()


_NO_TEXTS = (".parquet", ".tar", *PICTURES)


def _is_understood(path: Path) -> bool:
    """Whether all that a file may hold of a sticker is found in it."""
    name, size = path.name, path.stat().st_size
    if name.endswith(_NO_TEXTS):
        return True
    if name.endswith((*LINES, *PAGES)) or name == JOURNAL:
        return size <= MOST_TEXT
    if size > _MOST_UNKNOWN:
        return False
    data = path.read_bytes()
    try:
        return "\0" not in data.decode("utf-8")
    except UnicodeDecodeError:
        return False


def _plan_file(
    folder: Path, name: str, gone: TakenDown, plan: CleaningPlan, losses: Losses
) -> None:
    path = folder / name
    if name.endswith(".parquet"):
        if is_touched(path, gone):
            plan.rewritten.append(name)
            _take_losses(path, gone, losses, plan)
    elif name.endswith(".tar"):
        ids, changes = tar_ids(path, gone)
        if changes:
            plan.rewritten.append(name)
            plan.ids += sorted(ids)
            losses.rows += Counter({path.name.partition("-")[0]: len(ids)})
    elif gone.names_text(name) or (name.endswith(PICTURES) and gone.shows_file(path.read_bytes())):
        plan.removed.append(name)
        plan.ids += [found for found in ids_in(name) if found in gone.ids]


def _rewrite(path: Path, gone: TakenDown) -> None:
    if path.suffix == ".tar":
        if tar_ids(path, gone)[1]:
            rewrite_tar(path, gone)
    elif is_touched(path, gone):
        rewrite_shard(path, gone)


def _take_losses(path: Path, gone: TakenDown, losses: Losses, plan: CleaningPlan) -> None:
    """Count what a shard, or ``decisions.parquet``, loses."""
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


def _plan_texts(
    folder: Path,
    plan: CleaningPlan,
    losses: Losses,
    notes: Mapping[str, str],
    said: Collection[str],
) -> None:
    known = {
        name: (folder / name).read_text("utf-8") for name in _WRITTEN if (folder / name).exists()
    }
    if COUNTS in known:
        plan.texts[COUNTS] = losses.counts_left(known[COUNTS])
    if PROFILE in known:
        about = json.loads(known[PROFILE])
        about["rows"] = losses.rows_left(about["rows"])
        text = json.dumps(about, ensure_ascii=False, indent=1, sort_keys=True)
        plan.texts[PROFILE] = text + "\n"
    if STATISTICS in known or TAGSET in known:
        _plan_words(folder, plan, known, said)
    if CARD in known and (losses.rows or plan.removed):
        shown = known[CARD].split("\n")
        plots = {f"({name})" for name in plan.removed if name.startswith("plots/")}
        left = [ln for ln in shown if not (ln[:2] == "![" and any(map(ln.endswith, plots)))]
        card = "\n".join(left)
        plan.texts[CARD] = losses.card_left(card) if losses.rows.total() else card
    lines = known.get(LIST, "").splitlines()[1:]
    rows = sorted({*lines, *(notes.get(id_, f"{id_},,") for id_ in plan.ids)})
    plan.texts[LIST] = "\n".join(["sha256,date,reason", *rows]) + "\n"


def _plan_words(
    folder: Path, plan: CleaningPlan, known: Mapping[str, str], said: Collection[str]
) -> None:
    top = top_caption_words(known[STATISTICS]) if STATISTICS in known else {}
    words = Words(sorted((folder / "data").glob("*.parquet")), plan.ids, top)
    if STATISTICS in known:
        plan.texts[STATISTICS] = words.statistics_left(known[STATISTICS])
    if TAGSET in known:
        plan.texts[TAGSET] = words.tagset_left(known[TAGSET], said)
    plots = sorted(words.plots_of_lost() - {*plan.removed})
    plan.removed += [name for name in plots if (folder / name).is_file()]


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


def _files(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.is_symlink():
            raise CleaningError(f"{path} is a link; a release has none.")
        if path.is_file() and not _UNFINISHED.fullmatch(path.name):
            yield path.relative_to(folder).as_posix()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def summary(plan: CleaningPlan) -> dict[str, Any]:
    """What a plan does, for people."""
    return {"rows": sum(plan.rows.values()), "splits": plan.rows, "stickers": len(plan.ids),
            "files": len(plan.rewritten) + len(plan.removed)}  # fmt: skip
