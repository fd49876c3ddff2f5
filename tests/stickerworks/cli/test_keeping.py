"""What `--set` gives is kept on request, and a command says when its settings are others."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from PIL import Image

from pipeline.engine.errors import StickerworksError
from schemas.config import Config
from stickerworks.cli.configuration import load_config
from stickerworks.cli.keeping import RECORD, differing, keep_settings, record, save_config
from stickerworks.cli.main import app


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that a person works in, with a configuration of their own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stickerworks.yaml").write_text("tags: {step: 2}\nworkspace: mine\n")
    return tmp_path


def config(*overrides: str) -> Config:
    return load_config(None, overrides)


def test_kept_settings_hold_for_later_commands_and_go_beyond_the_configuration(here: Path) -> None:
    said = keep_settings(["tags.clusters=7", "filter.rules.entropy.min=null"], here / "mine")
    assert said.endswith("mine/stickerworks.yaml: tags.clusters, filter.rules.entropy.min")
    for later in (config(), load_config(None, [], here / "mine")):
        assert (later.tags.clusters, later.tags.step) == (7, 2)
        assert later.filter.rules["entropy"].min is None
        assert later.workspace == "mine"
    assert config("tags.clusters=9").tags.clusters == 9
    assert load_config(None, [], here / "other").tags.clusters is None
    keep_settings(["tags.seeds=4"], here / "mine")
    assert (config().tags.seeds, config().tags.clusters) == (4, 7)


def test_kept_settings_stand_in_the_file_that_a_run_wrote(here: Path) -> None:
    save_config(config("release.name=cats"), here / "mine")
    keep_settings(["tags.clusters=7"], here / "mine")
    later = load_config(None, [], here / "mine")
    assert (later.release.name, later.tags.clusters) == ("cats", 7)
    text = (here / "mine/stickerworks.yaml").read_text()
    assert "overwritten" not in text
    save_config(later, here / "mine")
    assert (here / "mine/stickerworks.yaml").read_text() == text


def test_how_a_bucket_is_reached_is_not_kept_in_it(here: Path) -> None:
    said = keep_settings(["storage.allow_http=true", "tags.clusters=7"], here / "mine")
    assert said.endswith("mine/stickerworks.yaml: tags.clusters")
    assert "storage" not in (here / "mine/stickerworks.yaml").read_text()
    assert "nothing" in keep_settings(["storage.allow_http=true"], here / "mine")


def test_a_kept_file_is_private_since_options_may_be_secret(here: Path) -> None:
    keep_settings(["annotate.options.api_key=sk-1"], here / "mine")
    assert stat.S_IMODE((here / "mine/stickerworks.yaml").stat().st_mode) == 0o600


def test_a_file_of_ones_own_is_not_written_to(here: Path) -> None:
    with pytest.raises(StickerworksError, match=r"your own.*tags\.clusters"):
        keep_settings(["tags.clusters=7"], here)
    assert (here / "stickerworks.yaml").read_text().startswith("tags: {step: 2}")


@pytest.mark.parametrize(
    "override",
    ["label.server=/bin/sh", "label={server: x}", "label.url=https://x.example", "workspace=x",
     "annotate.options.base_url=https://x.example/v1",
     "annotate.options={base_url: 'https://x.example'}"],
)  # fmt: skip
def test_a_workspace_keeps_no_programs_and_no_servers(here: Path, override: str) -> None:
    with pytest.raises(StickerworksError, match="can't be kept"):
        keep_settings([override], here / "mine")
    assert not (here / "mine").exists()


def test_settings_other_than_the_last_times_are_named_by_the_commands_that_they_decide(
    here: Path,
) -> None:
    (here / "mine").mkdir()
    assert differing("tags", config("tags.clusters=7"), here / "mine") == []
    record("tags", config("tags.clusters=7"), here / "mine")
    record("merge", config(), here / "mine")
    assert differing("tags", config("tags.clusters=7"), here / "mine") == []
    for command in ("tags", "run", "release"):
        assert differing(command, config(), here / "mine") == ["tags.clusters"]
    for command in ("filter", "merge", "split", "validate", "report"):
        assert differing(command, config(), here / "mine") == []


def test_how_work_is_done_is_no_other_setting(here: Path) -> None:
    (here / "mine").mkdir()
    record("crawl", config(), here / "mine")
    slower = config("crawl.delay_s=1", "crawl.timeout_s=9", "engine.workers=1")
    assert differing("crawl", slower, here / "mine") == []
    assert differing("crawl", config("crawl.max_bytes=9"), here / "mine") == ["crawl.max_bytes"]


def test_the_record_holds_no_values(here: Path) -> None:
    (here / "mine").mkdir()
    secret = config("annotate.options.api_key=sk-1")
    record("annotate", secret, here / "mine")
    assert "sk-1" not in (here / "mine" / RECORD).read_text()
    assert stat.S_IMODE((here / "mine" / RECORD).stat().st_mode) == 0o600
    other = config("annotate.options.api_key=sk-2")
    assert differing("annotate", other, here / "mine") == ["annotate.options.api_key"]


@pytest.mark.parametrize("content", ["", "[1]", "{", "[" * 100_000])
def test_a_spoilt_record_is_none(here: Path, content: str) -> None:
    (here / "mine").mkdir()
    (here / "mine" / RECORD).write_text(content)
    assert differing("run", config(), here / "mine") == []


def test_a_kept_setting_that_hides_the_configurations_is_told(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_settings(["tags.step=5", "tags.clusters=7"], here / "mine")
    app(args=["--dry-run", "crawl"], standalone_mode=False)
    assert "tags.step: as kept in mine/stickerworks.yaml" in capsys.readouterr().err.splitlines()


def test_one_line_says_what_differs_and_keep_keeps(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "pictures").mkdir()
    Image.effect_noise((64, 64), 90).save(here / "pictures/a.png")
    folder = f"crawl.sources=[{{source: folder, options: {{path: {here / 'pictures'}}}}}]"

    def crawled(*options: str) -> list[str]:
        app(args=[*options, "crawl"], standalone_mode=False)
        return [one for one in capsys.readouterr().err.splitlines() if one[0] != " "]

    differs = "Set otherwise than the last time: crawl.max_bytes. "
    assert not any(one.startswith("Set") for one in crawled("--set", folder))
    last = crawled("--set", folder, "--set", "crawl.max_bytes=99999", "--keep")
    assert last[0].endswith("mine/stickerworks.yaml: crawl.sources, crawl.max_bytes")
    assert last[1].startswith(differs)
    assert not any(one.startswith(("Set", "Kept")) for one in crawled())
