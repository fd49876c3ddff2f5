#!/bin/bash
# What a full disk, a read-only one, a clock that was set back and a flipped bit cost: the message of
# each, and whether the tables end as those of a run that nothing disturbed. Needs root, for mounts.
#
#     benchmarks/faults.sh [LIBFAKETIME.so]    (from Debian's package faketime; without it, no clock)
set -u
cd "$(dirname "$0")/.."
export PYTHONPATH=$PWD
python=$PWD/.venv/bin/python
work=$(mktemp -d)
trap 'umount -q "$work/disk"; rm -rf "$work"' EXIT

say() { printf '\n== %s\n' "$*"; }
stickerworks() {
  printf '$ stickerworks %s\n' "${*//$work/DIR}"
  "$python" -m stickerworks "$@" 2>&1 | sed "s|$work|DIR|g; s/^/    /"
  printf '    exit code %s\n' "${PIPESTATUS[0]}"
}
tables() { (cd "$1/tables" && find . -name '*.parquet' | sort | xargs sha256sum) > "$2"; }
compare() { (cd "$1/tables" && sha256sum --check --quiet "$work/expected") && echo "    tables: the bytes of the undisturbed run"; }

"$python" - "$work/stickers" <<'PYTHON'
import random, sys
from pathlib import Path
from PIL import Image, ImageDraw
dice = random.Random(0)
for number in range(60):
    image = Image.new("RGB", (160, 160), tuple(dice.randrange(256) for _ in range(3)))
    pen = ImageDraw.Draw(image)
    for _ in range(12):
        x, y, r = (dice.randrange(5, 150) for _ in range(3))
        pen.ellipse((x, y, x + r, y + r), fill=tuple(dice.randrange(256) for _ in range(3)))
    path = Path(sys.argv[1], ("happy", "sad", "angry")[number % 3], f"{number}.png")
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
PYTHON
mkdir "$work/disk" && mount -t tmpfs -o size=60m tmpfs "$work/disk" || exit 1

say "The undisturbed run"
stickerworks --workspace "$work/crawled" --keep --set crawl.shard_rows=20 \
  --set "crawl.sources=[{source: folder, options: {path: $work/stickers}}]" crawl
cp -a "$work/crawled" "$work/whole"
stickerworks --workspace "$work/whole" filter
tables "$work/whole" "$work/expected"

say "A disk with less than engine.min_free_mb free"
cp -a "$work/crawled" "$work/disk/w"
stickerworks --workspace "$work/disk/w" filter

say "A disk that somebody else fills while text is read"
(
  until grep -qs '"name": "ocr"' "$work/disk/w/logs/runs.jsonl"; do sleep 0.1; done
  head -c 45m /dev/zero > "$work/disk/filling"
) &
stickerworks --workspace "$work/disk/w" --set engine.min_free_mb=30 filter
wait
rm "$work/disk/filling"
stickerworks --workspace "$work/disk/w" --set engine.min_free_mb=30 filter
compare "$work/disk/w"

say "A disk that takes no byte more"
rm -r "$work/disk/w" && cp -a "$work/crawled" "$work/disk/w"
head -c 100m /dev/zero > "$work/disk/filling" 2>/dev/null
truncate -s -200k "$work/disk/filling"
stickerworks --workspace "$work/disk/w" --set engine.min_free_mb=0 filter
rm "$work/disk/filling"
stickerworks --workspace "$work/disk/w" --set engine.min_free_mb=0 filter
compare "$work/disk/w"

say "A disk that became read-only"
rm "$work/disk/w/tables/decisions/"*
mount -o remount,ro "$work/disk"
stickerworks --workspace "$work/disk/w" filter
stickerworks --workspace "$work/disk/w" status | tail -5
mount -o remount,rw "$work/disk"
stickerworks --workspace "$work/disk/w" --set engine.min_free_mb=0 filter
compare "$work/disk/w"

if [ $# -gt 0 ]; then
  say "A clock that was set back by 400 days"
  clock=(LD_PRELOAD="$1" FAKETIME=-400d)
  rm "$work/whole/tables/ocr/part-00001.parquet" "$work/whole/tables/decisions/"*
  export "${clock[@]}"
  stickerworks --workspace "$work/whole" status | head -12
  stickerworks --workspace "$work/whole" update
  unset LD_PRELOAD FAKETIME
  compare "$work/whole"
  stickerworks --workspace "$work/whole" update
fi

say "A bit flipped in a table of each kind"
"$python" - "$work/whole/tables" <<'PYTHON'
import sys
from pathlib import Path
import pyarrow.parquet as pq
for name in ("signals/part-00001", "decisions/part-00000", "media/part-00002"):
    path = Path(sys.argv[1], f"{name}.parquet")
    chunk = pq.read_metadata(path).row_group(0).column(0)
    data = bytearray(path.read_bytes())
    data[(chunk.dictionary_page_offset or chunk.data_page_offset) + chunk.total_compressed_size - 3] ^= 4
    path.write_bytes(data)
    print(f"    flipped a bit in {name}")
PYTHON
rm "$work/whole/tables/ocr/part-00001.parquet" "$work/whole/tables/screening/"*
stickerworks --workspace "$work/whole" split
stickerworks --workspace "$work/whole" --set release.version=1.0.0 release
compare "$work/whole"
ls "$work/whole/damaged" | sed 's/^/    damaged\//'
