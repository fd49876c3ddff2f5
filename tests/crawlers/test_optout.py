from __future__ import annotations

import pytest

from crawlers.optout import opt_out

AGENT = "stickerworks/0.1 (+mail@example.com)"


@pytest.mark.parametrize(
    "tags",
    [
        ["noai"],
        ["NoImageAI"],
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
    assert opt_out(tags, "", AGENT) is not None


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
    assert opt_out(tags, "", AGENT) is None


def test_a_reservation_of_text_and_data_mining_forbids() -> None:
    assert opt_out([], "1", AGENT) == "tdm-reservation"
    assert opt_out([], "0", AGENT) is None
