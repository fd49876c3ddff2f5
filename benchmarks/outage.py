"""A server that goes away while it is asked: what each kind of outage costs.

    python benchmarks/outage.py [--seconds 5 30 120] [--stickers N]

Each kind has a replica on loopback and a run of its own, all kinds of one length at once: the
process killed and started again, HTTP 500, 503 with Retry-After, 404 as while a model is loaded,
a proxy's page with status 200, answers that hold none, and a process that hangs (SIGSTOP). The
outage begins once a fifth of the stickers is done. The last line holds, of all kinds and lengths,
answers that were lost, questions that were answered twice, the most requests that were sent while
it lasted, and the most seconds from its end to the next answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "replicas"))

from openai_server import OpenaiServer

from annotation.machine.answers import ModelIdentity, open_answers
from annotation.machine.asking import ChatJob, ask_all
from annotation.machine.captioner import CaptionInput
from annotation.machine.chat import Model, Picture
from annotation.machine.configured import open_captioner
from annotation.machine.prompt_set import load_prompt_set
from annotation.machine.served.sending import Sender

KINDS = ("killed", "500", "503", "404", "page", "no_choices", "hanging")
SETS = ("vsd2m", "stickertag", "mghft", "sticker820k")
IN_FLIGHT, LATENCY_S, TIMEOUT_S = 32, 0.05, 20
SMALL = "Answer with the word yes."


def main() -> None:
    """Measure all kinds, or one where it is named; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, nargs="+", default=[5, 30, 120])
    parser.add_argument("--stickers", type=int, default=40)
    parser.add_argument("--kind", choices=KINDS)
    options = parser.parse_args()
    if options.kind:
        print(json.dumps(_measure(options.kind, options.seconds[0], options.stickers)))
        return
    found = [one for length in options.seconds for one in _all_kinds(length, options.stickers)]
    worst = {
        name: max(one[name] for one in found)
        for name in ("lost", "asked_twice", "sent_during", "late_s", "cpu_s")
    }
    print(json.dumps({"outages": len(found), "lengths_s": options.seconds, **worst}))


def _all_kinds(length: float, stickers: int) -> list[dict[str, Any]]:
    command = [sys.executable, __file__, "--seconds", str(length), "--stickers", str(stickers)]
    running = [
        subprocess.Popen([*command, "--kind", kind], stdout=subprocess.PIPE, encoding="utf-8")
        for kind in KINDS
    ]
    found = []
    for process in running:
        said, _ = process.communicate()
        if process.returncode:
            raise SystemExit(f"a run failed: {said}")
        found.append(json.loads(said.splitlines()[-1]))
        print(found[-1], flush=True)
    return found


def _measure(kind: str, length: float, stickers: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        plan = {"latency_s": LATENCY_S, "misbehave_times": None, "retry_after": "2"}
        with OpenaiServer(plan, root / "server") as server:
            calls = _Calls()
            outage = _Outage(server, kind, length, stickers // 5)
            cpu, began = time.process_time(), time.monotonic()
            _ask(server.url, stickers, root, outage.progress)
            outage.thread.join()
            cpu, wall = time.process_time() - cpu, time.monotonic() - began
            chats = server.chats()
        with open_answers(root) as answers:
            rows = answers._connection.execute("SELECT error, answered_at FROM answers").fetchall()
    after = [at for at in calls.answers if at > outage.ended]
    return {
        "kind": kind,
        "seconds": length,
        "answers": len(rows),
        "lost": sum(row["error"] is not None for row in rows),
        "asked_twice": calls.asked_twice,
        "sent_during": sum(outage.began < at < outage.ended for at in calls.sent),
        "probes": sum(entry.get("last_user_text") == SMALL for entry in chats),
        "late_s": round(min(after) - outage.ended, 2) if after else 0.0,
        "cpu_s": round(cpu, 2),
        "wall_s": round(wall, 1),
    }


class _Calls:
    """What is sent from now on, also what finds nobody, and what is answered."""

    def __init__(self) -> None:
        self.sent: list[float] = []
        self.answers: list[float] = []
        self.asked_twice = 0
        self._answered: set[bytes] = set()
        usual = Sender._exchange

        async def noting(sender: Sender, url: str, data: bytes | None) -> Any:
            self.sent.append(time.time())
            self.asked_twice += data in self._answered
            found = await usual(sender, url, data)
            if data and SMALL.encode() not in data and _is_answer(found[2]):
                self.answers.append(time.time())
                self._answered.add(data)
            return found

        Sender._exchange = noting  # type: ignore[method-assign]


def _is_answer(content: bytes) -> bool:
    try:
        return bool(json.loads(content)["choices"])
    except (ValueError, KeyError, TypeError):
        return False


class _Outage:
    """Begins when so many stickers are done, in a thread of its own."""

    def __init__(self, server: OpenaiServer, kind: str, length: float, after: int) -> None:
        self._server, self._kind, self._length, self._after = server, kind, length, after
        self._start = threading.Event()
        self.began = self.ended = 0.0
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def progress(self, done: int) -> None:
        if done >= self._after:
            self._start.set()

    def _run(self) -> None:
        self._start.wait()
        self.began = time.time()
        begin, end = self._ways()
        begin()
        time.sleep(self._length)
        self.ended = time.time()
        end()

    def _ways(self) -> tuple[Any, Any]:
        server = self._server
        if self._kind == "killed":
            return server.kill, server.start
        if self._kind == "hanging":
            return (lambda: server.send(signal.SIGSTOP)), (lambda: server.send(signal.SIGCONT))
        begin = {"misbehave": {self._kind: 1.0}}
        return (lambda: server.behave(**begin)), (lambda: server.behave(misbehave={}))


def _ask(url: str, stickers: int, root: Path, progress: Any) -> None:
    options = {"base_url": url, "model": "replica-vl", "in_flight": IN_FLIGHT}
    captioner = open_captioner("openai", {**options, "timeout_s": TIMEOUT_S})
    identity = ModelIdentity("openai", Model("replica-vl"), "benchmark")
    sets = tuple(load_prompt_set(name) for name in SETS)
    inputs = [
        CaptionInput(f"{n:064}", None, False, (), "", (Picture(b"\xff\xd8 %d \xff\xd9" % n),))
        for n in range(stickers)
    ]

    async def run() -> None:
        chat = captioner.open_chat()
        with open_answers(root) as answers:
            try:
                await ask_all(
                    inputs, ChatJob(chat, identity, sets, ("en", "zh")), answers, progress
                )
            finally:
                await chat.close()

    asyncio.run(run())


if __name__ == "__main__":
    main()
