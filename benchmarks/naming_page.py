"""The naming page of many clusters: its size, how long it takes to write, to open, to type in.

    PYTHONPATH=. .venv/bin/python benchmarks/naming_page.py --clusters 461 1000 --keywords 300

The last line is one JSON object, with a figure for each number of clusters.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "stages"))
from headless import headless_browser
from table_rows import put

from pipeline.engine.workspace import Workspace
from pipeline.tags.naming.page.page import write_naming_page

_OPENING = "const [n] = performance.getEntriesByType('navigation'); return n.domComplete"
_TYPING = """
const field = byId("name");
const begin = performance.now();
for (let i = 0; i < 20; i += 1) {
  field.value += "x";
  field.dispatchEvent(new Event("input"));
}
return (performance.now() - begin) / 20;
"""


def main() -> None:
    """Measure each number of clusters and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clusters", type=int, nargs="+", default=[461, 1000])
    parser.add_argument("--keywords", type=int, default=300, help="of each cluster")
    parser.add_argument("--stickers", type=int, default=12, help="of each cluster")
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    for count in options.clusters:
        with tempfile.TemporaryDirectory() as folder:
            found = _measure(Path(folder), count, options.keywords, options.stickers)
        figures |= {f"{name}_{count}": value for name, value in found.items()}
        print(f"{count} clusters: {found}")
    figures["peak_gib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)
    print(json.dumps(figures))


def _measure(folder: Path, clusters: int, keywords: int, stickers: int) -> dict[str, float]:
    workspace = Workspace(folder / "workspace")
    _fill(workspace, clusters, keywords, stickers)
    begin = time.process_time()
    written = write_naming_page(workspace, folder / "page.html")
    seconds = time.process_time() - begin
    if written is None:
        raise SystemExit("There is nothing to name: ask for clusters.")
    with headless_browser(folder / "downloads") as browser:
        browser.set_window_size(1400, 1000)
        browser.get(written.path.as_uri())
        opened = browser.execute_script(_OPENING)
        typed = browser.execute_script(_TYPING)
    return {
        "cpu_seconds": round(seconds, 2),
        "page_mb": round(written.path.stat().st_size / 1e6, 1),
        "pictures": written.pictures,
        "open_seconds": round(opened / 1000, 2),
        "key_ms": round(typed, 1),
    }


def _fill(workspace: Workspace, clusters: int, keywords: int, stickers: int) -> None:
    chance = np.random.default_rng(0)
    pairs = [
        (f"c{c}", f"词{c % 97} 句{k % 31} 号{c}x{k}")
        for c in range(clusters)
        for k in range(keywords)
    ]
    put(workspace, "clusters", [{"keyword": text, "key": key} for key, text in pairs])
    texts = sorted(text for _, text in pairs)
    rows = [{"keyword": text, "tokens": text.split(), "stickers": 1 + len(text)} for text in texts]
    put(workspace, "keywords", rows)
    proposals = [
        {
            "key": f"c{c}", "name": f"词{c}", "clusters": [c], "aliases": [], "flags": [],
            "terms": [f"词{c % 97}", f"句{c % 31}"], "keywords": keywords, "stickers": stickers,
            "exemplars": [text for _, text in pairs[c * keywords : c * keywords + 5]],
            "version": "0123456789ab",
        }
        for c in range(clusters)
    ]  # fmt: skip
    put(workspace, "proposals", proposals)
    carried = [
        pairs[c * keywords + n % keywords][1] for c in range(clusters) for n in range(stickers)
    ]
    ids = [{"id": hashlib.sha256(f"{n}".encode()).hexdigest()} for n in range(len(carried))]
    for part, begin in enumerate(range(0, len(ids), 2000)):
        here = list(range(begin, min(begin + 2000, len(ids))))
        put(workspace, "stickers", [ids[n] for n in here], part)
        kept = [ids[n] | {"kept": True, "outcome": "kept"} for n in here]
        put(workspace, "decisions", kept, part)
        seen = [ids[n] | {"query": carried[n], "source": "s", "source_id": str(n)} for n in here]
        put(workspace, "observations", seen, part)
        for table in ("signals", "reviews", "media"):
            more: dict[str, Any] = {"signals": {"animated": False}, "reviews": {"flagged": False}}
            put(workspace, table, [ids[n] | more.get(table, {"path": "x"}) for n in here], part)
        frames = [ids[n] | {"key_frames": [{"index": 0, "jpeg": _still(chance)}]} for n in here]
        put(workspace, "frames", frames, part)


def _still(chance: np.random.Generator) -> bytes:
    """A picture as hard to squeeze as real stickers: few of them are larger."""
    coarse = Image.fromarray(chance.integers(0, 256, (24, 24, 3), dtype=np.uint8))
    target = io.BytesIO()
    coarse.resize((192, 192), Image.Resampling.BICUBIC).save(target, "JPEG", quality=85)
    return target.getvalue()


if __name__ == "__main__":
    main()
