"""What a release costs to write and to read.

    python benchmarks/release.py [--rows 4000] [--kilobytes 50] [--metadata 2500000]
        [--workspace FOLDER]

Rows with pictures are written by turns by us, from files whose every byte is checked, and by a bare
pyarrow writer with the same settings from the same files, and read by our loader, by `datasets` and
by webdataset (where it is installed). Then a workspace of rows without pictures is made, or the one
at FOLDER taken, and released in a process of its own, whose peak of memory is told. Times are
processor seconds. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.datasets.release import read_release
from pipeline.engine.workspace import Workspace
from pipeline.release.features import release_schema
from pipeline.release.images import with_images
from pipeline.release.shards import GROUP_ROWS, SplitWriter, parquet_writer

_TURNS = 5
_SCALE = Path(__file__).with_name("scale.py")
_STEPS = (
    "crawl", "made_signals", "screening", "texts", "made_groups", "decisions", "keywords",
    "clusters", "suggestions", "splits",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=4000, help="rows with pictures")
    parser.add_argument("--kilobytes", type=int, default=50, help="size of a picture")
    parser.add_argument("--metadata", type=int, default=2_500_000, help="rows without; 0 for none")
    parser.add_argument("--workspace", type=Path, help="one that scale.py's steps have made")
    parser.add_argument("--folder", type=Path, help="where to work [a temporary folder]")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        figures = _with_pictures(Path(folder), asked.rows, asked.kilobytes)
        if asked.metadata:
            root = asked.workspace or Path(folder) / "workspace"
            figures |= _metadata(root, asked.metadata, made=asked.workspace is not None)
    print(json.dumps({"benchmark": "release", **figures}))


def _with_pictures(folder: Path, count: int, kilobytes: int) -> dict[str, Any]:
    rows = _rows(folder, count, kilobytes)
    shares = []
    for turn in range(_TURNS):
        ours = _cpu(lambda: _write(folder, rows))
        bare = _cpu(lambda: _write_bare(folder, rows))
        shares.append(bare / ours)
        print(f"turn {turn}: ours {count / ours:,.0f} rows/s, bare {count / bare:,.0f} rows/s")
    speeds = {
        name: round(count / _cpu(lambda read=read: _count(read(), count)))  # type: ignore[misc]
        for name, read in _readers(folder, rows)
    }
    for name, speed in speeds.items():
        print(f"read by {name}: {speed:,} rows per CPU second")
    return {
        "rows": count,
        "kilobytes": kilobytes,
        "write_ratio_pyarrow": round(statistics.median(shares), 3),
        "read_rows_per_cpu_s": speeds,
    }


def _rows(folder: Path, count: int, kilobytes: int) -> pa.Table:
    """Rows of a release without their pictures, which lie below ``folder`` as files."""
    dice = np.random.default_rng(1)
    ids, sizes = [], []
    for _ in range(count):
        data = b"GIF89a" + dice.bytes(1024 * kilobytes)
        ids.append(hashlib.sha256(data).hexdigest())
        path = folder / "media" / ids[-1][:2] / ids[-1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        sizes.append(len(data))
    place = [
        {"id": id_, "path": f"media/{id_[:2]}/{id_}", "pack": None, "offset": None, "nbytes": size}
        for id_, size in zip(ids, sizes, strict=True)
    ]
    columns = {
        field.name: _values(field, ids) for field in release_schema() if field.name != "image"
    }
    return pa.table({**columns, "carried": pa.array([True] * count), "place": pa.array(place)})


def _values(field: pa.Field, ids: list[str]) -> pa.Array:
    if field.name == "id":
        return pa.array(ids)
    if field.name == "format":
        return pa.array(["gif"] * len(ids))
    if pa.types.is_list(field.type):
        return pa.array([[f"{field.name} {n % 50}", f"word {n % 7}"] for n in range(len(ids))])
    if pa.types.is_string(field.type):
        return pa.array([f"{field.name} {n % 900}: {id_[:8]}" for n, id_ in enumerate(ids)])
    return pa.array([n % 500 for n in range(len(ids))]).cast(field.type)


def _write(folder: Path, rows: pa.Table) -> None:
    target = _emptied(folder / "ours" / "data")
    with SplitWriter(target, "train", len(rows), len(rows), GROUP_ROWS) as writer:
        for some in with_images(Workspace(folder), rows):
            writer.add(some)


def _write_bare(folder: Path, rows: pa.Table) -> None:
    """The same columns from the same files, unchecked, as a loop over pyarrow's writer."""
    target = _emptied(folder / "bare" / "data")
    schema = release_schema()
    with pa.OSFile(str(target / "train-00000-of-00001.parquet"), "wb") as file:
        writer = parquet_writer(file, schema)
        for start in range(0, len(rows), GROUP_ROWS):
            group = rows.slice(start, GROUP_ROWS)
            images = [
                {"bytes": (folder / path).read_bytes(), "path": f"{id_}.gif"}
                for id_, path in zip(
                    group["id"].to_pylist(),
                    group["place"].combine_chunks().field("path").to_pylist(),
                    strict=True,
                )
            ]
            made = group.append_column("image", pa.array(images, schema.field("image").type))
            writer.write_table(made.select(schema.names).cast(schema), row_group_size=GROUP_ROWS)
        writer.close()


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _readers(folder: Path, rows: pa.Table) -> Iterator[tuple[str, Callable[[], Iterable[Any]]]]:
    """Ways to read every row's bytes, by name; what they prepare once isn't counted."""
    from datasets import Image, load_dataset
    from datasets.utils.logging import disable_progress_bar

    disable_progress_bar()
    release = folder / "ours"
    yield "stickerworks", lambda: (row.data for row in read_release(release, "train"))
    files = {"train": str(release / "data" / "*.parquet")}

    def loaded(**options: Any) -> Any:
        made = load_dataset(
            "parquet", data_files=files, split="train", cache_dir=str(folder / "cache"), **options
        )
        return made.cast_column("image", Image(decode=False))

    mapped = loaded()
    yield "datasets", lambda: (row["image"]["bytes"] for row in mapped)
    streamed = loaded(streaming=True)
    yield "datasets streaming", lambda: (row["image"]["bytes"] for row in streamed)
    if find_spec("webdataset") is not None:
        webdataset = import_module("webdataset")
        tar = _as_tar(folder, rows)
        shards = webdataset.WebDataset(str(tar), shardshuffle=False)
        yield "webdataset", lambda: (row["gif"] for row in shards)


def _as_tar(folder: Path, rows: pa.Table) -> Path:
    path = folder / "rows.tar"
    bare = rows.drop_columns(["place", "carried"])
    with tarfile.open(path, "w") as tar:
        for row in bare.to_pylist():
            picture = folder / "media" / row["id"][:2] / row["id"]
            for kind, data in (("gif", picture.read_bytes()), ("json", json.dumps(row).encode())):
                member = tarfile.TarInfo(f"{row['id']}.{kind}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    return path


def _count(found: Iterable[bytes | None], expected: int) -> None:
    count = sum(data is not None and len(data) > 1024 for data in found)
    if count != expected:
        raise SystemExit(f"{count} rows were read, {expected} written")


def _cpu(act: Callable[[], None]) -> float:
    started = process_time()
    act()
    return process_time() - started


def _metadata(root: Path, rows: int, *, made: bool) -> dict[str, Any]:
    """Build a release of rows without pictures in a process of its own."""
    for step in () if made else _STEPS:
        print(f"making the workspace: {step}", flush=True)
        _step(step, root, rows)
    shutil.rmtree(root / "releases", ignore_errors=True)
    cost = _step("release", root, rows)
    shards = sorted(root.glob("releases/*/data/*.parquet"))
    written = sum(pq.read_metadata(shard).num_rows for shard in shards)
    peak = cost["driver_mib"] / 1024
    print(f"{written:,} of {rows:,} rows released in {cost['cpu_s']:.0f} CPU s, {peak:.2f} GiB")
    return {
        "peak_gib_2_5m" if rows == 2_500_000 else "peak_gib": round(peak, 2),
        "metadata_rows": rows,
        "metadata_cpu_s": round(cost["cpu_s"], 1),
    }


def _step(step: str, root: Path, rows: int) -> dict[str, float]:
    command = [sys.executable, str(_SCALE), "--link", step, "--rows", str(rows)]
    command += ["--folder", str(root)]
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, encoding="utf-8", env=os.environ
    )
    cost: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return cost


if __name__ == "__main__":
    main()
