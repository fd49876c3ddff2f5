"""A release with the pictures that were fetched, and without the rows whose pictures are lost."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from pipeline.datasets.asked import read_questions
from pipeline.engine.atomic_files import sync_folder
from pipeline.engine.errors import StickerworksError, disk_errors
from pipeline.engine.safe_yaml import parse_yaml, write_yaml
from pipeline.release.checksums import CHECKSUMS, write_checksums
from pipeline.release.features import release_schema
from pipeline.release.fetching.gathering import Files, Loss, Wanted
from pipeline.release.fetching.moved import Shares
from pipeline.release.markdown import table
from pipeline.release.rows import NO_PICTURES
from pipeline.release.shards import GROUP_BYTES, GROUP_ROWS, SplitWriter
from schemas.release import SPLITS

FACTS = "fetched.json"
"""What a fetched release says of its losses, beside its card."""
LOST = "lost.parquet"
_LOST = pa.schema([(n, pa.string()) for n in ("id", "split", "host", "cause", "detail")])
_NOT_COPIED = re.compile(r"README\.md|croissant\.json|SHA256SUMS.*|fetched\.json|lost\.parquet")
_FENCE = re.compile(r"^---$", re.MULTILINE)
_ROWS = 200
"""Rows with pictures held at once, unless their bytes end that before."""


@dataclass(frozen=True)
class Rebuilt:
    """What a fetched release holds: shares by split, losses by host and cause."""

    path: Path
    shares: dict[str, Shares]
    losses: Counter[tuple[str, str]]


def shards_of(folder: Path, split: str) -> list[Path]:
    """Parquet files of a split."""
    return sorted((folder / "data").glob(f"{split}-*.parquet"))


def wanted_rows(folder: Path) -> Iterator[Wanted]:
    """Rows of a release that lack their picture and could have one."""
    for split in SPLITS:
        for shard in shards_of(folder, split):
            with _opened(shard) as file:
                for group in range(file.num_row_groups):
                    rows = file.read_row_group(group, ["id", "image", "format", "source_urls"])
                    for row in rows.filter(_lacking(rows)).to_pylist():
                        yield Wanted(
                            row["id"] or "", tuple(u for u in row["source_urls"] or () if u)
                        )


def rebuild(source: Path, target: Path, files: Files, losses: Sequence[Loss]) -> Rebuilt:
    """Write the release at ``source`` with the pictures in ``files`` to ``target``, whole or not.

    Rows that lost their picture are left out and listed in ``lost.parquet``; every byte is
    checked against its id again. Raises StickerworksError where nothing is left.
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    with disk_errors(target):
        shutil.rmtree(temporary, ignore_errors=True)
        try:
            (temporary / "data").mkdir(parents=True)
            made = _fill(source, temporary, files, {loss.id: loss for loss in losses})
            write_checksums(temporary)
            for folder in (temporary / "data", temporary):
                sync_folder(folder)
            if target.exists():
                shutil.rmtree(target)
            os.rename(temporary, target)
            sync_folder(target.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return Rebuilt(target, made.shares, made.losses)


def _fill(source: Path, folder: Path, files: Files, losses: dict[str, Loss]) -> Rebuilt:
    shares = {split: Shares() for split in SPLITS}
    lost: list[dict[str, str]] = []
    kept = {split: _kept(source, split, files, losses, shares[split], lost) for split in SPLITS}
    if not any(share.after for share in shares.values()):
        raise StickerworksError(
            "Not one row has its picture: there is nothing to make a release of.",
            "See which hosts and causes were told; run the same command again later.",
        )
    num_bytes = {}
    for split in SPLITS:
        num_bytes[split] = _write(source, folder, split, files, kept[split])
    counts = Counter((row["host"], row["cause"]) for row in lost)
    pq.write_table(pa.Table.from_pylist(lost, schema=_LOST), folder / LOST, compression="zstd")
    made = Rebuilt(folder, shares, counts)
    (folder / FACTS).write_text(
        json.dumps(facts(made, source), ensure_ascii=False, indent=1, sort_keys=True) + "\n",
        "utf-8",
    )
    _copy_rest(source, folder)
    _write_card(source, folder, made, num_bytes)
    return made


def facts(made: Rebuilt, source: Path) -> dict[str, Any]:
    """What ``fetched.json`` says: where from, losses by host and cause, how the splits moved."""
    return {
        "source": source.name,
        "source_sha256sums": source_print(source),
        "losses": [
            {"host": host, "cause": cause, "rows": count}
            for (host, cause), count in sorted(made.losses.items(), key=lambda i: (-i[1], i[0]))
        ],
        "splits": {split: share.as_json() for split, share in made.shares.items() if share.before},
    }


def source_print(source: Path) -> str:
    """What tells the release that was fetched from others: the sha256 of its checksums."""
    return hashlib.sha256((source / CHECKSUMS).read_bytes()).hexdigest()


def _kept(
    source: Path,
    split: str,
    files: Files,
    losses: dict[str, Loss],
    share: Shares,
    lost: list[dict[str, str]],
) -> int:
    """Count the rows of a split that stay; list the others."""
    columns = ["id", "image", "format", "tags", "suggested_tags", "domain"]
    for shard in shards_of(source, split):
        with _opened(shard) as file:
            for group in range(file.num_row_groups):
                rows = file.read_row_group(group, columns)
                stays = _stays(rows, files)
                share.add(rows, stays)
                for id_ in rows["id"].filter(pc.invert(stays)).to_pylist():
                    loss = losses.get(id_, Loss(id_ or "", "", "not fetched", ""))
                    lost.append({"id": loss.id, "split": split, "host": loss.host,
                                 "cause": loss.cause, "detail": loss.detail})  # fmt: skip
    return share.after


def _stays(rows: pa.Table, files: Files) -> pa.Array:
    lacking = zip(rows["id"].to_pylist(), _lacking(rows).to_pylist(), strict=True)
    return pa.array([not lacks or files.has(id_ or "") for id_, lacks in lacking], pa.bool_())


def _lacking(rows: pa.Table) -> pa.ChunkedArray:
    bare = pc.is_null(pc.struct_field(rows["image"], "bytes"))
    videos = pc.is_in(rows["format"], value_set=pa.array(NO_PICTURES, pa.string()))
    return pc.and_not(bare, videos)


def _write(source: Path, folder: Path, split: str, files: Files, count: int) -> int:
    shards = shards_of(source, split)
    per_file = max((pq.read_metadata(shard).num_rows for shard in shards), default=1)
    schema = release_schema(read_questions(source))
    writing = (folder / "data", split, count, max(1, per_file), GROUP_ROWS, schema)
    with SplitWriter(*writing) as writer:
        for shard in shards:
            with _opened(shard) as file:
                for rows in _some(file):
                    for part in _with_pictures(rows.filter(_stays(rows, files)), files):
                        writer.add(part)
    return writer.num_bytes


def _some(file: pq.ParquetFile) -> Iterator[pa.Table]:
    for group in range(file.num_row_groups):
        rows = file.read_row_group(group)
        for start in range(0, len(rows), _ROWS):
            yield rows.slice(start, _ROWS)


def _with_pictures(rows: pa.Table, files: Files) -> Iterator[pa.Table]:
    """Rows with their pictures, no more of them at once than one row group may hold."""
    kind = release_schema().field("image").type
    place = rows.schema.get_field_index("image")
    images, held, start = [], 0, 0
    for number, row in enumerate(rows.select(["id", "format", "image"]).to_pylist()):
        image = row["image"]
        if (image is None or image["bytes"] is None) and files.has(row["id"]):
            data = files.read(row["id"])
            if data is None:
                raise StickerworksError(
                    f"The fetched file of sticker {row['id']} was damaged, and was removed.",
                    "Run the same command again: it is fetched anew.",
                )
            image = {"bytes": data, "path": f"{row['id']}.{row['format']}"}
        images.append(image)
        held += len(image["bytes"] or b"") if image else 0
        if held >= GROUP_BYTES or number == len(rows) - 1:
            part = rows.slice(start, len(images))
            yield part.set_column(place, rows.schema.field(place), pa.array(images, kind))
            start, held, images = start + len(images), 0, []


def _opened(shard: Path) -> pq.ParquetFile:
    try:
        file = pq.ParquetFile(shard)
    except (pa.ArrowException, OSError) as error:
        raise StickerworksError(
            f"{shard} can't be read: {error}.", "Get that file again."
        ) from error
    if file.schema_arrow.names != release_schema(read_questions(shard.parent.parent)).names:
        file.close()
        raise StickerworksError(
            f"{shard} doesn't have the columns of a release of this stickerworks.",
            "Fetch it with the stickerworks that made it; the card names its columns.",
        )
    return file


def _copy_rest(source: Path, folder: Path) -> None:
    """Everything that isn't about the rows' files: hashes of shards would be those of others."""
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source)
        if (
            path.is_file()
            and not path.is_symlink()
            and name.parts[0] != "data"
            and not (_NOT_COPIED.fullmatch(name.as_posix()))
        ):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / name)


def _write_card(source: Path, folder: Path, made: Rebuilt, num_bytes: dict[str, int]) -> None:
    try:
        _, front, text = _FENCE.split((source / "README.md").read_text("utf-8"), 2)
        said = parse_yaml(front)
        info = said["dataset_info"]
        info["splits"] = [
            {"name": split, "num_bytes": num_bytes[split], "num_examples": share.after}
            for split, share in made.shares.items() if share.after
        ]  # fmt: skip
        info["dataset_size"] = sum(num_bytes.values())
        info["download_size"] = sum(file.stat().st_size for file in (folder / "data").iterdir())
        for config in said["configs"]:
            config["data_files"] = [
                {"split": split, "path": f"data/{split}-*.parquet"}
                for split, share in made.shares.items() if share.after
            ]  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise StickerworksError(
            f"{source / 'README.md'} isn't the card of a release: {type(error).__name__}.",
            "Get the release again.",
        ) from error
    front = write_yaml(said, sort_keys=False, width=math.inf)
    (folder / "README.md").write_text(
        f"---\n{front}---\n\n" + "\n\n".join(_section(made)) + "\n\n" + text.lstrip(), "utf-8"
    )


def _section(made: Rebuilt) -> Iterator[str]:
    before = sum(share.before for share in made.shares.values())
    after = sum(share.after for share in made.shares.values())
    yield (
        f"> **Fetched copy.** Pictures were fetched from their sources, and every byte is that of "
        f"its `id`. {before - after:,} of {before:,} rows are left out, since their pictures "
        f"could not be had (`{LOST}` lists them). What stands below was written of the release "
        "as it was published. Fetching gives no right to pass the pictures on: `licence` says "
        "what the sources state."
    )
    yield table(
        ("split", "rows published", "rows here", "distance of tags", "distance of domains"),
        [
            (split, share.before, share.after, f"{share.distance('tags'):.3f}",
             f"{share.distance('domain'):.3f}")
            for split, share in made.shares.items() if share.before
        ],
    )  # fmt: skip
    if made.losses:
        ranked = sorted(made.losses.items(), key=lambda item: (-item[1], item[0]))
        yield table(("host", "cause", "rows left out"), [(*k, n) for k, n in ranked[:50]])
