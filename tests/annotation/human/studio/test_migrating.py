"""Another tag set: a draft that decides nothing, a look that tells what comes, and the way back."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from voted_stickers import ask, content_of, write_rows, write_stickers, write_tagset

from annotation.human.agreement import AGREEMENT
from annotation.human.merge import MERGE
from annotation.human.migration_preview import MigrationPreview
from annotation.human.studio.changes_file import DraftedTag, draft_text
from annotation.human.studio.drafting import draft_changes
from annotation.human.studio.frozen import finish, migrations, unfinished
from annotation.human.studio.ledger import open_ledger
from annotation.human.studio.migrating import (
    apply_migration,
    plan_migration,
    plan_undo,
    preview_migration,
    preview_undo,
    undo_migration,
)
from annotation.human.studio.tables import write_answers, write_asked
from pipeline.engine.errors import StickerworksError
from pipeline.engine.runner import run
from pipeline.engine.workspace import Workspace
from schemas.config import Config
from stickerworks.cli import label_migrate
from stickerworks.cli.display import LogDisplay, make_console
from stickerworks.cli.main import app

VOTES: dict[str, Any] = {
    "s1": [["笑"], ["笑"], ["哭"]],
    "s2": [["笑"], ["哭"], ["泪"]],
    "s3": [["狗"], ["狗"], []],
    "s4": [["便"], ["便", "笑"], None],
    "s5": [["乐"], ["便"], ["哭"]],
    "s6": [None, None, ["笑"]],
    "s7": [["笑", "乐"]],
}
DECISIONS = {"s2": ["泪"], "s5": ["便"]}
TAGS = ("笑", "哭", "泪", "狗", "便", "乐")
TABLES_OF_ALL = ("ballot", "tag_changes", "tasks", "votes", "adjudications", "labels", "agreement")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Six tags were exported, and voted for; s9 waits."""
    made = Workspace(tmp_path)
    write_stickers(made, [*VOTES, "s8", "s9"])
    write_tagset(made, "v1", TAGS)
    ask(tmp_path, VOTES, DECISIONS, left="s9")
    renew(made)
    return made


def renew(workspace: Workspace) -> None:
    with open_ledger(workspace.root) as ledger:
        write_answers(workspace, ledger, Config().label)
    merge(workspace)
    run(AGREEMENT, workspace, Config(), LogDisplay(make_console()))


def merge(workspace: Workspace) -> None:
    with open_ledger(workspace.root) as ledger:
        write_asked(workspace, ledger)
        finish(ledger)
    run(MERGE, workspace, Config(), LogDisplay(make_console()))


def changes(workspace: Workspace, becomes: dict[str, Any], name: str = "changes.yaml") -> Path:
    """A file that says what became of tags, for the ballot and the tag set of now."""
    with open_ledger(workspace.root) as ledger:
        ballot = ledger.ballot()
    assert ballot is not None
    version = workspace.read("tagset")["version"][0].as_py()
    path = workspace.root / name
    held = {"ballot": ballot.version, "tagset": version, "tags": becomes}
    path.write_text(yaml.safe_dump(held, allow_unicode=True), encoding="utf-8")
    return path


def migrate(
    workspace: Workspace, path: Path, again: Callable[[Workspace], None] = renew
) -> MigrationPreview:
    """Apply a file; what was foretold has come true."""
    with open_ledger(workspace.root) as ledger:
        planned = plan_migration(workspace, ledger, path)
        found, labels = preview_migration(workspace, ledger, Config(), planned)
        apply_migration(workspace, ledger, planned, "lead")
    again(workspace)
    assert workspace.read("labels").equals(labels)
    return found


def undo(workspace: Workspace, again: Callable[[Workspace], None] = renew) -> MigrationPreview:
    with open_ledger(workspace.root) as ledger:
        newest = plan_undo(ledger)
        found, labels = preview_undo(workspace, ledger, Config(), newest)
        undo_migration(ledger, newest, "lead")
    again(workspace)
    assert workspace.read("labels").equals(labels)
    return found


def everything(workspace: Workspace) -> dict[str, Any]:
    files = {name: workspace.path(name, part(name)).read_bytes() for name in TABLES_OF_ALL}
    with open_ledger(workspace.root) as ledger:
        return {name: sha256(data).hexdigest() for name, data in files.items()} | content_of(ledger)


def part(name: str) -> int | None:
    return 0 if name == "labels" else None


def test_all_four_kinds_are_foretold_and_taken_back_to_the_byte(workspace: Workspace) -> None:
    votes = workspace.read("votes")
    write_tagset(workspace, "v2", ("大笑", "微笑", "哭", "犬", "乐"))
    renew(workspace)
    before = everything(workspace)
    path = changes(workspace, {"笑": ["大笑", "微笑"], "泪": "哭", "狗": "犬", "便": []})
    found = migrate(workspace, path)
    assert workspace.read("votes").equals(votes)
    assert found.before == {
        "effective": 5, "rejected": 1, "adjudicate": 0, "insufficient": 1, "unlabelled": 2,
        "dropped": 0,
    }  # fmt: skip
    # The decision about s5 said nothing but what was dropped: it is to be decided again.
    moves = {(m.before, m.after): m.stickers for m in found.moves if m.before != m.after}
    assert moves == {("effective", "insufficient"): 1, ("effective", "adjudicate"): 1}
    assert {kind.kind: kind.tags for kind in found.kinds} == dict.fromkeys(
        ("rename", "merge", "split", "drop"), 1
    )
    split = next(kind for kind in found.kinds if kind.kind == "split")
    assert (split.votes, split.gained, split.lost, split.stickers) == (6, 2, 1, 1)
    labels = {row["id"]: row for row in workspace.read("labels").to_pylist()}
    assert labels["s1"]["tags"] == ["大笑", "微笑"]
    assert labels["s2"]["tags"] == ["哭"]
    assert labels["s5"]["status"] == "adjudicate"
    back = undo(workspace)
    assert (back.before, back.after) == (found.after, found.before)
    assert everything(workspace) == before
    with open_ledger(workspace.root) as ledger:
        (made,) = migrations(ledger)
        assert made.content == path.read_text(encoding="utf-8")
        assert (made.applied_by, made.undone_by) == ("lead", "lead")
        with pytest.raises(StickerworksError, match="no migration to undo"):
            plan_undo(ledger)


LETTERS = ("a", "b", "c", "d")
TAG_SETS = st.sets(st.sampled_from(LETTERS), min_size=1)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[tuple[str, ...], dict[str, list[str]]]]:
    """Tag sets that follow each other: chains, swaps, drops that come back, splits then merges."""
    known = draw(TAG_SETS)
    found: list[tuple[tuple[str, ...], dict[str, list[str]]]] = [(tuple(sorted(known)), {})]
    for _ in range(draw(st.integers(1, 3))):
        after = draw(TAG_SETS.filter(lambda tags, before=known: tags != before))
        becomes = st.lists(st.sampled_from(sorted(after)), unique=True, max_size=2)
        gone = {tag: draw(becomes) for tag in sorted(known - after)}
        also = {tag: draw(becomes) for tag in sorted(known & after) if draw(st.booleans())}
        found.append((tuple(sorted(after)), gone | also))
        known = after
    return found


@settings(
    max_examples=5,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(histories(), st.data())
def test_any_history_is_foretold_carries_votes_over_step_by_step_and_is_undone(
    tmp_path_factory: pytest.TempPathFactory, history: Any, data: st.DataObject
) -> None:
    workspace = Workspace(tmp_path_factory.mktemp("history"))
    given_tags = st.lists(st.sampled_from(history[0][0]), unique=True)
    votes = {f"s{n}": data.draw(st.lists(given_tags, min_size=3, max_size=3)) for n in range(3)}
    write_stickers(workspace, list(votes))
    write_tagset(workspace, "0", history[0][0])
    ask(workspace.root, votes, {})
    renew(workspace)
    states = []
    for number, (tags, becomes) in enumerate(history[1:], 1):
        # The same tags make the same version, as the hash of them does.
        write_tagset(workspace, "".join(tags), tags)
        states.append(said_of(workspace))
        migrate(workspace, changes(workspace, becomes, f"{number}.yaml"), merge)
        votes = {
            key: [sorted({new for tag in vote for new in becomes.get(tag, [tag])}) for vote in cast]
            for key, cast in votes.items()
        }
    rows = {row["id"]: row for row in workspace.read("labels").to_pylist()}
    for key, cast in votes.items():
        counts = {tag: sum(tag in vote for vote in cast) for tag in LETTERS}
        assert (rows[key]["tags"] or []) == [tag for tag in LETTERS if counts[tag] >= 2]
    for state in reversed(states):
        undo(workspace, merge)
        assert said_of(workspace) == state


def said_of(workspace: Workspace) -> dict[str, Any]:
    """What the ledger and the tables of a migration say; votes are never written anew."""
    rows = {n: workspace.read(n).to_pylist() for n in ("ballot", "tag_changes", "labels")}
    with open_ledger(workspace.root) as ledger:
        return rows | content_of(ledger)


ODD = ("a: b", "# x", "null", "? y", "line\nbreak", "[]", "1", "x" * 200, "w " * 90 + "w", "\x07")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), unique=True))
def test_a_draft_can_be_read_back_whatever_the_tags_are(tags: list[str]) -> None:
    tags = [*dict.fromkeys((*ODD, *tags))]
    drafted = [DraftedTag(tag, tags[0] if n % 2 else None, tag) for n, tag in enumerate(tags)]
    held = yaml.safe_load(draft_text("1e5", "no", drafted))
    assert held == {
        "ballot": "1e5",
        "tagset": "no",
        "tags": {line.tag: line.becomes for line in drafted},
    }
    assert list(held["tags"]) == tags


def test_what_people_named_is_filled_in_and_all_else_left_blank(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    write_stickers(workspace, list(VOTES))
    old = ("笑", "哭", "泪", "狗", "便", "乐")
    write_tagset(workspace, "p1", [{"tag": t, "clusters": [n]} for n, t in enumerate(old)])
    clusters = [{"keyword": f"{tag}{n}", "key": f"c{c}"} for c, tag in enumerate(old) for n in "ab"]
    write_rows(workspace, "clusters", clusters)
    ask(tmp_path, VOTES, {})
    renew(workspace)
    # 笑 is called 大笑 now, 泪 was merged into 哭, 便 was dropped, the names of 狗 and 乐 swapped.
    ids = {"t001": ("大笑", ["c0"]), "t002": ("哭", ["c1", "c2"]), "t003": ("乐", ["c3"]),
           "t004": ("狗", ["c5"])}  # fmt: skip
    write_named(workspace, 1, "p1", "n1", ids, dropped=["c4"])
    lines = drafted_lines(workspace, tmp_path / "draft.yaml")
    assert {tag: line.becomes for tag, line in lines.items()} == {
        "笑": "大笑", "泪": "哭", "便": None, "狗": "乐", "乐": "狗",
    }  # fmt: skip
    assert "6 votes, 1 label. So named by people: it is t001 now." in lines["笑"].remark
    assert "Dropped when the tags were named" in lines["便"].remark
    with open_ledger(tmp_path) as ledger:
        with pytest.raises(StickerworksError, match=r"leaves blank .*: ?便 \(line \d+\)|便 \(line"):
            plan_migration(workspace, ledger, tmp_path / "draft.yaml")
        assert ledger.tag_changes() == []
    text = (tmp_path / "draft.yaml").read_text(encoding="utf-8").replace("便:", "便: []")
    (tmp_path / "draft.yaml").write_text(text, encoding="utf-8")
    migrate(workspace, tmp_path / "draft.yaml")
    # A second naming: t002 goes into t001, and t004 has another name.
    later = {"t001": ("大笑", ["t001", "t002"]), "t003": ("乐", ["t003"]), "t004": ("犬", ["t004"])}
    write_named(workspace, 2, "p2", "n2", later, dropped=[])
    lines = drafted_lines(workspace, tmp_path / "second.yaml")
    assert {tag: line.becomes for tag, line in lines.items()} == {"哭": "大笑", "狗": "犬"}
    migrate(workspace, tmp_path / "second.yaml")
    undo(workspace)


def write_named(
    workspace: Workspace,
    number: int,
    basis: str,
    version: str,
    ids: dict[str, tuple[str, list[str]]],
    dropped: list[str],
) -> None:
    """A frozen tag set, added to those before it."""
    rows = workspace.read("named_tags").to_pylist()
    rows += [
        {"number": number, "basis": basis, "version": version, "id": id_, "tag": tag, "keys": keys}
        for id_, (tag, keys) in ids.items()
    ]
    write_rows(workspace, "named_tags", rows)
    naming = workspace.read("naming").to_pylist()
    naming += [{"number": number, "key": key, "decision": "drop"} for key in dropped]
    write_rows(workspace, "naming", naming)
    tags = [{"tag": tag, "id": id_, "named": True} for id_, (tag, _) in ids.items()]
    write_tagset(workspace, version, tags)


def drafted_lines(workspace: Workspace, path: Path) -> dict[str, DraftedTag]:
    with open_ledger(workspace.root) as ledger:
        drafted = draft_changes(workspace, ledger, path)
    held = yaml.safe_load(path.read_text(encoding="utf-8"))["tags"]
    assert held == {line.tag: line.becomes for line in drafted}
    return {line.tag: line for line in drafted}


def test_a_blank_says_where_its_keywords_went_and_which_names_are_near(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    write_tagset(workspace, "p1", [{"tag": "便", "clusters": [0]}, {"tag": "哈", "clusters": [1]}])
    write_rows(workspace, "clusters", [{"keyword": f"便{n}", "key": "c0"} for n in range(5)])
    ask(tmp_path, {}, {})
    write_tagset(
        workspace,
        "p2",
        [{"tag": "大便", "clusters": [7]}, {"tag": "狂笑", "clusters": [8], "aliases": ["哈"]}],
    )
    where = [{"keyword": f"便{n}", "key": "c8" if n == 4 else "c7"} for n in range(1, 5)]
    write_rows(workspace, "clusters", where)
    lines = drafted_lines(workspace, tmp_path / "draft.yaml")
    assert lines["便"].becomes is lines["哈"].becomes is None
    assert "Of its 5 keywords 3 went to 大便, 1 went to 狂笑." in lines["便"].remark
    assert "Also a name of 狂笑." in lines["哈"].remark
    with open_ledger(tmp_path) as ledger:
        with pytest.raises(StickerworksError, match="exists already"):
            draft_changes(workspace, ledger, tmp_path / "draft.yaml")
        assert b"\xe4\xbe\xbf0" not in ledger.path.read_bytes(), "keywords are known by hashes"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{狗: [], 便: []}", r"doesn't say what became of 哭 \(line"),
        ("{哭: 大哭, 狗: '', 便: []}", r"leaves blank what became of 狗 \(line 3\)"),
        ("{哭: 大哭, 狗: [大哭, ''], 便: []}", r"leaves blank what became of 狗"),
        ("{哭: 大哭, 狗: [], 便: [], 笑: }", "leaves blank what became of 笑"),
        ("{哭: 大哭, 狗: 猫, 便: []}", r"aren't in the tag set \('猫'\).* 狗 \(line 3\)"),
        ("{哭: 大哭, 狗: [], 便: [], 鸟: []}", "were never exported: 鸟"),
        ("[哭]", "tags is no mapping"),
        ("{哭: {a: b}, 狗: []}", r"line 3: '哭' becomes .* no tag or list of tags"),
        ("{哭: 大哭, 狗: [no]}", "no tag or list of tags"),
        ("{哭: 大哭, 哭: 狗}", "stands twice"),
        ("{", "Could not read"),
    ],
)
def test_a_file_that_does_not_say_it_is_refused(workspace: Workspace, text: str, said: str) -> None:
    write_tagset(workspace, "v2", ("笑", "大哭", "泪", "乐"))
    path = workspace.root / "changes.yaml"
    path.write_text(f"ballot: v1\ntagset: v2\ntags: {text}\n", encoding="utf-8")
    with open_ledger(workspace.root) as ledger:
        with pytest.raises(StickerworksError, match=said):
            plan_migration(workspace, ledger, path)
        assert ledger.tag_changes() == []


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("ballot: v0\ntagset: v2", "is for the ballot 'v0', and the one in use is 'v1'"),
        ("ballot: v1\ntagset: v3", "is for the tag set 'v3', and the one in use is 'v2'"),
        ("tagset: v2", "doesn't have the keys ballot, tagset, tags"),
    ],
)
def test_a_file_for_another_ballot_or_tag_set_is_refused(
    workspace: Workspace, head: str, said: str
) -> None:
    write_tagset(workspace, "v2", ("大哭",))
    path = workspace.root / "changes.yaml"
    path.write_text(f"{head}\ntags: {{}}\n", encoding="utf-8")
    with open_ledger(workspace.root) as ledger, pytest.raises(StickerworksError, match=said):
        plan_migration(workspace, ledger, path)


def test_there_is_nothing_to_migrate_while_the_tags_are_the_same(workspace: Workspace) -> None:
    write_tagset(workspace, "v2", TAGS)
    with open_ledger(workspace.root) as ledger:
        with pytest.raises(StickerworksError, match="nothing to migrate"):
            plan_migration(workspace, ledger, workspace.root / "changes.yaml")
        with pytest.raises(StickerworksError, match="nothing to migrate"):
            draft_changes(workspace, ledger, workspace.root / "changes.yaml")


def test_what_was_answered_since_is_not_undone(workspace: Workspace) -> None:
    write_tagset(workspace, "v2", ("笑",))
    migrate(workspace, changes(workspace, {tag: [] for tag in TAGS[1:]}))
    ask(workspace.root, {"s8": [["笑"], ["笑"]]}, {})
    with (
        open_ledger(workspace.root) as ledger,
        pytest.raises(StickerworksError, match=r"1 tasks .* 2 votes and 0 decisions.*other way"),
    ):
        plan_undo(ledger)


def label(workspace: Workspace, *words: str) -> int:
    first = [word for word in words if word in ("--dry-run", "--json")]
    others = [word for word in words if word not in first]
    arguments = ["--workspace", str(workspace.root), *first, "label", *others]
    return int(app(args=arguments, standalone_mode=False) or 0)


def test_the_commands_look_first_and_change_nothing_until_told(
    workspace: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    write_tagset(workspace, "v2", ("笑", "哭", "泪", "犬"))
    workspace.path("decisions", 0).unlink()
    renew(workspace)
    before = everything(workspace)
    draft = workspace.root / "draft.yaml"
    label(workspace, "migrate", str(draft), "--draft")
    with pytest.raises(StickerworksError, match="leaves blank what became of"):
        label(workspace, "migrate", str(draft))
    text = draft.read_text(encoding="utf-8")
    for tag, new in {"狗": "犬", "便": "[]", "乐": "笑"}.items():
        text = text.replace(f"  {tag}:\n", f"  {tag}: {new}\n")
    draft.write_text(text, encoding="utf-8")
    capfd.readouterr()
    label(workspace, "migrate", str(draft), "--dry-run", "--json")
    out, err = capfd.readouterr()
    told = json.loads(out)["preview"]
    assert everything(workspace) == before
    assert "effective -> insufficient: 1" in err
    label(workspace, "migrate", str(draft), "--by", "Lin")
    labels = workspace.read("labels")["status"].to_pylist()
    assert told["after"]["effective"] == labels.count("effective")
    label(workspace, "migrate", "--undo")
    assert everything(workspace) == before


class KilledError(Exception):
    """The process ends here."""


def test_the_command_repeated_after_a_kill_finishes_what_was_begun_and_no_more(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def kill(last: str, *command: str) -> str:
        with monkeypatch.context() as patched:
            patched.setattr(label_migrate, last, killed)
            with pytest.raises(KilledError):
                label(workspace, *command)
        capfd.readouterr()
        label(workspace, *command, "--dry-run")
        assert "without --dry-run finishes it" in " ".join(capfd.readouterr().err.split())
        assert label(workspace, *command) == 0
        return " ".join(capfd.readouterr().err.split())

    def killed(*_: object) -> None:
        raise KilledError

    workspace.path("decisions", 0).unlink()
    states = [everything(workspace)]
    rounds = (("大笑", "merge_answers"), ("狂笑", "write_ledger"))
    for number, (name, last) in enumerate(rounds, 1):
        tags = (name, *TAGS[1:])
        write_tagset(workspace, f"v{number + 1}", tags)
        renew(workspace)
        states.append(everything(workspace))
        old = workspace.read("ballot")["tag"].to_pylist()
        gone = {tag: name for tag in old if tag not in tags}
        said = kill(last, "migrate", str(changes(workspace, gone, f"{number}.yaml")))
        assert f"Applying migration {number}, from ballot" in said
        assert sorted(workspace.read("ballot")["tag"].to_pylist()) == sorted(tags)
    said = kill("write_ledger", "migrate", "--undo")
    assert "Undoing migration 2, from ballot v2 to v3" in said
    assert everything(workspace) == states[2]
    assert label(workspace, "migrate", "--undo") == 0
    assert workspace.read("ballot")["version"][0].as_py() == "v1"


def test_another_command_after_a_kill_finishes_that_and_goes_on(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KilledError

    workspace.path("decisions", 0).unlink()
    write_tagset(workspace, "v2", ("大笑", *TAGS[1:]))
    renew(workspace)
    before = everything(workspace)
    with monkeypatch.context() as patched:
        patched.setattr(label_migrate, "write_ledger", killed)
        with pytest.raises(KilledError):
            label(workspace, "migrate", str(changes(workspace, {"笑": "大笑"})))
    assert label(workspace, "migrate", "--undo") == 0
    assert everything(workspace) == before
    with open_ledger(workspace.root) as ledger:
        assert unfinished(ledger) is None
