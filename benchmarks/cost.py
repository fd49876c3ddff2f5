"""What a sticker costs: processor seconds of every stage that looks at it, and bytes of each table.

    python benchmarks/cost.py [FOLDER] [--stickers 200]

FOLDER holds stickers (default ../shared/real-stickers; tiny drawn ones where that is missing). They
go through the real stages with one worker. Processor seconds are those of the driver and the
worker, less what the same takes for four stickers: starting up is paid once. The last line is one
JSON object; docs/cost.md says what follows from it for millions.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

_FEW = 4
_KINDS = {".gif", ".png", ".jpg", ".jpeg", ".webp"}


def main() -> None:
    """Measure, and print a line for every stage and table, and the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("../shared/real-stickers"))
    parser.add_argument("--stickers", type=int, default=200)
    parser.add_argument("--collection", type=int, default=2_500_000, help="stickers to count for")
    parser.add_argument("--core-hour", type=float, default=0.05, help="price of a core for an hour")
    parser.add_argument(
        "--tb-month", type=float, default=25, help="price of a terabyte for a month"
    )
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(_measure(arguments.folder, arguments.measure)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        few, all_ = (
            _spawn(_sample(arguments.folder, count, work / f"stickers-{count}"), work / str(count))
            for count in (_FEW, arguments.stickers)
        )
    rows = all_["rows"] - few["rows"]
    cpu = {
        name: max(0.0, 1000 * (seconds - few["cpu_s"][name]) / rows)
        for name, seconds in all_["cpu_s"].items()
    }
    table_bytes = {
        name: max(0, round((nbytes - few["bytes"].get(name, 0)) / rows))
        for name, nbytes in all_["bytes"].items()
    }
    for title, known in (("cpu ms a sticker", cpu), ("bytes a sticker", table_bytes)):
        print(f"\n{title}")
        for name, figure in known.items():
            print(f"{name:<20}{figure:>10,.1f}")
    collection = _collection(arguments, cpu, table_bytes)
    figures = {
        "stickers": all_["rows"],
        "kept": all_["kept"],
        "cpu_ms": {name: round(figure, 2) for name, figure in cpu.items()},
        "bytes": table_bytes,
        "collection": collection,
    }
    print(json.dumps({"benchmark": "cost", "figures": figures}))


def _collection(
    arguments: argparse.Namespace, cpu: dict[str, float], table_bytes: dict[str, int]
) -> dict[str, float]:
    """Core-hours, terabytes and money for a whole collection, captions by a model apart."""
    hours = arguments.collection * sum(cpu.values()) / 3.6e6
    terabytes = arguments.collection * sum(table_bytes.values()) / 1e12
    print(f"\n{arguments.collection:,} stickers: {hours:,.0f} core-hours, {terabytes:.2f} TB")
    return {
        "stickers": arguments.collection,
        "core_hours": round(hours, 1),
        "terabytes": round(terabytes, 3),
        "price_of_cores": round(hours * arguments.core_hour, 2),
        "price_of_disk_a_month": round(terabytes * arguments.tb_month, 2),
    }


def _sample(folder: Path, count: int, target: Path) -> Path:
    """Every n-th sticker of the folder, in folders named as theirs."""
    if not folder.is_dir():
        return _draw(count, target)
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _KINDS)
    for path in found[:: max(1, len(found) // count)][:count]:
        copy = target / path.parent.name / path.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    return target


def _draw(count: int, target: Path) -> Path:
    from synthetic.workspace import draw_folder

    draw_folder(target, count)
    return target


def _spawn(stickers: Path, workspace: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, str(stickers), "--measure", str(workspace)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _measure(stickers: Path, root: Path) -> dict[str, Any]:
    """Seconds and bytes of a whole chain over a folder, by stage and by table."""
    from synthetic.chain import Silent

    from crawlers.crawl import crawl
    from pipeline.engine.runner import run
    from pipeline.engine.workspace import Workspace
    from pipeline.release.build import build_release
    from schemas.config import AnnotateConfig, Config
    from stickerworks.cli.rooms import ROOMS, plan_of

    source = {"source": "folder", "redistribute": True, "options": {"path": str(stickers)}}
    config = Config.model_validate(
        {"engine": {"workers": 1}, "tags": {"clusters": 8}, "crawl": {"sources": [source]}}
    )
    workspace = Workspace(root)
    steps: dict[str, Callable[[], object]] = {
        "crawl": partial(crawl, workspace, config.crawl, lambda line: None)
    }
    # The template looks at no frames; a model gets them from the stage clips.
    asking = config.model_copy(update={"annotate": AnnotateConfig(captioner="openai")})
    for room in ROOMS:
        for work in plan_of(room):
            given = asking if work.name == "clips" else config
            steps[work.name] = partial(run, work, workspace, given, Silent())
    steps["release"] = partial(build_release, workspace, config)
    cpu: dict[str, float] = {}
    for name, step in steps.items():
        before = _cpu_s()
        step()
        cpu[name] = _cpu_s() - before
    tables = sorted((root / "tables").iterdir())
    known = {path.stem: _size(path) for path in tables}
    known |= {"releases": _size(root / "releases"), "stickers' files": _size(stickers)}
    kept = workspace.read("decisions", columns=["kept"])["kept"]
    return {"rows": len(kept), "kept": kept.to_pylist().count(True), "cpu_s": cpu, "bytes": known}


def _cpu_s() -> float:
    """Seconds of processor time of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _size(path: Path) -> int:
    paths = path.rglob("*") if path.is_dir() else [path]
    return sum(each.stat().st_size for each in paths if each.is_file())


if __name__ == "__main__":
    main()
