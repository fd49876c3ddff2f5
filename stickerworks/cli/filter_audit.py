"""What `stickerworks filter audit` says: where to answer, and what the answers say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stickerworks.cli.options import CommandOptions
from stickerworks.cli.session import open_session

if TYPE_CHECKING:
    from pipeline.engine.audits import AuditResult, Finding


@dataclass(frozen=True)
class AuditRequest:
    """Which rule, how large a sample, kept stickers up to which distance from the bound, and the
    precision that a bound should have; ``answers`` is a file to read instead of drawing."""

    rule: str
    sample: int
    near: float | None
    precision: float
    studio: bool
    answers: Path | None


def audit_command(options: CommandOptions, request: AuditRequest) -> int:
    """Draw a sample and write its page, or read answers to it; say what is known either way."""
    from pipeline.filter.audit.answers import read_answers
    from pipeline.filter.audit.audit import ask, hear
    from pipeline.filter.audit.sampling import draw_sample

    given = None if request.answers is None else read_answers(request.answers, request.rule)
    with open_session("filter audit", options, reads_only=options.dry_run) as session:
        if given is not None and not options.dry_run:
            heard = hear(session.workspace, request.rule, given, request.precision)
            result = heard.result
            session.say(f"{heard.new:,} new answers are kept")
            if heard.elsewhere:
                session.say(
                    f"  {heard.elsewhere:,} stickers are not in the sample: they don't count"
                )
        else:
            size, near = request.sample, request.near
            sample = draw_sample(session.workspace, session.config, request.rule, size, near)
            if options.dry_run:
                session.say(f"{len(sample.stickers):,} stickers would be asked about")
                return session.exit_code
            asked = ask(session.workspace, sample, request.precision, studio=request.studio)
            result = asked.result
            session.say(f"{len(sample.stickers):,} stickers to look at: {asked.page}")
            for path in asked.studio or ():
                session.say(f"  for Label Studio: {path}")
            session.results["page"] = str(asked.page)
            session.say(
                f"Open it in a browser, answer, save, then: stickerworks filter audit "
                f"{request.rule} --answers FILE"
            )
        for line in result_lines(result):
            session.say(line)
        session.results["audit"] = result.model_dump(mode="json")
    return session.exit_code


def result_lines(result: AuditResult) -> Iterator[str]:
    """Precision, what is kept and should not be, and the bound that is precise enough."""
    if result.withheld:
        yield f"  {result.withheld:,} dropped ones were flagged by people: nobody is shown them"
    yield from _finding_lines("dropped", "of them should be dropped", result.dropped)
    if result.kept is not None and result.near is not None:
        where = f"kept within {result.near:.4g} {result.unit} of the bound".replace("  ", " ")
        yield from _finding_lines(where, "of them should be dropped too", result.kept)
    if result.unsure:
        yield f"  {result.unsure:,} stickers have no clear answer and are left out"
    if result.earlier:
        yield (
            f"  {result.earlier:,} stickers were answered when the rule dropped others: these "
            "answers count once the rest of the sample is answered"
        )
    suggested = result.suggested
    if suggested is not None and result.dropped.answered:
        if suggested.bound is None or suggested.share is None:
            yield f"For a precision of {suggested.wanted:.0%}: {suggested.why}"
        else:
            side = "max" if result.min is None else "min"
            yield (
                f"For a precision of {suggested.wanted:.0%}: {result.rule}.{side}="
                f"{suggested.bound:g} drops {suggested.drops:,} at {suggested.share:.1%} "
                f"({suggested.low:.1%} to {suggested.high:.1%}); {suggested.why}"
            )


def _finding_lines(what: str, of_them: str, found: Finding) -> Iterator[str]:
    if found.share is None:
        answered = "none answered yet"
        if found.answered:
            answered = (
                f"{found.answered:,} answered, but a part has none "
                f"(95% interval {found.low:.1%} to {found.high:.1%})"
            )
        yield f"{what}: {found.population:,}, {found.asked:,} asked about, {answered}"
        return
    yield (
        f"{what}: {found.share:.1%} {of_them} (95% interval {found.low:.1%} to {found.high:.1%}; "
        f"{found.answered:,} answers about {found.population:,})"
    )
