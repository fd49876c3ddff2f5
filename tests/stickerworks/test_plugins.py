"""The face: every name is there, and none loads what it doesn't need."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pipeline.engine.plugins import GROUPS, load_plugin, plugin_names
from stickerworks import plugins


def test_every_name_is_there() -> None:
    for name in plugins.__all__:
        assert getattr(plugins, name) is not None
    with pytest.raises(AttributeError, match="has no Sticker; it has .*Measure"):
        _ = plugins.Sticker


def test_ours_are_what_their_group_asks_for() -> None:
    assert set(plugins.KINDS) == set(GROUPS)
    for group, kind in plugins.KINDS.items():
        for name in plugin_names(group):
            load_plugin(group, name, getattr(plugins, kind))


@pytest.mark.parametrize(
    ("names", "spared"),
    [
        ("Measure, Rule, StickerFrames", ("torch", "scrapy", "transformers")),
        ("Source, Observation, LocalFile", ("torch", "scrapy")),
        ("Captioner, Caption, OcrBackend", ("torch", "scrapy")),
    ],
)
def test_a_plugin_loads_no_more_than_it_names(names: str, spared: tuple[str, ...]) -> None:
    code = f"import sys; from stickerworks.plugins import {names}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(spared) & set(done.stdout.split())
