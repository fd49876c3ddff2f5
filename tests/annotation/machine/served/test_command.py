"""The command line: what a run would take, asking again, and what is told."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.engine.errors import StickerworksError
from schemas.config import Config
from stickerworks.cli.annotate import annotate_command
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.session import Session

Command = Callable[..., dict[str, Any]]


@pytest.fixture
def command(shelf: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `annotate` with a configuration; returns the JSON answer, ``told`` among it."""

    def call(config: Config, retry: Any = None, probe: int = 20, *, dry: bool = False) -> Any:
        file = tmp_path / "config.yaml"
        file.write_text(yaml.safe_dump(json.loads(config.model_dump_json())))
        options = CommandOptions(file, shelf.workspace.root, dry_run=dry, json=True)
        code = annotate_command(options, retry, probe)
        captured = capsys.readouterr()
        return {**json.loads(captured.out), "code": code, "told": captured.err}

    return call


def test_a_dry_run_asks_a_few_and_reckons_up_the_rest(
    shelf: Any, serve: Any, asking: Any, command: Command
) -> None:
    server = serve(latency_s=0.1)
    shelf.fill(30, shard_rows=10, unkept=3)
    for part in shelf.workspace.parts:
        shelf.workspace.path("clips", part).unlink()
    prices = {"gpus": 2, "price_in": 1.0, "price_out": 10.0}
    config = asking(server, prices, prompts=["mghft"])
    answer = command(config, probe=4, dry=True)
    found = answer["estimate"]
    assert re.search(r"written; [1-9][\d.]* s, [1-9][\d.]* s of GPU time, 0", answer["told"])
    assert len(server.chats()) == 16
    assert (found["rows"], found["probed"], found["requests"]) == (23, 4, 92)
    assert (found["requests_a_row"], found["with_pictures_a_row"]) == (4, 4)
    assert found["gpu_hours"] == 2 * found["hours"] > 0
    money = (found["tokens_in"] * 1.0 + found["tokens_out"] * 10.0) / 1e6
    assert found["money"] == pytest.approx(money)
    # The frames of animations were decoded for it, and are those that the run shows.
    assert {entry["images"] for entry in server.chats()} == {1, 4}
    assert not shelf.workspace.path("captions", 0).exists()
    again = command(config, probe=4, dry=True)["estimate"]
    assert len(server.chats()) == 16
    assert again["tokens_in"] == found["tokens_in"]
    command(config)
    assert len(server.chats()) == 27 * 4
    assert command(config, dry=True)["estimate"]["rows"] == 0


def test_what_is_flagged_is_counted_told_and_asked_again(
    shelf: Any, serve: Any, asking: Any, command: Command
) -> None:
    server = serve(misbehave={"refusal": 0.3, "400": 0.2}, misbehave_by="messages", seed=2)
    shelf.fill(6)
    config = asking(server, prompts=["mghft"])
    first = command(config)
    assert first["captions"]["flags"]["refusal"] > 0
    assert first["captions"]["failed"] > 0
    assert "flagged: refusal" in first["told"]
    assert "annotate --retry flagged" in first["told"]
    assert "sk-" not in first["told"]
    for _ in range(4):
        last = command(config, "flagged")
    assert last["captions"]["failed"] == 0
    assert last["captions"]["flags"] == {}
    assert "--retry flagged" not in last["told"]


def test_failures_of_an_earlier_model_are_not_those_of_this_run(
    shelf: Any, serve: Any, asking: Any
) -> None:
    shelf.fill(4)
    broken = serve(misbehave={"400": 1.0})
    assert shelf.caption(asking(broken, prompts=["mghft"])).counts["failed"] == 4
    report = shelf.caption(Config())
    assert report.counts["failed"] == 0
    assert sum(row["error"] is not None for row in shelf.rows()) >= 4, "they are still there"


def test_the_template_takes_no_probe_and_no_retry(shelf: Any, command: Command) -> None:
    shelf.fill(2)
    assert "estimate" not in command(Config(), dry=True)
    assert not (shelf.workspace.root / "answers.sqlite").exists()

    with pytest.raises(StickerworksError, match="template is no model"):
        command(Config(), "flagged")


def test_a_wrong_option_is_told_before_anything_is_made(
    shelf: Any, serve: Any, asking: Any, command: Command
) -> None:

    shelf.fill(2)
    before = shelf.workspace.proof("clips", 0)
    with pytest.raises(StickerworksError, match=r"options.modle \(did you mean model\?\)"):
        command(asking(serve(), {"modle": "x"}))
    with pytest.raises(StickerworksError, match="no prompt set called 'vsd3m'"):
        command(asking(serve(), prompts=["vsd3m"]))
    assert shelf.workspace.proof("clips", 0) == before


def test_a_run_waits_for_a_server_that_starts_and_a_dry_run_does_not(
    shelf: Any, serve: Any, asking: Any, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, tell = serve(), Session.tell

    def start_when_told(session: Session, line: str) -> None:
        tell(session, line)
        if "no server listens" in line:
            threading.Thread(target=server.start).start()

    monkeypatch.setattr(Session, "tell", start_when_told)
    server.kill()
    shelf.fill(2)
    config = asking(server, {"longest_wait_s": 30}, prompts=["sticker820k"])
    with pytest.raises(StickerworksError, match="No server answers"):
        command(config, dry=True)
    answer = command(config)
    assert answer["code"] == 0
    assert "  captions     no server listens at" in answer["told"]
    assert "going on" in answer["told"]
