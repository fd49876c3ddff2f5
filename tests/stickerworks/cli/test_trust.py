"""A workspace that somebody else made runs no program and gets no key."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from stickerworks.cli.configuration import load_config
from stickerworks.cli.main import app
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.trust import check_trusted, may_be_kept

SERVED = 'annotate: {captioner: openai, options: {model: m, base_url: "https://x.example/v1"}}'
FOREIGN = {
    "label.server": "label: {server: ./run-me}",
    "release.sign_key": "release: {sign_key: ./run-me}",
    "label.url": 'label: {url: "https://x.example"}',
    "annotate.options.base_url": SERVED,
}


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace that came from elsewhere, below the folder that one stands in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/run-me").write_text("#!/bin/sh\ntouch theirs/has-run\n")
    (tmp_path / "theirs/run-me").chmod(0o755)
    return tmp_path / "theirs"


def check(key: str, options: CommandOptions) -> None:
    config = load_config(options.config, options.overrides, options.workspace)
    check_trusted(key.split(".", maxsplit=1)[0], config, options)


@pytest.mark.parametrize("key", FOREIGN)
def test_a_workspaces_file_names_no_program_and_no_server(theirs: Path, key: str) -> None:
    (theirs / "stickerworks.yaml").write_text(FOREIGN[key])
    with pytest.raises(StickerworksError, match="somebody else") as caught:
        check(key, CommandOptions(workspace=theirs))
    assert key in str(caught.value)
    assert f"--config {theirs / 'stickerworks.yaml'}" in caught.value.remedy
    # The ways that the message names.
    check(key, CommandOptions(workspace=theirs, config=theirs / "stickerworks.yaml"))
    check(key, CommandOptions(workspace=theirs, overrides=(f"{key}=http://mine.example",)))


@pytest.mark.parametrize("key", FOREIGN)
def test_nor_does_it_where_one_stands_in_it(
    theirs: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(theirs)
    Path("stickerworks.yaml").write_text(f"workspace: .\n{FOREIGN[key]}")
    for workspace in (None, Path()):
        with pytest.raises(StickerworksError, match="somebody else"):
            check(key, CommandOptions(workspace=workspace))


@pytest.mark.parametrize("key", FOREIGN)
def test_nor_does_a_kept_setting(theirs: Path, key: str) -> None:
    (theirs / "stickerworks.yaml").write_text(
        f"# Kept by `stickerworks --keep`: x\n{key}: https://x.example\n"
    )
    Path("stickerworks.yaml").write_text("workspace: theirs\n")
    for options in (CommandOptions(), CommandOptions(workspace=theirs)):
        with pytest.raises(StickerworksError, match="somebody else"):
            check(key, options)


def test_the_current_folders_file_may_name_servers_but_no_programs(theirs: Path) -> None:
    for key, text in FOREIGN.items():
        Path("stickerworks.yaml").write_text(text)
        if key in ("label.server", "release.sign_key"):
            with pytest.raises(StickerworksError, match="somebody else"):
                check(key, CommandOptions())
        else:
            check(key, CommandOptions())


@pytest.mark.parametrize(
    "options", ["{a.b: 'https://x.example'}", "{all: [{at: 'HTTPS://x.example'}]}"]
)
def test_addresses_are_found_under_odd_names_and_in_lists(theirs: Path, options: str) -> None:
    (theirs / "stickerworks.yaml").write_text(f"annotate: {{options: {options}}}")
    with pytest.raises(StickerworksError, match="somebody else"):
        check("annotate", CommandOptions(workspace=theirs))


def test_a_kept_setting_does_not_lead_to_another_workspace(theirs: Path) -> None:
    kept = "# Kept by `stickerworks --keep`: x\nworkspace: /elsewhere\n"
    (theirs / "stickerworks.yaml").write_text(kept)
    Path("stickerworks.yaml").write_text("workspace: theirs\n")
    assert load_config(None, []).workspace == "theirs"


def test_a_server_on_this_machine_is_fine(theirs: Path) -> None:
    served = 'annotate: {captioner: openai, options: {model: m, base_url: "http://localhost:8000"}}'
    (theirs / "stickerworks.yaml").write_text(served)
    check("annotate", CommandOptions(workspace=theirs))


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("annotate.options.key_env", "key_env: AWS_SECRET_ACCESS_KEY"),
        ("annotate.options.text.key_env", "text: {model: m, key_env: AWS_SECRET_ACCESS_KEY}"),
    ],
)
def test_a_workspace_picks_no_secret_to_send_even_on_this_machine(
    theirs: Path, key: str, options: str
) -> None:
    served = 'captioner: openai, options: {model: m, base_url: "http://127.0.0.1:8000/v1"'
    (theirs / "stickerworks.yaml").write_text(f"annotate: {{{served}, {options}}}}}")
    with pytest.raises(StickerworksError, match="variable of your environment") as caught:
        check("annotate", CommandOptions(workspace=theirs))
    assert f"({key})" in str(caught.value)
    check("annotate", CommandOptions(workspace=theirs, config=theirs / "stickerworks.yaml"))
    check("annotate", CommandOptions(workspace=theirs, overrides=(f"{key}=MY_KEY",)))
    assert not may_be_kept(key, "MY_KEY")


@pytest.mark.parametrize("command", ["label setup", "label export", "label import", "annotate"])
def test_commands_refuse_before_they_run_or_tell_anything(theirs: Path, command: str) -> None:
    (theirs / "stickerworks.yaml").write_text(
        f"label: {{server: theirs/run-me, port: 1}}\n{SERVED}"
    )
    shard = Workspace(theirs).path("stickers", 0)
    shard.parent.mkdir(parents=True)
    pq.write_table(pa.table({"id": ["a"]}), shard)
    with pytest.raises(StickerworksError, match="somebody else"):
        app(args=["--workspace", "theirs", *command.split()], standalone_mode=False)
    assert not (theirs / "has-run").exists()
    assert not (theirs / "label-studio").exists()
