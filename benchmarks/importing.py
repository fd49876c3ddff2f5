"""Importing a data set at size: a Sticker820K of small pictures, taken in and taken in again.

    python benchmarks/importing.py [--rows 20000]

Each import is a process of its own; printed are its rows a second of processor time and its peak
of resident memory. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import lmdb
import numpy as np
from PIL import Image

_COMMAND = [sys.executable, "-m", "stickerworks", "import", "sticker820k"]


def main() -> None:
    """Write the data set, import it twice, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000, help="stickers")
    parser.add_argument("--folder", type=Path, help="where to work [a temporary folder]")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as place:
        data = Path(place) / "set"
        _write(data, arguments.rows)
        figures = {
            f"{name}_{figure}": value
            for name in ("first", "again")
            for figure, value in _import(data, Path(place), arguments.rows).items()
        }
    for name, value in figures.items():
        print(f"{name:<28} {value:>10,}")
    print(json.dumps({"benchmark": "importing", "rows": arguments.rows, "figures": figures}))


def _import(data: Path, place: Path, rows: int) -> dict[str, float]:
    command = [*_COMMAND, str(data), "--workspace", str(place / "w"), "--json"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8"
    )
    assert process.stdout is not None
    answer: dict[str, Any] = json.loads(process.stdout.read())["import"]
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or answer["stickers"] != rows:
        raise SystemExit(f"the import ended with {process.returncode}: {answer}")
    return {
        "rows_per_cpu_s": round(rows / (used.ru_utime + used.ru_stime)),
        "peak_gib": round(used.ru_maxrss / 2**20, 2),
    }


def _write(folder: Path, rows: int) -> None:
    for part in ("infos", "imgs"):
        (folder / part).mkdir(parents=True)
        with (
            lmdb.open(str(folder / part), map_size=2**36) as environment,
            environment.begin(write=True) as transaction,
        ):
            for number in range(rows):
                value = _info(number) if part == "infos" else _picture(number)
                transaction.put(f"{number:07d}.png".encode(), value)
    names = "".join(f"{number:07d}.png\n" for number in range(rows))
    (folder / "train.txt").write_text(names, encoding="utf-8")


def _info(number: int) -> bytes:
    texts = {"caption": f"一只猫在笑，第 {number} 张", "ocr_text": f"哈哈 {number}"}
    classes = {"emotion_class": "积极", "emotion_label": "开心", "style_class": "卡通"}
    return pickle.dumps({**texts, **classes})


def _picture(number: int) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


if __name__ == "__main__":
    main()
