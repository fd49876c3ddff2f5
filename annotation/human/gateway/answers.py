"""Answers that the gateway gives in Label Studio's place, and what it takes out of its answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from annotation.human.gateway.decisions import Decision
from annotation.human.gateway.visitors import Visitor

_VIEW = {
    "title": "Default",
    "type": "list",
    "target": "tasks",
    "ordering": [],
    "filters": {"conjunction": "and", "items": []},
    "hiddenColumns": {"explore": [], "labeling": []},
}
NEXT_TASK = {
    "ordering": [],
    "selectedItems": {"all": False, "included": []},
    "filters": {"conjunction": "and", "items": []},
}
# What tasks tell of everybody who answered them.
_OF_OTHERS: dict[str, Any] = {
    "annotators": [],
    "annotations_results": "",
    "annotations_ids": "",
    "updated_by": [],
    "comment_authors": [],
    "comments": "",
    "completed_at": None,
    "ground_truth": False,
}


def in_its_place(decision: Decision, visitor: Visitor) -> Any:
    """What the labelling screen needs to hear where Label Studio would tell more."""
    me = {"id": visitor.user, "email": visitor.account, "first_name": "", "last_name": ""}
    me |= {"username": visitor.account, "initials": visitor.account[:2], "avatar": None}
    empty: dict[str, Any] = {"count": 0, "next": None, "previous": None, "results": []}
    view = {"id": decision.project, "project": decision.project, "user": visitor.user}
    return {
        "hotkeys": {"custom_hotkeys": {}},
        "tour": {},
        "tips": {},
        "projects": empty,
        "ml": [],
        "users": [me],
        "views": [{**view, "order": 0, "selected_items": None, "data": _VIEW}],
        "labels": empty,
        "tasks": {"tasks": [], "total": 0, "total_annotations": 0, "total_predictions": 0},
    }[decision.rule]


def only_theirs(said: Any, visitor: Visitor) -> Any:
    """A task, a list of answers or one answer, without what others gave."""
    if isinstance(said, list):
        return [row for row in said if isinstance(row, Mapping) and is_theirs(row, visitor)]
    if not isinstance(said, Mapping):
        return None
    if "completed_by" in said or ("user" in said and "task" in said):
        return said if is_theirs(said, visitor) else None
    kept = dict(said)
    if isinstance(kept.get("columns"), list):  # some list everybody's numbers
        kept["columns"] = [row for row in kept["columns"] if row.get("id") not in _OF_OTHERS]
    for name in ("annotations", "drafts"):
        if isinstance(kept.get(name), list):
            kept[name] = [row for row in kept[name] if is_theirs(row, visitor)]
    return kept | {name: nothing for name, nothing in _OF_OTHERS.items() if name in kept}


def is_theirs(row: Mapping[str, Any], visitor: Visitor) -> bool:
    """Whether an annotation or a draft was given by that user."""
    by = row.get("completed_by", row.get("user"))
    if isinstance(by, Mapping):
        by = by.get("id")
    return by == visitor.user or (isinstance(by, str) and by.casefold() == visitor.account)
