"""A bad configuration gets one line that names the key and the remedy."""

from __future__ import annotations

import re
from itertools import pairwise
from math import inf
from pathlib import Path

import pytest

from pipeline.engine.errors import StickerworksError
from schemas.config import Config, profile_rules
from stickerworks.cli.configuration import load_config
from stickerworks.cli.keeping import save_config

ROOT = Path(__file__).parents[3]


def load(tmp_path, text, *overrides):
    file = tmp_path / "s.yaml"
    file.write_text(text, encoding="utf-8")
    return load_config(file, overrides)


def test_an_empty_file_is_the_default(tmp_path):
    assert load(tmp_path, "") == Config()


def test_the_shipped_file_is_valid():
    config = load_config(ROOT / "stickerworks.yaml", [])
    assert [(s.source, s.limit) for s in config.crawl.sources] == [("chinesebqb", 500)]


def test_overrides_win_key_by_key(tmp_path):
    text = "filter: {rules: {aspect: {max: 2}, entropy: {min: 1}}}"
    config = load(tmp_path, text, "filter.rules.aspect.max=3", "workspace=elsewhere")
    assert config.filter.rules["aspect"].max == 3
    assert config.filter.rules["entropy"].min == 1
    assert config.workspace == "elsewhere"


def test_naming_one_rule_leaves_the_others_as_they_are(tmp_path):
    config = load(tmp_path, "", "filter.rules.aspect.max=3", "filter.rules.entropy.min=null")
    assert config.filter.rules["min_side"] == Config().filter.rules["min_side"]
    assert config.filter.rules["entropy"].min is None
    both = load(tmp_path, "", "filter.rules.aspect.min=1").filter.rules["aspect"]
    assert (both.min, both.max) == (1, Config().filter.rules["aspect"].max)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("filtre: {}", r"unknown key filtre \(did you mean filter\?\)"),
        (
            "filter: {decode: {max_pixel: 3}}",
            r"filter\.decode\.max_pixel \(did you mean max_pixels",
        ),
        ("merge: {zzz: 3}", r"unknown key merge\.zzz\. Known keys: annotators, agree\."),
        ("crawl: {sources: [{source: a, limt: 3}]}", r"unknown key crawl\.sources\.0\.limt"),
        ("engine: {workers: many}", r"engine\.workers: should be a valid integer.*'many'"),
        ("engine: {workers: -1}", r"engine\.workers: should be greater than or equal to 0, not -1"),
        (
            "filter: {rules: {aspect: {min: 3, max: 2}}}",
            r"filter\.rules\.aspect: min 3\.0 is above",
        ),
        ("split: {train: 0.5}", "must add up to 1"),
        ("merge: {agree: 4}", "no tag could ever be effective"),
        ("filter: {rules: {entropy: {min: .nan}}}", r"filter\.rules\.entropy\.min.*finite"),
        ("crawl: {sources: []}", r"crawl\.sources"),
        ('crawl: {user_agent: "a/1\\r\\nCookie: x"}', r"crawl\.user_agent"),
        ("release: {version: one}", r"release\.version: .*not 'one'"),
        ("release: {name: ../../etc}", r"release\.name"),
        ("release: {version: 0.0." + "1" * 300 + "}", r"release\.version"),
        ("release: {name: " + "n" * 101 + "}", r"release\.name"),
        ("merge: {agree: 2}\nmerge: {agree: 3}", "'merge' stands twice"),
        ("- a\n- b", "must hold keys and values"),
        ("a: [", "no valid YAML"),
    ],
)
def test_a_bad_file_is_explained_in_one_line(tmp_path, text, message):
    with pytest.raises(StickerworksError, match=message) as caught:
        load(tmp_path, text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_every_problem_is_named_at_once(tmp_path):
    with pytest.raises(StickerworksError) as caught:
        load(tmp_path, "filtre: {}\nengine: {workers: -1}")
    assert "filtre" in str(caught.value)
    assert "engine.workers" in str(caught.value)


@pytest.mark.parametrize("override", ["workspace", "=3", "a..b=3", "filter.rules.aspect.max=[,"])
def test_a_bad_override_is_explained(tmp_path, override):
    with pytest.raises(StickerworksError, match="--set"):
        load(tmp_path, "", override)


def test_a_missing_file_is_explained(tmp_path):
    with pytest.raises(StickerworksError, match="There is no configuration file"):
        load_config(tmp_path / "none.yaml", [])


def test_a_workspace_brings_its_own_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stickerworks.yaml").write_text("release: {name: here}")
    made = load(tmp_path, "release: {name: there}", "filter.rules.aspect.max=2")
    save_config(made, tmp_path / "w")
    assert load_config(None, [], tmp_path / "w") == made
    assert load_config(None, [], tmp_path / "other").release.name == "here"
    assert load_config(tmp_path / "s.yaml", [], tmp_path / "w").release.name == "there"
    assert load_config(None, []).release.name == "here"


def test_a_file_of_ones_own_is_never_replaced(tmp_path):
    (tmp_path / "stickerworks.yaml").write_text("# mine\nworkspace: .\n")
    save_config(Config(), tmp_path)
    assert (tmp_path / "stickerworks.yaml").read_text() == "# mine\nworkspace: .\n"


def test_two_keys_that_share_a_mapping_are_set_apart(tmp_path):
    text = "filter: {rules: {aspect: &both {max: 2}, entropy: *both}}"
    rules = load(tmp_path, text, "filter.rules.aspect.max=3").filter.rules
    assert (rules["aspect"].max, rules["entropy"].max) == (3, 2)


def test_an_empty_section_has_its_defaults(tmp_path):
    assert load(tmp_path, "release:\ncrawl:\n") == Config()


def test_named_bounds_go_beyond_the_profiles(tmp_path):
    config = load(tmp_path, "filter: {profile: vsd2m}", "filter.rules.aspect.max=3").filter
    assert (config.rules["aspect"].max, config.rules["entropy"].min) == (3, 2)
    assert config.rules["ocr_length"].max == 20
    off = load(tmp_path, "filter: {profile: strict}", "filter.rules.aspect.max=null").filter
    assert (off.rules["aspect"].max, off.rules["min_side"].min) == (None, 64)


def test_a_stricter_profile_keeps_nothing_that_a_looser_one_drops():
    looser = [profile_rules(name) for name in ("default", "vsd2m", "strict")]
    for one, other in pairwise(looser):
        assert one.keys() == other.keys()
        for name, rule in one.items():
            assert (other[name].min or 0) >= (rule.min or 0), name
            assert (other[name].max or inf) <= (rule.max or inf), name


def test_an_unknown_profile_is_one_clear_line(tmp_path):
    with pytest.raises(StickerworksError) as raised:
        load(tmp_path, "filter: {profile: vsd3m}")
    assert re.search(
        r"filter\.profile: should be 'default', 'vsd2m' or 'strict', not 'vsd3m'\. It is: bounds",
        str(raised.value),
    )


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"profile": "strict"},
        {"rules": {"aspect": {"max": None}}},
        {"profile": "vsd2m", "rules": {"aspect": {"max": 2.5}, "transparency": {"max": 0.9}}},
    ],
)
def test_what_is_saved_names_what_differs_from_the_profile_and_means_the_same(given):
    config = Config.model_validate({"filter": given})
    saved = config.model_dump(mode="json", exclude_defaults=True)
    assert Config.model_validate(saved) == config
    assert saved.get("filter", {}).get("rules", {}) == given.get("rules", {})


@pytest.mark.parametrize(
    ("given", "shares"),
    [
        ((), (0.8, 0.1, 0.1)),
        (("split.ratio=7:1:2",), (0.7, 0.1, 0.2)),
        (("split.ratio=6:2:2", "split.test=0.2"), (0.6, 0.2, 0.2)),
        (("split.train=0.7", "split.validation=0.2"), (0.7, 0.2, 0.1)),
        (("split.ratio=9:0:1",), (0.9, 0.0, 0.1)),
    ],
)
def test_the_splits_have_a_ratio_or_shares(
    given: tuple[str, ...], shares: tuple[float, ...], tmp_path: Path
) -> None:
    found = load_config(None, given, tmp_path).split
    assert tuple(found.shares.values()) == pytest.approx(shares)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("split.ratio=8:1:1", "split.train=0.7"), "8:1:1 makes train 0.8, but train says 0.7"),
        (("split.ratio=8:1",), "three whole numbers"),
        (("split.ratio=0:0:0",), "three whole numbers"),
        (("split.ratio=811",), "split.ratio"),
        (("split.train=0.9",), "add up to 1"),
    ],
)
def test_a_ratio_that_makes_no_sense_is_one_line(
    given: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    with pytest.raises(StickerworksError, match=words):
        load_config(None, given, tmp_path)
