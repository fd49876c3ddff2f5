from __future__ import annotations

import json

import pytest

from crawlers.observation import Observation, columns_of, is_cut, key_of, too_long

LONG = "a" * 1_000_000


@pytest.mark.parametrize(
    ("field", "name", "most"),
    [
        ("source_id", "id", 4096),
        ("query", "query", 2000),
        ("variant", "variant", 2000),
        ("media_url", "address", 8000),
    ],
)
def test_what_tells_observations_apart_is_refused_when_it_is_too_long(
    field: str, name: str, most: int
) -> None:
    def observation(length: int) -> Observation:
        return Observation(**({"source_id": "x"} | {field: "a" * length}))  # type: ignore[arg-type]

    assert too_long(observation(most)) is None
    reason = f"its {name} has {most + 1} characters, more than {most}"
    assert too_long(observation(most + 1)) == reason


def test_two_long_ids_or_queries_stay_two() -> None:
    observations = [
        Observation(LONG + "1", query=LONG + "1"),
        Observation(LONG + "2", query=LONG + "1"),
        Observation(LONG + "1", query=LONG + "2"),
    ]
    keys = {key_of("web", observation) for observation in observations}
    assert len(keys) == 3
    assert max(len(key.source_id) for key in keys) == 4096
    assert max(len(key.query) for key in keys) == 2000


def test_no_observation_fills_the_ledger() -> None:
    texts = ("pack_id", "pack_title", "author", "title", "licence", "licence_basis")
    addresses = ("page_url", "licence_url", "media_url")
    said: dict[str, object] = dict.fromkeys((*texts, *addresses), LONG)
    observation = Observation("x", tags=(LONG,) * 200, raw={"x": LONG}, **said)  # type: ignore[arg-type]
    columns = columns_of(observation)
    assert len(json.dumps(columns)) < 50_000
    assert all(columns[name].endswith("…") for name in texts if name != "pack_id")
    assert is_cut(observation, columns)


@pytest.mark.parametrize(
    "said",
    [
        {"title": LONG},
        {"tags": ("a",) * 101},
        {"tags": (LONG,)},
        {"page_url": "https://h/" + LONG},
        {"raw": {"x": LONG}},
    ],
)
def test_what_is_cut_is_noticed(said: dict[str, object]) -> None:
    whole = Observation("x", title="a", tags=("b",), page_url="https://h/", raw={"x": "y"})
    assert not is_cut(whole, columns_of(whole))
    cut = Observation("x", **said)  # type: ignore[arg-type]
    assert is_cut(cut, columns_of(cut))
