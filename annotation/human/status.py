"""The state of annotation on a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from annotation.human.answers_status import question_lines
from annotation.human.progress import AnnotationProgress, Annotator
from pipeline.engine.text import one_line

_BATCHES, _REASONS, _TAGS = 20, 8, 6
_NAME = 34


def status_lines(progress: AnnotationProgress) -> Iterator[str]:
    """Lines of plain text, without control characters."""
    if progress.simulated:
        yield f"Simulated votes: {progress.simulated:,}. No person gave them."
        yield ""
    yield from _batches(progress)
    yield from _annotators(progress)
    yield from question_lines(progress.questions)
    yield from _waiting(progress)
    yield from _quarantined(progress)


def _batches(progress: AnnotationProgress) -> Iterator[str]:
    if not progress.batches:
        yield "Nothing was exported for labelling yet: stickerworks label export"
        yield ""
        return
    rows = [("Batch", "stickers", "complete", "gold", "")]
    shown = progress.batches[-_BATCHES:]
    for batch in shown:
        notes = ["blind"] if batch.blind else []
        notes += [f"{batch.rejected:,} settled by skips"] if batch.rejected else []
        notes += [f"{batch.dropped:,} no longer kept"] if batch.dropped else []
        done = f"{batch.complete:,} ({_percent(batch.complete, batch.stickers)})"
        rows.append((batch.name, f"{batch.stickers:,}", done, f"{batch.gold:,}", ", ".join(notes)))
    if len(shown) > 1:
        stickers, complete, gold = (sum(getattr(b, n) for b in progress.batches) for n in _SUMS)
        done = f"{complete:,} ({_percent(complete, stickers)})"
        rows.append(("all", f"{stickers:,}", done, f"{gold:,}", ""))
    yield from _table(rows)
    if len(progress.batches) > _BATCHES:
        yield f"{len(progress.batches) - _BATCHES:,} earlier batches not shown."
    yield ""


def _annotators(progress: AnnotationProgress) -> Iterator[str]:
    rows = [("Annotator", "asked", "votes", "skips", "to do", "quota", "a day", "last vote (UTC)")]
    rows += [_row(one) for one in progress.annotators]
    yield from _table(rows)
    waiting = sum(one.to_do for one in progress.annotators)
    if progress.expected_end is not None:
        yield f"Expected end  about {progress.expected_end}, of what was given out, at this pace"
    elif waiting and progress.batches:
        yield "Expected end  unknown while somebody who is asked hasn't begun"
    yield ""


def _row(one: Annotator) -> tuple[str, str, str, str, str, str, str, str]:
    asked, votes, skips, to_do = (f"{n:,}" for n in (one.asked, one.votes, one.skips, one.to_do))
    quota = "-" if one.quota is None else f"{one.quota:,}"
    pace = "-" if one.pace is None else f"{one.pace:,.{0 if one.pace >= 10 else 1}f}"
    return _called(one), asked, votes, skips, to_do, quota, pace, _said_last(one)


def _called(one: Annotator) -> str:
    return f"{one.called} <{one.name}>" if one.called else one.name


def _said_last(one: Annotator) -> str:
    """When they were last heard of, and what else is to be known of them."""
    notes = [] if one.language in (None, "en") else [f"reads {one.language}"]
    notes += [] if one.listed else ["not listed"]
    notes += [] if one.left_at is None else [f"left {_moment(one.left_at)}"]
    return ", ".join([_moment(one.last_vote), *notes])


def _moment(time: str | None) -> str:
    return (time or "-").replace("T", " ").removesuffix("+00:00")


def _waiting(progress: AnnotationProgress) -> Iterator[str]:
    labels = [f"{status} {count:,}" for status, count in progress.labels.items() if count]
    yield f"Labels        {', '.join(labels) or 'none yet: stickerworks merge'}"
    if progress.unknown_tags:
        counts = list(progress.unknown_tags.items())[:_TAGS]
        shown = [f"{one_line(tag, _NAME)} {count:,}" for tag, count in counts]
        more = len(progress.unknown_tags) - len(shown)
        line = f"Unknown tags  left out, by stickers: {', '.join(shown)}"
        yield line + (f" and {more:,} more tags" if more else "")
    backlog = progress.adjudication
    line = f"Adjudication  {backlog.waiting:,} wait for a decision"
    if backlog.waiting:
        line += f", {backlog.exported:,} of them have a task"
    if backlog.exported < backlog.waiting:
        line += ": stickerworks label adjudicate"
    yield line
    if progress.unassigned:
        yield f"Lack votes    {progress.unassigned:,} can go to others: stickerworks label assign"
    lost = sum(stuck.status == "insufficient" for stuck in progress.stuck)
    line = f"Stuck         {len(progress.stuck):,}"
    if progress.stuck:
        settled = len(progress.stuck) - lost
        line += f": {lost:,} that nobody is left to complete, {settled:,} settled anyway"
        line += "; add people to label.annotators, or raise quotas" if lost else ""
    yield line
    screening = progress.screening
    line = f"Screening     {screening.looked_at:,} of {screening.tasks:,} looked at"
    if screening.tasks:
        share = _percent(screening.looked_at, screening.everything)
        line += f" ({share} of all {screening.everything:,} stickers)"
    yield f"{line}, {screening.flagged:,} flagged"


def _quarantined(progress: AnnotationProgress) -> Iterator[str]:
    if progress.unread:
        where = ", ".join(map(str, progress.unread[:8]))
        yield f"Not read      tasks of projects {where}, which the server can't send; see what"
        yield "              `stickerworks label import` says of them"
    if progress.deleted:
        yield f"Deleted       {progress.deleted:,} gone from the server, which still count"
    if not progress.quarantined:
        return
    yield f"Not counted   {sum(found.answers for found in progress.quarantined):,} answers:"
    for found in progress.quarantined[:_REASONS]:
        first = found.examples[0]
        where = one_line(f"annotation {first.annotation or 'unknown'} by {first.who}", 60)
        yield f"  {found.answers:>5,}  {found.table}: {one_line(found.reason, 90)} ({where})"
    if len(progress.quarantined) > _REASONS:
        yield f"  {len(progress.quarantined) - _REASONS:,} more reasons not shown."


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows in columns: the first and the last to the left, numbers to the right."""
    tidy = [[one_line(row[0], _NAME), *(one_line(cell) for cell in row[1:])] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*tidy, strict=True)]
    for row in tidy:
        last = len(row) - 1
        cells = [
            _pad(cell, width, left=place in (0, last))
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _pad(cell: str, width: int, *, left: bool) -> str:
    space = " " * (width - _width(cell))
    return cell + space if left else space + cell


def _width(text: str) -> int:
    """Columns on a terminal: Chinese signs take two, accents that join a sign none."""
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in text)
    return len(text) + wide - sum(bool(unicodedata.combining(sign)) for sign in text)


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "-"


_SUMS = ("stickers", "complete", "gold")
