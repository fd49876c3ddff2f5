"""A team of eight on a live server: three votes a sticker, two leave, nobody sees another's vote.

    python benchmarks/team.py [--stickers N] [--port P]

Draws stickers, gives each to three of eight people, and lets those vote through the gateway as
their browsers would: login form, cookies, CSRF token, the task that is offered next, one of them
through a TLS proxy. Two leave in the middle, what they hadn't answered goes to others. At each step
`label status --json` is compared with a count that is kept here. Three annotators try every
address that could show what others said; what leaks is counted, votes carry a mark to be found by.
A backup is taken while they vote, and restored to another place and port. Checked: three votes
each, every vote that was acknowledged before the backup began, status the same after it.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voting.browser import SKIP, Browser, log_in, vote
from voting.drawn import call, make_workspace
from voting.snooping import MARK, snoop
from voting.tls_proxy import make_certificate, tls_proxy

from annotation.human.merge import current_votes
from annotation.human.studio.server import stop
from annotation.human.studio.server_paths import ServerPaths, read_accounts
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace

PEOPLE = tuple(f"annotator-{n}@example.org" for n in range(1, 9))
LEAVING = PEOPLE[:2]
SNOOPING = PEOPLE[2:5]
VOTES = 3
BATCH = 50


@dataclass
class Team:
    """The workspace and what people said there: by person, the stickers that they answered."""

    workspace: Workspace
    port: int
    host: str | None = None
    said: dict[str, dict[str, bool]] = field(default_factory=lambda: {p: {} for p in PEOPLE})
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def place(self) -> ServerPaths:
        return ServerPaths(self.workspace.root / "label-studio")

    def label(self, *words: str) -> dict[str, Any]:
        """Run `stickerworks label` with --json; its answer."""
        people = ", ".join(PEOPLE)
        given = ["--workspace", str(self.workspace.root), "--json"]
        given += ["--set", f"label.annotators=[{people}]", "--set", f"label.port={self.port}"]
        given += ["--set", f"label.batch_size={BATCH}"]
        given += ["--set", f"label.host={self.host}"] if self.host else []
        told = io.StringIO()
        with contextlib.redirect_stdout(told), contextlib.redirect_stderr(io.StringIO()):
            call([*given, "label", *words])
        answer: dict[str, Any] = json.loads(told.getvalue())
        return answer

    def browser(self, account: str, url: str | None = None, certificate: str = "") -> Browser:
        """Somebody's browser, logged in."""
        password = read_accounts(self.place)["passwords"][account]
        return log_in(
            url or f"http://127.0.0.1:{self.port}", account, password, certificate or None
        )

    def work(self, browser: Browser, most: int) -> int:
        """Answer what is offered, at most so many stickers; how many were."""
        done = 0
        for project in browser.projects():
            while done < most and (task := browser.next_task(project)) is not None:
                sticker = task["data"]["sticker_id"]
                skipped = int(sticker[:4], 16) % 29 == int(browser.account[10]) % 29
                tags = [self.tags[int(sticker[4:8], 16) % len(self.tags)]]
                said = SKIP if skipped else vote(tags, note=f"{MARK}{browser.account}")
                if not browser.answer(project, task["id"], said):
                    raise SystemExit(f"{browser.account}: the answer to {task['id']} was refused")
                with self.lock:
                    self.said[browser.account][sticker] = skipped
                done += 1
        return done

    @property
    def tags(self) -> list[str]:
        found: list[str] = self.workspace.read("ballot")["tag"].to_pylist()
        return found


def main() -> None:
    """Run it, and print one line of JSON at the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stickers", type=int, default=200)
    parser.add_argument("--port", type=int, default=18_290)
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        figures = _all(Path(folder), options.stickers, options.port)
    figures["seconds"] = round(time.monotonic() - started)
    for name, figure in figures.items():
        print(f"{name:<28} {figure}")
    print(json.dumps({"benchmark": "team", "figures": figures}))


def _all(folder: Path, count: int, port: int) -> dict[str, Any]:
    with contextlib.redirect_stdout(sys.stderr):
        workspace = make_workspace(folder, count)
    proxy = port + 1
    team = Team(workspace, port, host=f"https://localhost:{proxy}")
    elsewhere = Team(Workspace(folder / "elsewhere" / "workspace"), port + 2)
    figures: dict[str, Any] = {"stickers": count, "people": len(PEOPLE)}
    try:
        team.label("export")
        _say("exported")
        certificate = make_certificate(folder)
        with tls_proxy(certificate, port, proxy):
            figures |= _vote(team, folder, certificate, f"https://localhost:{proxy}")
        figures |= _restored(team, elsewhere, folder)
    except StickerworksError:
        for one in filter(Path.exists, (team.place.log, elsewhere.place.log)):
            _say(one.read_text(encoding="utf-8", errors="replace")[-3000:])
        raise
    finally:
        stop(team.place)
        stop(elsewhere.place)
    return figures


def _vote(team: Team, folder: Path, certificate: Path, public: str) -> dict[str, Any]:
    wrong: list[str] = []
    browsers = {name: team.browser(name) for name in PEOPLE[:-1]}
    browsers[PEOPLE[-1]] = team.browser(PEOPLE[-1], public, str(certificate))
    share = len(_asked(team)) * VOTES // len(PEOPLE)

    def everybody(names: Sequence[str], most: int) -> Iterator[Any]:
        with ThreadPoolExecutor() as pool:
            working = [pool.submit(team.work, browsers[name], most) for name in names]
            yield working
            for one in working:
                one.result()

    def step(name: str) -> None:
        team.label("import")
        found = [f"{name}: {line}" for line in _compare(team)]
        wrong.extend(found)
        _say(f"{name}: {_count(team)} answers, {found or 'status right'}")

    wrong.extend(f"at the start: {line}" for line in _compare(team))
    for _ in everybody(PEOPLE, share // 3):
        pass
    step("a third")
    figures: dict[str, Any] = {"leaks": 0, "tried": 0}
    numbers = _numbers(team)
    with ThreadPoolExecutor() as pool:
        for name, (tried, leaks) in pool.map(
            lambda name: (name, snoop(browsers[name], numbers)), SNOOPING
        ):
            figures["tried"] += tried
            figures["leaks"] += len(leaks)
            wrong.extend(f"{name} sees {leak}" for leak in leaks)
    _say(f"{figures['tried']} addresses tried")
    lead, voted = team.browser("lead@example.org"), team.workspace.read("votes")["task"][:5]
    told = [lead.ask("GET", f"/api/tasks/{task}/annotations/").text for task in voted.to_pylist()]
    if not any(MARK in text for text in told):
        wrong.append("the lead sees no vote either, so that nothing was shown of leaks")
    for name in LEAVING:
        team.label("leave", name)
    step("two left")
    staying = [name for name in PEOPLE if name not in LEAVING]
    refused = sum(not browsers[name].ask("GET", "/api/projects/").ok for name in LEAVING)
    acknowledged: dict[str, set[str]] = {}
    for working in everybody(staying, share // 3):
        before = _count(team)
        while _count(team) < before + len(staying) and not all(one.done() for one in working):
            time.sleep(0.1)
        with team.lock:
            acknowledged = {name: set(said) for name, said in team.said.items()}
        team.label("backup", str(folder / "saved.tar.gz"))
        figures["voted_meanwhile"] = _count(team) - sum(map(len, acknowledged.values()))
    (folder / "acknowledged.json").write_text(
        json.dumps({name: sorted(said) for name, said in acknowledged.items()}), encoding="utf-8"
    )
    step("after the backup")
    for _ in range(4):  # a skip asks somebody else
        for _ in everybody(staying, 10_000):
            pass
        step("all done")
        team.label("assign")
    votes = Counter(row["id"] for row in _current(team) if not row["skipped"])
    figures |= {
        "asked": len(_asked(team)),
        "with_exactly_three_votes": sum(count == VOTES for count in votes.values()),
        "votes": sum(votes.values()),
        "skips": sum(sum(said.values()) for said in team.said.values()),
        "left": len(LEAVING),
        "who_left_is_refused": refused == len(LEAVING),
        "votes_through_tls": len(team.said[PEOPLE[-1]]),
        "wrong_status": wrong,
    }
    return figures


def _count(team: Team) -> int:
    with team.lock:
        return sum(map(len, team.said.values()))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _asked(team: Team) -> set[str]:
    rows = team.workspace.read("tasks", columns=["id", "purpose"]).to_pylist()
    return {row["id"] for row in rows if row["purpose"] == "labelling"}


def _numbers(team: Team) -> dict[str, list[int]]:
    """Tasks and projects by person, and all annotations: what could be asked for by number."""
    rows = team.workspace.read("tasks").to_pylist()
    votes = team.workspace.read("votes", columns=["annotation"]).to_pylist()
    return {
        "tasks": sorted({row["task"] for row in rows}),
        "projects": sorted({row["project"] for row in rows}),
        "annotations": sorted({int(row["annotation"].rsplit("/")[-1]) for row in votes}),
    }


def _current(team: Team) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = current_votes(team.workspace.read("votes")).to_pylist()
    return found


def _compare(team: Team) -> list[str]:
    """What `label status` says otherwise than what was counted here."""
    status = team.label("status")["status"]
    wrong = []
    for one in status["annotators"]:
        said = team.said[one["name"]]
        counted = (len(said) - sum(said.values()), sum(said.values()))
        if counted != (one["votes"], one["skips"]):
            wrong.append(f"{one['name']} {one['votes']} + {one['skips']}, counted {counted}")
    votes = Counter(
        sticker for said in team.said.values() for sticker, skip in said.items() if not skip
    )
    complete = sum(count >= VOTES for count in votes.values())
    told = sum(batch["complete"] for batch in status["batches"])
    if told != complete:
        wrong.append(f"{told} complete, counted {complete}")
    if status["quarantined"]:
        wrong.append(f"not counted: {status['quarantined'][0]['reason']}")
    return wrong


def _restored(team: Team, elsewhere: Team, folder: Path) -> dict[str, Any]:
    """Bring the backup back at another place, and look whether anything is missing."""
    acknowledged = json.loads((folder / "acknowledged.json").read_text(encoding="utf-8"))
    source = ["--workspace", str(elsewhere.workspace.root), "--set"]
    source += [f"crawl.sources=[{{source: folder, options: {{path: {folder / 'stickers'}}}}}]"]
    with contextlib.redirect_stdout(sys.stderr):
        call([*source, "crawl"])
    done = elsewhere.label("restore", str(folder / "saved.tar.gz"))
    elsewhere.label("import")
    found = {name: set[str]() for name in PEOPLE}
    for row in elsewhere.workspace.read("votes").to_pylist():
        found[row["annotator"]].add(row["id"])
    lost = sum(len(set(said) - found[name]) for name, said in acknowledged.items())
    browser = elsewhere.browser(PEOPLE[2])
    again = elsewhere.label("import", "--full")["import"]
    pictures = 0
    for task in browser.projects()[:1]:
        shown = browser.next_task(task)
        if shown is not None:
            path = f"stickers/{shown['data']['sticker_id'][:2]}/{shown['data']['sticker_id']}.gif"
            pictures = browser.ask("GET", f"/data/local-files/?d={path}").status_code
    return {
        "acknowledged_before_backup": sum(map(len, acknowledged.values())),
        "lost": lost,
        "marked_deleted": sum(
            bool(row["deleted"]) for row in elsewhere.workspace.read("votes").to_pylist()
        ),
        "import_again": (again["added"], again["gone"]),
        "pictures_missing": done["shown"]["missing"],
        "picture_status": pictures,
    }


if __name__ == "__main__":
    main()
