"""What profiles of a release cost: rows a CPU second and peak memory of each, from drawn stickers.

    python benchmarks/profiles.py --rows 20000

Each profile is made in a process of its own, which decodes by itself. The last line is one JSON
object: rows a CPU second and the peak resident megabytes, by profile.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
from PIL import Image, ImageDraw

from pipeline.release.checksums import write_checksums
from pipeline.release.features import release_schema
from pipeline.release.shards import GROUP_ROWS, SplitWriter

FORMS = ("stickertag", "vsd2m", "sticker820k", "sticker820k-lmdb", "ser30k", "met-meme",
         "vsd2m webdataset")  # fmt: skip
DRAWN, SIDE, FRAMES = 200, 120, 8
_CHILD = """
import resource, sys, time
from pathlib import Path
from pipeline.release.profiles.known import find_profile
from pipeline.release.profiles.make import make_profile
name, _, webdataset = sys.argv[1].partition(" ")
profile = find_profile(name, webdataset=bool(webdataset))
make_profile(Path(sys.argv[2]), profile, Path(sys.argv[3]))
used = resource.getrusage(resource.RUSAGE_SELF)
print(time.process_time(), used.ru_maxrss // 1024)
"""


def main() -> None:
    """Write a release, make every profile of it, and say what each took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    rows = parser.parse_args().rows
    found: dict[str, object] = {"rows": rows}
    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        release = write_release(Path(folder, "release"), rows)
        print(f"a release of {rows:,} rows: {time.process_time() - started:.0f} s")
        for form in FORMS:
            target = Path(folder, "made", form)
            command = [sys.executable, "-c", _CHILD, form, str(release), str(target)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            seconds, peak = done.stdout.split()[-2:]
            size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
            found[form] = {"rows_cpu_s": round(rows / float(seconds)), "peak_mb": int(peak)}
            print(f"{form}: {rows / float(seconds):,.0f} rows/CPU s, {peak} MB, {size:,} bytes")
    print(json.dumps(found))


def write_release(folder: Path, rows: int) -> Path:
    """A release of drawn animations, each the bytes of one of a few with its number at the end."""
    (folder / "data").mkdir(parents=True)
    schema = release_schema()
    dice = random.Random(0)
    drawn = [draw(dice) for _ in range(DRAWN)]
    with SplitWriter(folder / "data", "train", rows, 5000, GROUP_ROWS, schema) as writer:
        for first in range(0, rows, 1000):
            some = [row(drawn[n % DRAWN], n) for n in range(first, min(first + 1000, rows))]
            writer.add(pa.Table.from_pylist(some, schema=schema))
    said = {"name": "drawn", "version": "0.1.0", "license": "cc0-1.0"}
    (folder / "croissant.json").write_text(json.dumps(said), encoding="utf-8")
    write_checksums(folder)
    return folder


def draw(dice: random.Random) -> bytes:
    """A GIF of a few moving circles."""
    frames = []
    for step in range(FRAMES):
        frame = Image.new("RGB", (SIDE, SIDE), (dice.randrange(256), 200, 90))
        pen = ImageDraw.Draw(frame)
        for _ in range(12):
            x, y, r = (dice.randrange(4, SIDE) for _ in range(3))
            pen.ellipse((x, y, x + r // 3, y + r // 3 + step), fill=(x, y, r))
        frames.append(frame)
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=80, loop=0)
    return file.getvalue()


def row(image: bytes, number: int) -> dict[str, object]:
    """A row of a release; what follows a GIF's end is no part of its pictures."""
    data = image + str(number).encode()
    id_ = hashlib.sha256(data).hexdigest()
    return {
        "id": id_, "image": {"bytes": data, "path": f"{id_}.gif"}, "format": "gif",
        "tags": ["anger"], "label_status": "effective", "label_provenance": "votes",
        "emotion": "anger", "caption_zh": f"一张表情 {number}", "ocr_text": "你好",
        "trigger_words": ["生气"], "licence": "CC0-1.0", "duplicate_group": id_,
        "source_urls": [f"https://stickers.example/{number}.gif"], "simulated": False,
    }  # fmt: skip


if __name__ == "__main__":
    main()
