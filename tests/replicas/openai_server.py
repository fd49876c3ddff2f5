"""A loopback replica of an OpenAI-compatible server that checks requests and misbehaves on demand.

It serves ``GET /v1/models`` and ``POST /v1/chat/completions`` in a process of its own, as its plan
(openai_plan) says, and writes a line of JSON for every request::

    python openai_server.py --port 0 --port-file F --log L.jsonl --plan P.json
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from openai_http import Connection
from openai_plan import Plan, plan_from
from openai_replica import CHAT, Replica, read_log


class OpenaiServer:
    """The replica in a process of its own that dies with this one; its files lie in ``folder``.

    ``url`` is the base that clients are given, with /v1. ``restart`` comes back on the same port,
    goes on with the same log and remembers from it what it was asked.
    """

    def __init__(self, plan: Plan | Mapping[str, Any], folder: Path) -> None:
        self.plan = plan if isinstance(plan, Plan) else plan_from(plan)
        self.folder = folder
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self, within_s: float = 30.0) -> Self:
        """Start and wait until it listens; RuntimeError with its words where it doesn't."""
        self.folder.mkdir(parents=True, exist_ok=True)
        plan, port = self.folder / "openai_plan.json", self.folder / "openai_port"
        plan.write_text(self.plan.json(), encoding="utf-8")
        port.unlink(missing_ok=True)
        options = ["--port", self.port, "--port-file", port, "--plan", plan, "--log", self._log]
        command = [sys.executable, __file__, "--until-stdin-ends", *map(str, options)]
        with self._errors.open("ab") as errors:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors
            )
        end = time.monotonic() + within_s
        while not port.exists():
            if self._process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise RuntimeError(f"the replica didn't start: {self._errors.read_text()}")
            time.sleep(0.01)
        self.port = int(port.read_text())
        return self

    def stop(self) -> None:
        """End it; requests in flight are cut off."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        self._end(signal.SIGKILL)

    def behave(self, **changes: Any) -> None:
        """Have the running server follow its plan with these changes, from about now on."""
        self.plan = replace(self.plan, **changes)
        plan = self.folder / "openai_plan.json"
        part = plan.with_suffix(".part")
        part.write_text(self.plan.json(), encoding="utf-8")
        part.replace(plan)
        self.send(signal.SIGHUP)

    def send(self, number: int) -> None:
        """Send its process a signal, such as SIGSTOP."""
        assert self._process is not None
        self._process.send_signal(number)

    def restart(self, plan: Plan | Mapping[str, Any] | None = None) -> Self:
        """End it and start it again, with another plan where one is given."""
        self.stop()
        if plan is not None:
            self.plan = plan if isinstance(plan, Plan) else plan_from(plan)
        return self.start()

    def log(self) -> list[dict[str, Any]]:
        """Every request that was answered or left, in that order, as ``Replica`` notes it."""
        return read_log(self._log)

    def chats(self) -> list[dict[str, Any]]:
        """The log's chat completions alone."""
        return [entry for entry in self.log() if entry["path"] == CHAT]

    def counts(self) -> Counter[str]:
        """How many chat completions went which way: ok, a fault, bad_request, busy, gone ..."""
        return Counter(entry["kind"] for entry in self.chats())

    def peak_in_flight(self) -> int:
        """The most chat completions at once."""
        return max((entry["in_flight"] for entry in self.chats()), default=0)

    @property
    def _log(self) -> Path:
        return self.folder / "openai_log.jsonl"

    @property
    def _errors(self) -> Path:
        return self.folder / "openai_errors.txt"

    def _end(self, number: int) -> None:
        if self._process is None:
            return
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.send_signal(number)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


async def _run(options: argparse.Namespace) -> None:
    plan = plan_from(json.loads(options.plan.read_text(encoding="utf-8")) if options.plan else {})
    replica = Replica(plan, options.log)
    loop = asyncio.get_running_loop()
    end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)

    def read_plan() -> None:
        replica.follow(plan_from(json.loads(options.plan.read_text(encoding="utf-8"))))

    if options.plan:
        loop.add_signal_handler(signal.SIGHUP, read_plan)
    if options.until_stdin_ends:
        loop.add_reader(sys.stdin.fileno(), end.set)
    server = await loop.create_server(
        lambda: Connection(replica.serve), "127.0.0.1", options.port, backlog=1024
    )
    port = server.sockets[0].getsockname()[1]
    print(f"http://127.0.0.1:{port}/v1", flush=True)
    if options.port_file:
        part = options.port_file.with_suffix(".part")
        part.write_text(str(port))
        part.replace(options.port_file)
    await end.wait()
    server.close()


def main() -> None:
    """Serve until SIGTERM, or until standard input ends where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--port-file", type=Path, help="the port is written here once it listens")
    parser.add_argument("--log", type=Path, required=True, help="a line of JSON a request")
    parser.add_argument("--plan", type=Path, help="JSON of openai_plan.Plan")
    parser.add_argument("--until-stdin-ends", action="store_true")
    asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
