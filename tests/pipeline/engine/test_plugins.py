"""Plugins are found by entry point; an unknown one is answered with the known."""

from __future__ import annotations

import pytest

from pipeline.engine.errors import StickerworksError
from pipeline.engine.plugins import GROUPS, load_plugin, plugin_names
from pipeline.filter.rules.rule import Rule


def test_ours_are_registered():
    assert {"chinesebqb", "folder"} <= set(plugin_names("sources"))
    assert {"min_side", "aspect", "entropy", "ocr_length"} <= set(plugin_names("rules"))


@pytest.mark.parametrize("group", GROUPS)
def test_every_registered_plugin_loads(group):
    for name in plugin_names(group):
        assert load_plugin(group, name, object) is not None


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(StickerworksError, match="no rules plugin called 'blur'.*aspect, entropy"):
        load_plugin("rules", "blur", Rule)
