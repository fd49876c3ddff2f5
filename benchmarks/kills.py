"""Kill -9 at random moments in every command, run it again, and compare every byte at the end.

    python benchmarks/kills.py [--kills 50] [--executors local,ray] [--stickers 48] [--seed 0]

A small collection goes through crawl, filter, tags, annotate, merge, split, release, validate and
report, each a command of its own, once undisturbed and then again and again with kills: of the
command's own process, of one of its workers, or of both. A killed command is given again. When a
chain is done its tables, release, report and verdict must be, byte by byte, those of the
undisturbed one, no process may be left, and nothing under a temporary name.

The seed decides the moments. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_CHAIN = {
    "crawl": 1, "filter": 6, "tags": 2, "annotate": 3, "merge": 1, "split": 1, "release": 2,
    "validate": 2, "report": 1,
}  # fmt: skip
"""Commands in order, and about how many kills each gets in a chain."""
_VOTED_AFTER = "annotate"
_VICTIMS = ("driver", "worker", "both")
_MARK = "STICKERWORKS_KILLS"
_GONE_S = 15
_COMPARED = ("tables", "releases", "reports")


@dataclass
class Tally:
    """What was killed when, and what was found wrong afterwards."""

    kills: list[tuple[str, str, str, float]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    chains: int = 0


@dataclass(frozen=True)
class Undisturbed:
    """Seconds of a command, seconds of it with nothing to do, and its exit code."""

    seconds: float
    idle: float
    code: int

    def moment(self, share: float, kills: int) -> float:
        """When to kill it, so that about as many kills fit into its work."""
        return self.idle * (0.3 + 0.7 * share) + (self.seconds - self.idle) * share * 2 / kills


@dataclass(frozen=True)
class Chain:
    """How the commands of one workspace are given."""

    workspace: Path
    stickers: Path
    executor: str

    def command(self, name: str) -> list[str]:
        settings = {
            "crawl.sources": json.dumps(
                [{"source": "folder", "options": {"path": str(self.stickers)}}]
            ),
            "crawl.shard_rows": "8",
            "tags.clusters": "6",
            "engine.workers": "2",
            "validation.epochs": "2",
        }
        if self.executor != "local":
            settings["engine.executor"] = self.executor
        given = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
        words = ["-m", "stickerworks", "--workspace", str(self.workspace), *given, name]
        return [sys.executable, *words]


def main() -> None:
    """Run the undisturbed chain, then chains with kills until there were enough."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--executors", default="local", help="local, ray, or both by a comma")
    parser.add_argument("--stickers", type=int, default=48)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where to work [a temporary folder]")
    arguments = parser.parse_args()
    from synthetic.workspace import draw_folder

    rng, tally, started = random.Random(arguments.seed), Tally(), time.monotonic()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as temporary:
        folder = Path(temporary)
        stickers = folder / "stickers"
        draw_folder(stickers, arguments.stickers)
        workspace = folder / "workspace"
        seconds = _undisturbed(Chain(workspace, stickers, "local"))
        # At the same place, since paths stand in tables.
        whole = workspace.rename(folder / "undisturbed")
        executors = arguments.executors.split(",")
        while len(tally.kills) < arguments.kills and not tally.wrong:
            chain = Chain(workspace, stickers, executors[tally.chains % len(executors)])
            _disturbed(chain, seconds, rng, tally, arguments.kills)
            tally.chains += 1
            tally.wrong += _differences(whole, workspace)
            shutil.rmtree(workspace)
    _report(tally, time.monotonic() - started)


def _undisturbed(chain: Chain) -> dict[str, Undisturbed]:
    """What each command takes, and takes again when there is nothing left to do."""
    found = {}
    for name in _CHAIN:
        seconds = []
        for _ in range(2):
            started = time.monotonic()
            done = subprocess.run(chain.command(name), check=False, capture_output=True, text=True)
            if done.returncode not in (0, 1 if name == "validate" else 0):
                raise SystemExit(f"{name} failed: {done.stderr}")
            seconds.append(time.monotonic() - started)
        found[name] = Undisturbed(max(seconds), min(seconds), done.returncode)
        if name == _VOTED_AFTER:
            _vote(chain.workspace)
    return found


def _vote(workspace: Path) -> None:
    """Three votes on each sticker; people are not killed."""
    from synthetic.workspace import write_votes

    from pipeline.engine.workspace import Workspace

    write_votes(Workspace(workspace))


def _disturbed(
    chain: Chain, expected: dict[str, Undisturbed], rng: random.Random, tally: Tally, most: int
) -> None:
    """Give the commands in order, each killed several times on its way and then left to end."""
    for name, kills in _CHAIN.items():
        for left in range(min(kills, most - len(tally.kills)), 0, -1):
            after = expected[name].moment(rng.random(), left)
            if not _run_and_kill(chain, name, rng.choice(_VICTIMS), after, tally):
                break  # it came to its end; the kills that are left go to the next chain
        again = subprocess.run(
            chain.command(name), check=False, capture_output=True, text=True, env=_environment()
        )
        if again.returncode != expected[name].code:
            tally.wrong.append(f"{name} ended with {again.returncode}: {again.stderr[-500:]}")
            return
        if name == _VOTED_AFTER:
            _vote(chain.workspace)
        tally.wrong += _orphans(name)


def _run_and_kill(chain: Chain, name: str, victim: str, after: float, tally: Tally) -> bool:
    """Start a command and kill it, or one of its workers, so much later; whether that hit."""
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            chain.command(name), stdout=subprocess.DEVNULL, stderr=said, env=_environment(),
            start_new_session=True,
        )  # fmt: skip
        try:
            process.wait(after)
            return False
        except subprocess.TimeoutExpired:
            pass
        workers = psutil.Process(process.pid).children(recursive=True)
        hit = victim if workers else "driver"
        if hit in ("worker", "both"):
            _kill(random.Random(int(after * 1e6)).choice(workers).pid)
        if hit in ("driver", "both"):
            _kill(process.pid)
        code = process.wait()
        said.seek(0)
        last = said.read().strip().rpartition("\n")[2] if code > 0 else ""
    tally.kills.append((chain.executor, name, hit, after))
    print(f"{len(tally.kills):>3}  {chain.executor:<6}{name:<10}{hit:<8}after {after:5.1f} s, "
          f"exit code {code} {last}", flush=True)  # fmt: skip
    tally.wrong += _orphans(name)
    return True


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):  # it may just have ended by itself
        os.kill(pid, signal.SIGKILL)


def _environment() -> dict[str, str]:
    return {**os.environ, _MARK: str(os.getpid())}


def _orphans(name: str) -> list[str]:
    """Processes of a command that outlive it by more than a few seconds; they are ended."""
    until = time.monotonic() + _GONE_S
    while (left := _marked()) and time.monotonic() < until:
        time.sleep(0.2)
    for process in left:
        process.kill()
    return [f"{name} left the process {' '.join(process.cmdline())[:200]}" for process in left]


def _marked() -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            ours = process.environ().get(_MARK) == str(os.getpid())
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def _differences(whole: Path, killed: Path) -> list[str]:
    """Files that differ from those of the undisturbed chain, and what was left under a
    temporary name."""
    expected, found = _digests(whole), _digests(killed)
    names = sorted(expected.keys() | found.keys())
    wrong = [f"{name} differs" for name in names if expected.get(name) != found.get(name)]
    left = [path for path in killed.rglob("*") if path.is_file() and _is_temporary(path, killed)]
    return wrong + [f"{path.relative_to(killed)} was left" for path in left]


def _is_temporary(path: Path, root: Path) -> bool:
    parts = path.relative_to(root).parts
    return parts[0] in ("pieces", "scratch") or path.name.endswith(".tmp")


def _digests(root: Path) -> dict[str, str]:
    paths = [p for folder in _COMPARED for p in (root / folder).rglob("*") if p.is_file()]
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}


def _report(tally: Tally, seconds: float) -> None:
    for line in tally.wrong:
        print(f"WRONG: {line}")
    figures = {
        "kills": len(tally.kills),
        "chains": tally.chains,
        "by_command": dict(Counter(name for _, name, _, _ in tally.kills)),
        "by_victim": dict(Counter(victim for _, _, victim, _ in tally.kills)),
        "by_executor": dict(Counter(executor for executor, *_ in tally.kills)),
        "wrong": len(tally.wrong),
        "seconds": round(seconds),
    }
    print(json.dumps({"benchmark": "kills", "figures": figures}))
    if tally.wrong:
        sys.exit(1)


if __name__ == "__main__":
    main()
