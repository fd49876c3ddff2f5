from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.demo.annotators import ANNOTATORS, cast_ballots, match_concepts, simulation
from pipeline.demo.concepts import BY_NAME, CONCEPTS
from pipeline.demo.expected import TRUTH_FILE, DrawnSticker
from pipeline.engine.errors import StickerworksError
from schemas.config import Config
from schemas.questions import SHIPPED
from schemas.tables import CLUSTERS, DECISIONS, QUESTIONS, STICKERS, TAGSET, VOTES

TAGS = tuple(f"tag-{concept.english}" for concept in CONCEPTS)


@dataclass(frozen=True)
class Shards:
    """Tables in memory: sticker tables by shard, global ones under None."""

    tables: dict[tuple[str, int | None], pa.Table]
    parts: tuple[int, ...]

    def read(self, table, part=None, columns=None):
        found = self.tables[table, part]
        return found if columns is None else found.select(columns)


def clusters_of(assignment):
    rows = [{"keyword": word, "cluster": number} for word, number in assignment.items()]
    return pa.Table.from_pylist(rows, schema=CLUSTERS.schema)


def tagset_of(names):
    rows = [{"tag": name, "clusters": [n], "version": "v1"} for n, name in enumerate(names)]
    return pa.Table.from_pylist(rows, schema=TAGSET.schema)


def concept_clusters():
    return clusters_of(
        {word: number for number, concept in enumerate(CONCEPTS) for word in concept.keywords}
    )


def shards(stickers, dropped=()):
    half = (len(stickers) + 1) // 2
    tables = {("tagset", None): tagset_of(TAGS), ("clusters", None): concept_clusters()}
    for part, rows in enumerate((stickers[:half], stickers[half:])):
        ids = [{"id": row.sha256} for row in rows]
        outcomes = [
            {"id": row.sha256, "kept": row.sha256 not in dropped, "outcome": "kept"} for row in rows
        ]
        tables["stickers", part] = pa.Table.from_pylist(ids, schema=STICKERS.schema)
        tables["decisions", part] = pa.Table.from_pylist(outcomes, schema=DECISIONS.schema)
    return Shards(tables, (0, 1))


@pytest.fixture(scope="module")
def kept(collection):
    rows = {row.sha256: row for row in collection.stickers if row.expected == "kept"}
    return list(rows.values())


def vote(collection, reader):
    step = simulation(collection.folder / TRUTH_FILE)
    (name, part, table), asked = step.run(reader, step.settings(Config()))
    assert (name, part, step.writes) == ("votes", None, ("votes", "questions"))
    assert asked[:2] == ("questions", None)
    assert asked[2].schema.equals(QUESTIONS.schema)
    assert asked[2]["name"].to_pylist() == ["emotion"]
    assert table.schema.equals(VOTES.schema)
    return table


def statuses(votes):
    """The rule of StickerTAG, section 3.2, counted by hand."""
    latest = defaultdict(dict)
    for row in sorted(votes.to_pylist(), key=lambda row: row["sequence"]):
        latest[row["id"]][row["annotator"]] = row
    found = {}
    for sticker, rows in latest.items():
        valid = [row for row in rows.values() if not row["skipped"]]
        counts = Counter(tag for row in valid for tag in row["tags"])
        agreed = sorted(tag for tag, count in counts.items() if count >= 2)
        if len(rows) - len(valid) >= 2:
            found[sticker] = ("rejected", [])
        elif agreed:
            found[sticker] = ("effective", agreed)
        else:
            found[sticker] = ("adjudicate" if len(valid) == 3 else "insufficient", [])
    return found


def test_most_stickers_end_effective_with_their_true_tags_and_a_few_do_not(collection, kept):
    found = statuses(vote(collection, shards(kept)))
    counts = Counter(status for status, _ in found.values())
    assert counts.total() == len(kept)
    assert counts["effective"] > 0.9 * len(kept)
    for status in ("adjudicate", "insufficient", "rejected"):
        assert 1 <= counts[status] <= 20
    right = sum(
        tags == sorted(f"tag-{BY_NAME[name].english}" for name in row.tags)
        for row in kept
        if (tags := found[row.sha256][1])
    )
    assert 0.9 * counts["effective"] < right < counts["effective"]


def test_votes_are_marked_simulated_and_numbered_in_order(collection, kept):
    votes = vote(collection, shards(kept))
    assert set(votes["origin"].to_pylist()) == {"simulated"}
    assert set(votes["simulated"].to_pylist()) == {True}
    assert votes["sequence"].to_pylist() == list(range(votes.num_rows))
    assert set(votes["tagset"].to_pylist()) == {"v1"}
    assert set(votes["annotator"].to_pylist()) == set(ANNOTATORS)
    skips = votes["skipped"].to_pylist()
    assert 0.01 < sum(skips) / len(skips) < 0.06
    for row in votes.to_pylist():
        assert (row["tags"] == []) == row["skipped"]
        assert (row["domain"] is None) == row["skipped"]


def test_some_vote_twice_and_domains_are_mostly_right(collection, kept):
    votes = vote(collection, shards(kept)).to_pylist()
    pairs = Counter((row["id"], row["annotator"]) for row in votes)
    assert 5 <= sum(count > 1 for count in pairs.values()) <= 80
    true = {row.sha256: row.domain for row in kept}
    share = [row["domain"] == true[row["id"]] for row in votes if row["domain"]]
    assert 0.85 < sum(share) / len(share) < 1


def test_everybody_says_what_is_felt_and_is_mostly_right(collection, kept):
    votes = vote(collection, shards(kept)).to_pylist()
    true = {row.sha256: BY_NAME[row.tags[0]].emotion for row in kept}
    given = [(row["id"], row["answers"]) for row in votes if not row["skipped"]]
    assert all([one["question"] for one in answers] == ["emotion"] for _, answers in given)
    assert all(row["answers"] == [] for row in votes if row["skipped"])
    right = [answers[0]["values"] == [true[sticker]] for sticker, answers in given]
    assert 0.8 < sum(right) / len(right) < 0.9
    said = {answers[0]["values"][0] for _, answers in given}
    assert said == set(SHIPPED["emotion"].values)


def test_votes_do_not_depend_on_other_stickers(collection, kept):
    def ballots(votes):
        columns = ["id", "annotator", "tags", "domain", "caption", "skipped", "lead_time_s"]
        rows = defaultdict(list)
        for row in votes.select(columns).to_pylist():
            rows[row["id"]].append(row)
        return rows

    everyone = ballots(vote(collection, shards(kept)))
    few = ballots(vote(collection, shards(kept[40:9:-1])))
    assert len(few) == 31
    assert all(everyone[sticker] == rows for sticker, rows in few.items())


def test_dropped_stickers_get_no_votes(collection, kept):
    dropped = {row.sha256 for row in kept[:7]}
    votes = vote(collection, shards(kept[:20], dropped))
    assert set(votes["id"].to_pylist()) == {row.sha256 for row in kept[7:20]}


def test_a_sticker_that_was_not_drawn_is_an_error(collection, kept):
    stranger = replace(kept[0], sha256="f" * 64)
    with pytest.raises(StickerworksError, match="f{64}"):
        vote(collection, shards([stranger]))


def test_the_fingerprint_covers_the_truth_file(tmp_path):
    path = tmp_path / TRUTH_FILE
    path.write_text("one\n")
    first = simulation(path).settings(Config())
    path.write_text("two\n")
    assert simulation(path).settings(Config()) != first
    path.unlink()
    with pytest.raises(StickerworksError, match="make demo"):
        simulation(path).settings(Config())


def test_a_concept_takes_the_tag_that_holds_most_of_its_phrases():
    happy, cry = CONCEPTS[0], CONCEPTS[1]
    assignment = dict.fromkeys(happy.keywords[:6], 1)
    assignment |= dict.fromkeys(happy.keywords[6:], 0)
    assignment |= {cry.keywords[0].upper(): 2, cry.keywords[1]: None, "又一个词": 0}
    matched = match_concepts(clusters_of(assignment), tagset_of(("a", "b", "c")))
    assert matched == {happy.name: "b", cry.name: "c"}


def test_without_a_tag_set_there_are_votes_without_tags(collection, kept):
    reader = shards(kept[:3])
    reader.tables["tagset", None] = TAGSET.schema.empty_table()
    reader.tables["clusters", None] = CLUSTERS.schema.empty_table()
    votes = vote(collection, reader)
    assert set(map(tuple, votes["tags"].to_pylist())) == {()}


@settings(max_examples=60, deadline=None)
@given(
    st.text("0123456789abcdef", min_size=64, max_size=64),
    st.sets(st.sampled_from(TAGS), max_size=3),
    st.sets(st.sampled_from(TAGS)),
    st.sampled_from(["real", "cartoon"]),
)
def test_ballots_are_well_formed_and_repeatable(sha, true, names, domain):
    sticker = DrawnSticker("a/b", "a", "b", "ordinary", sha256=sha, tags=("猫咪",), domain=domain)
    known = tuple(sorted(true | names))
    ballots = cast_ballots(sticker, tuple(sorted(true)), known)
    assert ballots == cast_ballots(sticker, tuple(sorted(true)), known)
    assert list(dict.fromkeys(ballot.annotator for ballot in ballots)) == list(ANNOTATORS)
    for ballot in ballots:
        if ballot.tags is not None:
            assert set(ballot.tags) <= set(known)
            assert list(ballot.tags) == sorted(set(ballot.tags))
            assert ballot.domain in ("real", "cartoon")
            assert ballot.lead_time_s > 0
