from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.preferences.paths import PathPattern, target_of
from crawlers.preferences.tdmrep import matching_entry, read_tdmrep

POLICY = [
    {"location": "/directory-b/images/free/", "tdm-reservation": 0},
    {"location": "/directory-a/", "tdm-reservation": 1},
    {"location": "/*.pdf$", "tdm-reservation": "1", "tdm-policy": "https://h.example/p.json"},
    {"location": "/directory-b/images/*.jpg", "tdm-reservation": 1},
]


def refusal(policy: object, path: str) -> str | None:
    entry = matching_entry(read_tdmrep(json.dumps(policy).encode()), f"https://h.example{path}")
    return entry.refusal if entry else None


@pytest.mark.parametrize(
    ("path", "reserved"),
    [
        ("/directory-a/x", True),
        ("/directory-A/x", False),
        ("/x/y.pdf", True),
        ("/x/y.pdf?z", False),
        ("/directory-b/images/a/b.jpg", True),
        ("/directory-b/images/free/b.jpg", False),
        ("/", False),
    ],
)
def test_the_first_entry_that_fits_decides(path: str, reserved: bool) -> None:
    assert refusal(POLICY, path) == ("tdmrep.json tdm-reservation 1" if reserved else None)


def test_the_entry_is_kept_without_secrets_and_strangers() -> None:
    entry = {
        "location": "/",
        "tdm-reservation": 2,
        "tdm-policy": "https://u:p@h.example/p?token=abc",
        "more": ["x"] * 100,
    }
    found = matching_entry(read_tdmrep(json.dumps([entry]).encode()), "https://h.example/a")
    assert found is not None
    assert found.refusal is None
    kept = {"location": "/", "tdm-reservation": 2, "tdm-policy": "https://h.example/p"}
    assert json.loads(found.entry) == kept


@pytest.mark.parametrize("location", ["*", "a/", "https://h.example/a/", "/a/*", "/%61/"])
def test_locations_as_people_write_them(location: str) -> None:
    assert refusal([{"location": location, "tdm-reservation": True}], "/a/b") is not None


GARBAGE = [
    b"", b"<!doctype html>", b"{}", b"null", b"[" * 100_000, b'[{"location": 1}]', b"[[]]", b"\xff",
    b'[{"location": "/", "tdm-reservation": null}]', b'[{"tdm-reservation": 1}]',
    b'[{"location": "/", "tdm-reservation": 1.0}]', b" " * 600_000 + b"[]",
    b'[{"location": "/", "tdm-reservation": ' + b"9" * 5000 + b"}]",
]  # fmt: skip


@pytest.mark.parametrize("place", range(len(GARBAGE)))
def test_garbage_reserves_nothing(place: int) -> None:
    assert read_tdmrep(GARBAGE[place]) == ()


def test_one_senseless_entry_costs_only_itself() -> None:
    assert refusal([None, {"location": []}, POLICY[1]], "/directory-a/x") is not None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["location", "tdm-reservation", "tdm-policy"]), inner, max_size=3
        )
    ),
    max_leaves=12,
)


@given(JSON, st.text(max_size=20))
def test_any_json_and_any_path_are_no_error(policy: object, path: str) -> None:
    rules = read_tdmrep(json.dumps(policy).encode())
    found = matching_entry(rules, f"https://h.example/{path.replace('[', '')}")
    assert found is None or json.loads(found.entry)


@given(st.text(alphabet="/ab*$%2aA?é ", max_size=12), st.text(alphabet="/ab%2Fé", max_size=12))
def test_a_pattern_fits_what_begins_with_it(pattern: str, rest: str) -> None:
    plain = pattern.replace("*", "").replace("$", "").replace("?", "").replace("%", "")
    target = target_of(f"https://h.example/{plain}{rest}")
    assert PathPattern.of(f"/{plain}").matches(target)
    assert PathPattern.of("").matches(target)
    assert not PathPattern.of(f"/{plain}x").matches(target_of(f"https://h.example/{plain}"))
