"""A takedown in a large synthetic workspace, and two large releases compared."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.engine.workspace import Workspace
from synthetic.chain import GROUPS, prepare

_STEPS = (
    "crawl", "made_signals", "screening", "texts", GROUPS, "decisions", "keywords", "clusters",
    "suggestions", "votes", "labels", "agreement", "splits",
)  # fmt: skip
_STICKERS = 50


def at_scale(folder: Path, rows: int) -> dict[str, Any]:
    """Seconds, processor seconds and peak memory of a takedown and of a comparison."""
    made, root = folder / f"workspace-{rows}", folder / f"taken-down-{rows}"
    if not (made / "made").exists():
        shutil.rmtree(made, ignore_errors=True)
        for name in _STEPS:
            began = time.perf_counter()
            _in_child(prepare(name, made, rows))
            print(f"{name:<12} made in {time.perf_counter() - began:.0f} s", flush=True)
        _in_child(prepare("release", made, rows))
        (made / "made").touch()
    # Tables are replaced, never changed: links are copies.
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(made, root, copy_function=os.link)
    workspace = Workspace(root)
    release = next(workspace.releases.glob("*-*"))
    before = folder / f"before-{rows}"
    shutil.rmtree(before, ignore_errors=True)
    shutil.copytree(release, before)
    parts = workspace.parts
    ids = [
        workspace.read("stickers", part, ["id"])["id"][place].as_py()
        for place, part in enumerate(parts[:: max(1, len(parts) // _STICKERS)][:_STICKERS])
    ]
    named = [f"--sha256={id_}" for id_ in ids]
    took = _command(root, "release", "takedown", "--reason=asked for", *named)
    compared = _command(root, "release", "diff", str(before), str(release))
    told = json.loads(compared.pop("told"))["diff"]
    took.pop("told")
    return {
        "scale_rows": rows,
        **{f"scale_takedown_{name}": value for name, value in took.items()},
        **{f"scale_diff_{name}": value for name, value in compared.items()},
        "scale_diff_removed": told["removed"],
    }


def _in_child(work: Callable[[], object]) -> None:
    """A process of its own, so that its memory is given back."""
    if pid := os.fork():
        if os.waitpid(pid, 0)[1]:
            raise SystemExit("a step of the generator failed")
        return
    code = 1
    try:
        work()
        code = 0
    finally:
        os._exit(code)


def _command(root: Path, *words: str) -> dict[str, Any]:
    line = [sys.executable, "-m", "stickerworks", *words, "--workspace", str(root), "--json"]
    environment = {**os.environ, "STICKERWORKS_CACHE": str(root.parent / "cache")}
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, env=environment, encoding="utf-8"
    ) as process:
        told, _ = process.communicate()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise SystemExit(f"{' '.join(words[:2])} failed")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "seconds": round(time.perf_counter() - began, 1),
        "cpu_seconds": round(cpu, 1),
        "told": told,
    }
