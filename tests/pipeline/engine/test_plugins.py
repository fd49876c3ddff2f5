"""Plugins are found by entry point; an unknown one is answered with the known."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import pytest

from pipeline.engine.errors import StickerworksError
from pipeline.engine.plugins import (
    GROUPS,
    PluginError,
    load_plugin,
    plugin_faults,
    plugin_names,
)
from pipeline.filter.rules.rule import Rule


def test_ours_are_registered():
    assert {"chinesebqb", "folder"} <= set(plugin_names("sources"))
    assert {"min_side", "aspect", "entropy", "ocr_length"} <= set(plugin_names("rules"))


@pytest.mark.parametrize("group", GROUPS)
def test_every_registered_plugin_loads(group):
    for name in plugin_names(group):
        assert load_plugin(group, name, object) is not None


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(StickerworksError, match="no rule called 'blur'.*aspect, entropy"):
        load_plugin("rules", "blur", Rule)


BROKEN = {
    "syntax": ("def measure(frames:\n", "can't be loaded: SyntaxError: '(' was never closed"),
    "library": ("import no_such_library.part\n", "ModuleNotFoundError: No module named 'no_such"),
    "attribute": ("MEASURE = None\n", "has no attribute 'ATTRIBUTE'"),
    "kind": ("KIND = lambda frames: 1.0\n", "is a function, and no Rule"),
    "class": ("class CLASS:\n    pass\n", "is the class CLASS, and no Rule"),
    "own": ("import strange_rules.part\n", "No module named 'strange_rules.part'"),
    "file": ("open('/no/such/weights')\n", "FileNotFoundError: [Errno 2] No such file"),
    "raises": ("FOO = {}['bar']\n", "can't be loaded: KeyError: 'bar'"),
    "renamed": (
        "from stickerworks.plugins import Rule\n"
        "RENAMED = Rule('other', (), lambda tables: [], unit='', doc='')\n",
        "calls itself 'other'",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_is_named_with_its_distribution_and_a_remedy(stranger, name):
    code, told = BROKEN[name]
    stranger("rules", code, {name: name.upper()})
    with pytest.raises(PluginError) as caught:
        load_plugin("rules", name, Rule)
    assert caught.value.message.startswith(f"The rule {name!r} of strange 1.0 ")
    assert told in caught.value.message
    assert caught.value.remedy
    assert "\n" not in str(caught.value)
    remedies = {"library": "Install no_such_library", "own": "Its entry point is strange_rules:OWN"}
    remedies["attribute"] = "Its entry point is strange_rules:ATTRIBUTE"
    assert remedies.get(name, "") in caught.value.remedy


def test_two_distributions_that_bring_one_name_are_both_named(stranger):
    code = "from stickerworks.plugins import Rule\nR = Rule('same', (), None, unit='', doc='')\n"
    for distribution in ("mine", "yours"):
        stranger("rules", code, {"same": "R"}, distribution)
    with pytest.raises(PluginError, match=r"mine 1\.0, yours 1\.0.*Uninstall all but one"):
        load_plugin("rules", "same", Rule)


def test_a_protocol_is_checked_by_what_it_asks_for(stranger):
    @runtime_checkable
    class Named(Protocol):
        name: str

        def fit(self) -> None: ...

    stranger("rules", "class Half:\n    name = 'half'\nHALF = Half()\n", {"half": "HALF"})
    with pytest.raises(PluginError, match=r"is a Half, and no Named \(it lacks fit\)"):
        load_plugin("rules", "half", Named)


def test_faults_are_told_with_their_cause_and_errors_for_people_pass():
    with (
        pytest.raises(
            PluginError, match=r"'aspect' of stickerworks .* failed here: KeyError"
        ) as caught,
        plugin_faults("rules", "aspect", "here"),
    ):
        raise KeyError("x")
    assert isinstance(caught.value.__cause__, KeyError)
    with (
        pytest.raises(StickerworksError, match="^for people$"),
        plugin_faults("rules", "aspect", ""),
    ):
        raise StickerworksError("for people")


@pytest.mark.parametrize(
    "code", ["def f(:\n", "import no_such_library\n", "import sys\nsys.exit(0)\n"]
)
@pytest.mark.parametrize("group", GROUPS)
def test_a_module_that_fails_is_told_in_every_group(stranger, group, code):
    stranger(group, code, {"broken": "BROKEN"})
    with pytest.raises(
        PluginError, match=f"{GROUPS[group]} 'broken' of strange 1.0 can't be loaded"
    ):
        load_plugin(group, "broken", object)


def test_secrets_in_what_a_plugin_raises_are_not_told():
    with (
        pytest.raises(PluginError, match="401 for") as caught,
        plugin_faults("rules", "aspect", "here"),
    ):
        raise OSError("401 for https://host/list?token=abc123SECRET and https://me:pw@host/")
    assert "SECRET" not in str(caught.value)
    assert "me:pw" not in str(caught.value)
