import csv
import logging
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.engine.errors import StickerworksError
from pipeline.engine.storage import digest_rows
from pipeline.engine.workspace import Workspace
from pipeline.tags.stages import KEYWORDS, PLAN
from schemas.config import Config, TagsConfig

CAPTIONS = Path(__file__).parents[4] / "shared/keywords/sticker_captions.tsv"

Build = Callable[[list[list[dict[str, Any]]]], Workspace]
Run = Callable[..., Workspace]


def observation(
    id_: str, query: str | None, title: str | None = None, **more: Any
) -> dict[str, Any]:
    return {"id": id_, "query": query, "title": title, **more}


def few(clusters: int | None = None) -> Config:
    return Config(tags=TagsConfig(clusters=clusters, max_clusters=12, seeds=2))


SHARDS = [
    [
        observation("a", "打工人", "打工人上班"),
        observation("a", "打工人", "打工人加油"),
        observation("b", "猫", "猫睡觉"),
        observation("c", "狗", "狗跳舞", kept=False),
    ],
    [
        observation("d", "猫", tags=["猫"]),
        observation("e", "的", "0001.gif"),
        observation("f", "打工人"),
    ],
]


def test_keywords_of_kept_stickers_are_segmented_and_counted(stickers: Build, run: Run) -> None:
    workspace = run(stickers(SHARDS), (KEYWORDS,), few())
    rows = {row["keyword"]: row for row in workspace.read("keywords").to_pylist()}
    assert set(rows) == {"打工人", "打工人上班", "打工人加油", "猫", "猫睡觉", "的"}
    assert rows["打工人上班"]["tokens"] == ["打工人", "上班"]
    assert rows["的"]["tokens"] == []
    assert {k: rows[k]["stickers"] for k in ("打工人", "猫", "猫睡觉")} == {
        "打工人": 2,
        "猫": 2,
        "猫睡觉": 1,
    }


def test_every_sticker_gets_a_row_and_the_tags_of_its_keywords(stickers: Build, run: Run) -> None:
    workspace = run(stickers(SHARDS), PLAN, few(clusters=2))
    tagset = workspace.read("tagset").to_pylist()
    assert {row["tag"]: row["stickers"] for row in tagset} == {"打工人": 2, "猫": 2}
    assert {row["tag"]: row["keywords"] for row in tagset} == {"打工人": 3, "猫": 2}
    rows = workspace.read("suggestions").to_pylist()
    assert {row["id"]: row["tags"] for row in rows} == {
        "a": ["打工人"],
        "b": ["猫"],
        "c": [],
        "d": ["猫"],
        "e": [],
        "f": ["打工人"],
    }
    assert {row["tagset"] for row in rows} == {tagset[0]["version"]}
    assert workspace.read("suggestions", 1)["id"].to_pylist() == ["d", "e", "f"]
    unclustered = [
        r["keyword"] for r in workspace.read("clusters").to_pylist() if r["cluster"] is None
    ]
    assert unclustered == ["的"]


def test_an_oversized_cluster_suggests_nothing(stickers: Build, run: Run) -> None:
    # A word that half of the keywords share, and topics of two keywords each.
    shared = [observation(f"s{n}", f"猫 only{n}x 猫 猫") for n in range(40)]
    tight = [
        observation(f"t{n}{m}", f"topic{n}x {'again ' * m}") for n in range(19) for m in (0, 1)
    ]
    workspace = run(stickers([shared + tight]), PLAN, Config(tags=TagsConfig(clusters=20)))
    flags = {row["clusters"][0]: row["flags"] for row in workspace.read("tagset").to_pylist()}
    oversized = [cluster for cluster, found in flags.items() if "oversized" in found]
    assert len(oversized) == 1
    cluster_of = {r["keyword"]: r["cluster"] for r in workspace.read("clusters").to_pylist()}
    suggested = {row["id"]: row["tags"] for row in workspace.read("suggestions").to_pylist()}
    in_it = {r["id"] for r in shared + tight if cluster_of[r["query"].strip()] in oversized}
    assert 20 < len(in_it) < len(suggested)
    assert not any(suggested[id_] for id_ in in_it)
    # Of the others, those that say the word that their cluster is called by.
    others = [bool(tags) for id_, tags in suggested.items() if id_ not in in_it]
    assert others.count(True) > 0.8 * len(others)


@pytest.mark.parametrize(
    "shards",
    [
        [],
        [[observation("a", None, "0001.gif")]],
        [[observation("a", "的"), observation("b", "我们")]],
        [[observation("a", "猫", kept=False)]],
        [[observation("a", "猫")]],
        [[observation("a", "猫"), observation("b", "狗")], [observation("c", "鸟")]],
    ],
)
def test_small_workspaces_run_through(
    stickers: Build, run: Run, shards: list[list[dict[str, Any]]]
) -> None:
    workspace = run(stickers(shards), PLAN, few())
    ids = [row["id"] for shard in shards for row in shard]
    assert workspace.read("suggestions")["id"].to_pylist() == ids
    tagged = [row for row in workspace.read("clusters").to_pylist() if row["cluster"] is not None]
    assert len(workspace.read("tagset")) == len({row["cluster"] for row in tagged})


def test_the_order_of_observations_changes_no_byte(
    stickers: Build, run: Run, tmp_path: Path
) -> None:
    rng = random.Random(0)
    rows = [
        observation(f"{n:03d}", f"词{rng.randrange(8)}", f"猫{rng.choice('吃喝睡跑')}")
        for n in range(60)
    ]
    digests = []
    for _ in range(2):
        workspace = run(stickers([rows]), PLAN, few())
        names = ("keywords", "clusters", "elbow", "tagset")
        digests.append([digest_rows(workspace.read(name)) for name in names])
        rng.shuffle(rows)
    assert digests[0] == digests[1]


def test_a_user_dictionary_changes_the_settings_with_its_words(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("栓柱\n", encoding="utf-8")
    config = Config(tags=TagsConfig(user_dictionary=str(path)))
    before = KEYWORDS.settings(config)
    assert "栓柱" in before.words
    path.write_text("铁柱\n", encoding="utf-8")
    assert KEYWORDS.settings(config) != before
    path.unlink()
    with pytest.raises(StickerworksError, match=r"mine\.txt"):
        KEYWORDS.settings(config)


def test_real_captions_give_tags_that_people_know(
    stickers: Build, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    if not CAPTIONS.exists():
        pytest.skip(f"{CAPTIONS} is not here: the real captions are not part of the project")
    with CAPTIONS.open(encoding="utf-8") as file:
        captions = list(csv.DictReader(file, delimiter="\t"))
    rows = [observation(f"{n:04d}", c["pack"], c["caption"]) for n, c in enumerate(captions)]
    with caplog.at_level(logging.INFO):
        quick = TagsConfig(seeds=1, max_clusters=600, coarse_step=50, step=25)
        workspace = run(stickers([rows]), PLAN, Config(tags=quick))
    chosen = [row for row in workspace.read("elbow").to_pylist() if row["chosen"]]
    assert len(chosen) == 1
    assert not chosen[0]["clear"]
    assert "No clear elbow" in caplog.text
    tags = set(workspace.read("tagset")["tag"].to_pylist())
    assert {"富婆", "大佬", "撤回", "程序员", "咸鱼", "格局"} <= tags
