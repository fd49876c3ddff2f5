"""What a crawl costs beside img2dataset and a bare client: CPU seconds and files a second.

    python benchmarks/crawl.py [--files 2000] [--rounds 3] [--concurrency 32]

Each fetches the same GIFs of about 58 KB from loopback, by turns, 32 at once, each time as a whole
process that starts from nothing: ours with ledger, robots.txt, hashes and the export of tables;
img2dataset with one process, 32 threads and no re-encoding; a bare aiohttp
client that writes each body to a file. CPU seconds are user and system of the process and of all
its children; the server is a process of its own and isn't counted. The median of the rounds counts.
Then the parts of ours are measured one by one, the same functions on the same files; what is left
over is fetching. img2dataset gets an environment of its own, made by the first run (pip). The last
line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_CRAWLING = Path(__file__).parent / "crawling"
_THEIRS = _ROOT / ".venv-img2dataset"
_IMG2DATASET = "img2dataset==1.47.0"


@dataclass(frozen=True)
class Cost:
    """What one whole process took, in seconds."""

    cpu_s: float
    wall_s: float


def main() -> None:
    """Run all by turns, then the parts of ours; print a table and the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--concurrency", type=int, default=32)
    arguments = parser.parse_args()
    _install_img2dataset()
    costs: dict[str, list[Cost]] = {"ours": [], "img2dataset": [], "aiohttp": []}
    known: list[Cost] = []
    with tempfile.TemporaryDirectory() as name, _server(arguments.files) as site:
        for number in range(arguments.rounds):
            for way, taken in costs.items():
                folder = Path(name) / f"{way}-{number}"
                taken.append(_fetch(way, site, folder, arguments))
                print(f"{way:<12} {taken[-1].cpu_s:6.2f} CPU s {taken[-1].wall_s:6.2f} s")
            # What is known costs start-up, listing and ledger, and asks for no file.
            known.append(_ours(site, Path(name) / f"ours-{number}", arguments.concurrency))
        parts = _parts(Path(name) / "ours-0", Path(name) / "parts")
    figures = _figures(costs, arguments.files)
    figures["ours_again_cpu_s"] = statistics.median(cost.cpu_s for cost in known)
    figures |= _breakdown(parts, figures["ours_cpu_s"])
    for figure, value in figures.items():
        print(f"{figure:<32} {value:,.3f}")
    rounded = {figure: round(value, 3) for figure, value in figures.items()}
    print(json.dumps({"benchmark": "crawl", "files": arguments.files, "figures": rounded}))


def _figures(costs: dict[str, list[Cost]], files: int) -> dict[str, float]:
    figures = {}
    for way, taken in costs.items():
        figures[f"{way}_cpu_s"] = statistics.median(cost.cpu_s for cost in taken)
        figures[f"{way}_wall_s"] = statistics.median(cost.wall_s for cost in taken)
        figures[f"{way}_files_per_s"] = files / figures[f"{way}_wall_s"]
    ours = figures["ours_files_per_s"]
    return figures | {
        "cpu_ratio_img2dataset": figures["ours_cpu_s"] / figures["img2dataset_cpu_s"],
        "files_per_s_ratio_img2dataset": ours / figures["img2dataset_files_per_s"],
        "cpu_ratio_aiohttp": figures["ours_cpu_s"] / figures["aiohttp_cpu_s"],
    }


def _breakdown(parts: dict[str, float], whole: float) -> dict[str, float]:
    """Where our CPU seconds go; what no part accounts for is listing and fetching."""
    left = {"listing_robots_slots_fetching": whole - sum(parts.values())}
    return {f"ours_{name}_cpu_s": seconds for name, seconds in (parts | left).items()}


def _fetch(way: str, site: str, folder: Path, arguments: argparse.Namespace) -> Cost:
    """Run one of the three into the folder, and make sure that it got every file."""
    folder.mkdir()
    count = str(arguments.concurrency)
    if way == "ours":
        cost = _ours(site, folder, arguments.concurrency)
    elif way == "img2dataset":
        urls = folder / "urls.txt"
        urls.write_text("\n".join(_urls(site, arguments.files)), encoding="ascii")
        command = [f"--url_list={urls}", f"--output_folder={folder / 'out'}"]
        command += ["--output_format=files", "--disable_all_reencoding=True"]
        command += ["--processes_count=1", f"--thread_count={count}", "--enable_wandb=False"]
        cost = _run([str(_THEIRS / "bin" / "img2dataset"), *command], folder)
    else:
        script = str(_CRAWLING / "bare_client.py")
        cost = _run([sys.executable, script, site, str(arguments.files), count], folder)
    got = sum(path.stat().st_size > 50_000 for path in folder.rglob("*.*") if path.is_file())
    if got < arguments.files:
        raise SystemExit(f"{way} got {got} of {arguments.files} files; see {folder / 'log'}")
    return cost


def _ours(site: str, folder: Path, concurrency: int) -> Cost:
    settings = {
        "sources": [{"source": "chinesebqb", "options": {"index_url": f"{site}/index.json"}}],
        "allow_hosts": [site.partition("//")[2]],
        "concurrency": concurrency,
    }
    config = folder / "config.json"
    config.write_text(json.dumps({"crawl": settings}), encoding="ascii")  # JSON is YAML
    command = [sys.executable, "-m", "stickerworks", "crawl"]
    return _run([*command, "--config", str(config), "--workspace", str(folder / "work")], folder)


def _urls(site: str, files: int) -> Iterator[str]:
    return (f"{site}/pack/{number}.gif" for number in range(files))


def _parts(done: Path, folder: Path) -> dict[str, float]:
    """CPU seconds of the parts of a crawl; ``done`` is where one has run."""
    folder.mkdir()
    command = [sys.executable, str(_CRAWLING / "parts.py"), str(done / "work"), str(folder)]
    told = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=_environment()
    )
    parts: dict[str, float] = json.loads(told.stdout)
    return parts


def _environment() -> dict[str, str]:
    environment = {**os.environ, "PYTHONPATH": str(_ROOT), "NO_PROXY": "*"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # nobody compiles at every start
    return environment


def _run(command: list[str], folder: Path) -> Cost:
    """Run a command to its end; RUSAGE_CHILDREN has it and all that it waited for."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = _environment()
    if command[0].startswith(str(_THEIRS)):
        del environment["PYTHONPATH"]
    with (folder / "log").open("ab") as log:
        done = subprocess.run(
            command, check=False, stdout=log, stderr=log, env=environment, cwd=folder
        )
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        print((folder / "log").read_text(encoding="utf-8", errors="replace")[-2000:])
        raise SystemExit(f"{command[0]} ended with {done.returncode}")
    user = after.ru_utime - before.ru_utime
    return Cost(user + after.ru_stime - before.ru_stime, wall)


@contextmanager
def _server(files: int) -> Iterator[str]:
    command = [sys.executable, str(_CRAWLING / "gif_server.py"), str(files)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def _install_img2dataset() -> None:
    if (_THEIRS / "bin" / "img2dataset").exists():
        return
    print(f"Installing {_IMG2DATASET} into {_THEIRS} ...")
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(_THEIRS)], check=True)
    command = [str(_THEIRS / "bin" / "python"), "-m", "pip", "install", "--quiet", _IMG2DATASET]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
