"""What `stickerworks filter --explain` says, from the tables that are there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from stickerworks.cli.options import CommandOptions
from stickerworks.cli.session import open_session

if TYPE_CHECKING:
    from pipeline.filter.audit.explain import Explanation, RuleEffect
    from pipeline.filter.audit.ladder import Rung
    from schemas.config import RuleConfig

SHEET = "filter-explain.png"
_TOGETHER = 4


def explain_command(options: CommandOptions) -> int:
    """Say what the rules do and what other bounds would; it takes no lock and makes no table."""
    from pipeline.filter.audit.explain import explain
    from pipeline.filter.audit.sheet import draw_sheet

    with open_session("filter", options, reads_only=True) as session:
        explained = explain(session.workspace, session.config)
        explanation = explained.explanation
        for line in explanation_lines(explanation):
            session.say(line)
        target = session.workspace.reports / SHEET
        sheet = None if options.dry_run else draw_sheet(session.workspace, explained, target)
        if sheet is not None:
            session.say(f"Nearest to the bounds, dropped and kept: {sheet}")
        session.results["explanation"] = {
            **asdict(explanation),
            "rules": [_as_json(rule) for rule in explanation.rules],
            "off": [_as_json(rule) for rule in explanation.off],
            "sheet": None if sheet is None else str(sheet),
        }
    return session.exit_code


def explanation_lines(told: Explanation) -> Iterator[str]:
    """The whole, then a paragraph a rule, then what is off."""
    dropped = told.stickers - told.kept - told.failed
    yield (
        f"Under these bounds: kept {told.kept:,} + dropped {dropped:,} + failed {told.failed:,} "
        f"= read {told.stickers:,}"
    )
    if told.saved or told.lost:
        yield (
            f"The tables keep {told.kept_as_decided:,}: these bounds would save {told.saved:,} "
            f"and lose {told.lost:,}. Run `stickerworks filter` with them to decide so."
        )
    else:
        yield "The tables keep the same stickers."
    if told.unread:
        yield (
            f"  {told.unread:,} of the saved have not been read or measured by models yet: "
            "rules on that may still drop them."
        )
    if told.orphans:
        yield (
            f"  {told.orphans:,} near-duplicates were dropped in favour of the lost: "
            "a run may keep one of each group instead."
        )
    for rule in told.rules:
        yield from _rule_lines(rule)
    off = [rule for rule in told.off if rule.known]
    if off:
        yield f"off: {', '.join(rule.name for rule in off)}"
        yield "  To try a bound: --set filter.rules.NAME.min=…; --json has what bounds would drop."
    for rule in told.off:
        if rule.unmeasured:
            yield from _missing(rule)


def _rule_lines(rule: RuleEffect) -> Iterator[str]:
    bounds = f" {_bounds(rule.bounds)} {rule.unit}".rstrip() if rule.bounds else ""
    changed = f"; {rule.decided:,} in the tables" if rule.decided != rule.dropped else ""
    yield f"{rule.name}{bounds}: drops {rule.dropped:,}, alone {rule.alone:,}{changed}"
    others = list(rule.together.items())
    if others:
        more = f" and {len(others) - _TOGETHER} more" if len(others) > _TOGETHER else ""
        shown = ", ".join(f"{name} {count:,}" for name, count in others[:_TOGETHER])
        yield f"  together with {shown}{more}"
    if rule.unmeasured:
        yield from _missing(rule)
    for side in ("min", "max"):
        rungs = [rung for rung in rule.ladder if rung.side == side]
        # A rule without numbers has nothing but its own bound.
        if rule.known and rungs:
            heading = "at least" if side == "min" else "at most"
            yield f"  {heading:>10}  {'drops':>8}  {'share':>7}  {'saves':>7}  {'loses':>7}"
            yield from map(_rung_line, rungs)


def _rung_line(rung: Rung) -> str:
    bound = "none" if rung.bound is None else f"{rung.bound:g}"
    mark = "  configured" if rung.configured else ""
    return (
        f"  {bound:>10}  {rung.dropped:>8,}  {rung.share:>7.1%}  {rung.saved:>7,}  "
        f"{rung.lost:>7,}{mark}"
    )


def _missing(rule: RuleEffect) -> Iterator[str]:
    names = ", ".join(rule.unmeasured)
    yield (
        f"  {rule.name}: {names} is not measured here, so it drops nothing yet. "
        "`stickerworks filter` with a bound on it measures it."
    )


def _bounds(bounds: RuleConfig) -> str:
    sides = [] if bounds.min is None else [f"at least {bounds.min:g}"]
    sides += [] if bounds.max is None else [f"at most {bounds.max:g}"]
    return " and ".join(sides)


def _as_json(rule: RuleEffect) -> dict[str, object]:
    bounds = None if rule.bounds is None else rule.bounds.model_dump()
    return {**asdict(rule), "bounds": bounds}
