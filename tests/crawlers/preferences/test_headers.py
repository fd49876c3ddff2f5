from __future__ import annotations

import pytest

from crawlers.preferences.headers import HeaderPreferences

AGENT = "stickerworks/0.1 (+mail@example.com)"


def preferences(**headers: str | list[str]) -> HeaderPreferences:
    """Preferences in these headers (``X_Robots_Tag`` stands for ``X-Robots-Tag``)."""
    given = {
        name.replace("_", "-"): [values] if isinstance(values, str) else values
        for name, values in headers.items()
    }
    return HeaderPreferences.of(lambda name: [v.encode("latin-1") for v in given.get(name, [])])


@pytest.mark.parametrize(
    "tags",
    [
        ["noai"],
        ["NoImageAI"],
        ["noml"],
        ["noarchive", "noimageindex"],
        ["noarchive, noimageai"],
        ["all", "noai"],
        ["none"],
        ["stickerworks: noai"],
        ["*: noai"],
        ["unavailable_after: 25 Jun 2030, noai"],
        ["unavailable_after: Wednesday, 03-Apr-2013 12:00:00 GMT, noindex"],
        ["max-snippet:-1, noai"],
        ["max-video-preview: -1, noimageai"],
        ["max-image-preview:large, noai"],
        ["noarchive, foo: bar, noai"],
        ["stickerworks: max-snippet: -1, noai"],
        ["googlebot: noarchive, stickerworks: noai"],
        ["googlebot: noarchive, *: noindex"],
    ],
)
def test_directives_that_forbid(tags: list[str]) -> None:
    assert preferences(X_Robots_Tag=tags).refusal(AGENT) is not None


@pytest.mark.parametrize(
    "tags",
    [
        [],
        ["all"],
        ["nofollow, nosnippet"],
        ["googlebot: noai, noindex"],
        ["noairs"],
        ["otherbot: max-snippet: -1, noai"],
        ["me@example.com: noai"],
    ],
)
def test_directives_that_do_not(tags: list[str]) -> None:
    assert preferences(X_Robots_Tag=tags).refusal(AGENT) is None


def test_a_reservation_of_text_and_data_mining_forbids() -> None:
    assert preferences(TDM_Reservation=" 1 ").refusal(AGENT) == "tdm-reservation 1"
    assert preferences(TDM_Reservation=["0", "1"]).refusal(AGENT) == "tdm-reservation 1"
    assert preferences(TDM_Reservation="0", TDM_Policy="https://a.example/p").refusal(AGENT) is None


@pytest.mark.parametrize(
    ("usage", "refusal"),
    [
        ("train-ai=n", "content-usage train-ai=n"),
        ("search=y, train-ai=n;because=copyright", "content-usage train-ai=n"),
        (["search=y", "train-ai=n"], "content-usage train-ai=n"),
        (["train-ai=n", "train-ai=y"], None),
        ("train-genai=n", "content-usage train-genai=n"),
        ("train-ai=y, search=n, infer-user=n", None),
        ("train-ai, train-ai=?0", None),
        ("Train-AI=n", None),
        ("train-ai=n,", None),
    ],
)
def test_uses_that_are_not_wanted(usage: str | list[str], refusal: str | None) -> None:
    assert preferences(Content_Usage=usage).refusal(AGENT) == refusal


def test_what_was_sent_is_kept_as_it_is_but_for_secrets() -> None:
    sent = preferences(
        X_Robots_Tag=["otherbot: noai", "ALL"],
        TDM_Reservation="2",
        TDM_Policy="https://user:pass@a.example/p?api_key=abcdef&v=1",
        Content_Usage="knitting=n,  train-ai=maybe",
    )
    assert sent.refusal(AGENT) is None
    assert sent.columns() == {
        "x_robots_tag": "otherbot: noai, ALL",
        "tdm_reservation": "2",
        "tdm_policy": "https://a.example/p?v=1",
        "content_usage": "knitting=n, train-ai=maybe",
    }
    assert set(preferences().columns().values()) == {None}
