"""The prompt sets that we ship, and what is wrong with files that aren't ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from annotation.machine.descriptions import LANGUAGES, SOURCES
from annotation.machine.prompt_set import SHIPPED, PromptSet, load_prompt_set
from pipeline.datasets.ser30k import EMOTIONS
from pipeline.engine.errors import StickerworksError
from schemas.config import AnnotateConfig
from schemas.tables import DESCRIPTION_FIELDS

NAMES = sorted(path.stem for path in SHIPPED.glob("*.yaml"))
OURS = [load_prompt_set(name) for name in NAMES]


def test_all_four_are_asked_unless_told_otherwise() -> None:
    assert sorted(AnnotateConfig().prompts) == NAMES


@pytest.mark.parametrize("prompts", OURS, ids=NAMES)
def test_ours_are_named_like_their_file_and_say_where_they_come_from(prompts: PromptSet) -> None:
    assert load_prompt_set(prompts.name) is prompts
    assert prompts.title == f"{prompts.name}/{prompts.version}"
    assert len(prompts.source) > 50


@pytest.mark.parametrize("prompts", OURS, ids=NAMES)
def test_ours_can_be_asked_in_each_of_their_languages(prompts: PromptSet) -> None:
    for turn in prompts.turns:
        assert set(turn.prompt) >= set(prompts.spoken(("en", "zh")))
        for text in turn.prompt.values():
            assert text == " ".join(text.split(" "))
            assert len(text) < 500


def test_ours_begin_alike_so_that_servers_look_at_the_pictures_once() -> None:
    assert len({prompts.system for prompts in OURS}) == 1
    assert not any(prompts.turns[0].alone for prompts in OURS)


def test_the_summary_is_asked_for_in_the_words_of_the_paper() -> None:
    prompt = load_prompt_set("vsd2m").turns[-1].prompt["en"]
    assert prompt.startswith("Summarize the following text from both static and dynamic features")
    assert prompt.endswith("\n{description}")


def test_emotions_are_those_of_ser30k() -> None:
    spec = load_prompt_set("sticker820k").turns[0].fields["emotion"]
    assert sorted(spec.classes) == sorted(EMOTIONS.values())


def test_every_column_of_descriptions_has_a_writer() -> None:
    written = {
        f"{prompts.name} {name}"
        for prompts in OURS
        for turn in prompts.turns
        for name in turn.fields
    }
    fields = {one.split()[1] for one in written}
    for column, _ in DESCRIPTION_FIELDS:
        field, _, ending = column.rpartition("_")
        name = field if ending in LANGUAGES else column
        assert name in fields | set(SOURCES)
        assert name not in SOURCES or written & set(SOURCES[name])


def test_every_source_of_a_column_exists() -> None:
    for sources in SOURCES.values():
        for source in sources:
            writer, _, name = source.rpartition(" ")
            sets = [prompts for prompts in OURS if writer in ("", prompts.name)]
            known = {field for one in sets for turn in one.turns for field in turn.fields}
            assert writer == "template" or name in known


def sound() -> dict[str, Any]:
    return {
        "name": "mine",
        "version": 3,
        "source": "me",
        "turns": [
            {"name": "one", "prompt": {"en": "What?"}, "fields": {"what": {"kind": "text"}}},
            {
                "name": "two",
                "alone": True,
                "prompt": {"en": "Shorter: {what}"},
                "fields": {"short": {"kind": "text"}},
            },
        ],
    }


def saved(folder: Path, content: Any) -> str:
    path = folder / f"mine{len(list(folder.iterdir()))}.yaml"
    path.write_bytes(content if isinstance(content, bytes) else yaml.safe_dump(content).encode())
    return str(path)


def test_a_file_of_one_s_own_is_known_by_its_digest(tmp_path: Path) -> None:
    content = sound()
    first = load_prompt_set(saved(tmp_path, content))
    content["turns"][0]["prompt"]["en"] = "What else?"
    second = load_prompt_set(saved(tmp_path, content))
    assert first.title.startswith("mine/3 sha256:")
    assert first.title != second.title


def changed(turn: int, **change: Any) -> dict[str, Any]:
    content = sound()
    content["turns"][turn] |= change
    return content


WRONG: dict[str, tuple[Any, str]] = {
    "an unknown key": (sound() | {"extra": 1}, "extra"),
    "no turns": (sound() | {"turns": []}, "turns"),
    "a name with a slash": (sound() | {"name": "a/b"}, "name"),
    "a place that nothing fills": (changed(0, prompt={"en": "{short}"}), "needs short"),
    "a condition that nothing fills": (changed(0, when={"short": "x"}), "needs short"),
    "two turns of one name": (changed(1, name="one"), "same name"),
    "the same field twice": (changed(1, fields={"what": {"kind": "text"}}), "again"),
    "a class without classes": (changed(0, fields={"a": {"kind": "class"}}), "classes"),
    "a class twice": (
        changed(0, fields={"what": {"kind": "class", "classes": ["A b", "a-b"]}}),
        "twice",
    ),
    "a nameless class": (
        changed(0, fields={"what": {"kind": "class", "classes": ["!"]}}),
        "without a letter",
    ),
    "two fields of one key": (
        changed(0, fields={"what": {"kind": "text"}, "b": {"kind": "text", "key": "What"}}),
        "same key",
    ),
    "an odd field": (changed(0, fields={"a b": {"kind": "text"}}), "'a b'"),
    "an empty prompt": (changed(0, prompt={"en": " "}), "empty"),
    "no English prompt": (changed(0, prompt={"zh": "什么"}), "no prompt"),
    "another language": (changed(0, prompt={"en": "What?", "fr": "Quoi?"}), "fr"),
    "an answer to what isn't asked": (changed(0, otherwise={"short": "x"}), "otherwise"),
    "yes without quotes": (changed(1, when={"what": True}), "string"),
    "no mapping": ([1, 2], "mapping"),
    "no YAML": (b"{", "can't be used"),
    "no text": (b"\xff\xfe\x00", "can't be used"),
    "too large": (b"#" * 100_001, "larger"),
    "too deep": (b"[" * 50_000, "deep"),
    "itself": (b"&a [*a]", "refers to itself"),
    "code": (b"!!python/object/apply:os.system ['true']", "can't be used"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, wrong: str) -> None:
    content, said = WRONG[wrong]
    with pytest.raises(StickerworksError, match=said) as raised:
        load_prompt_set(saved(tmp_path, content))
    assert "mine" in str(raised.value)


def test_aliases_of_aliases_don_t_blow_up(tmp_path: Path) -> None:
    lines = ["a0: &a0 {x: 1}"] + [
        f"a{n}: &a{n} {{{', '.join(f'k{k}: *a{n - 1}' for k in range(9))}}}" for n in range(1, 30)
    ]
    with pytest.raises(StickerworksError):
        load_prompt_set(saved(tmp_path, ("\n".join(lines) + "\nturns: *a29").encode()))


@pytest.mark.parametrize(
    "name", ["vsd3m", "", "no/such.yaml", "~nobody/x.yaml", "a\0b.yaml", "/dev"]
)
def test_a_set_that_isn_t_there_is_said(name: str) -> None:
    with pytest.raises(StickerworksError):
        load_prompt_set(name)


def test_a_device_without_an_end_is_not_read() -> None:
    with pytest.raises(StickerworksError, match="no regular file"):
        load_prompt_set("/dev/zero")
