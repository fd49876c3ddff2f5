"""What the commands of `stickerworks annotate` do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.engine.runner import check_crawled
from pipeline.engine.stage import own_rows
from stickerworks.cli.display import say_time
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.rooms import plan_of
from stickerworks.cli.session import Session, open_session
from stickerworks.cli.update import complete_inputs

if TYPE_CHECKING:
    from annotation.machine.efficientnet.train import DomainTraining
    from annotation.machine.retrying import Retry


def annotate_command(options: CommandOptions, retry: Retry | None, probe_rows: int) -> int:
    """Bring the tables of the room up to date, or say what that would take."""
    from annotation.machine.captions import check_captioner, is_asked
    from annotation.machine.retrying import reopen

    with open_session("annotate", options) as session:
        check_crawled(session.workspace)
        session.check_trusted("annotate")
        check_captioner(session.config)  # before anything is made
        complete_inputs(session, "annotate")
        if options.dry_run:
            session.do(plan_of("annotate"))
            _advise(session)
            if is_asked(session.config):
                _probe(session, probe_rows)
            return session.exit_code
        if retry is not None:
            again = reopen(session.workspace, session.config, retry)
            session.say(f"  {'retry':<12} {again:,} stickers are asked about again")
            session.results["retry"] = {"stickers": again}
        session.do(plan_of("annotate"))
        say_captions(session)
    return session.exit_code


def _advise(session: Session) -> None:
    from annotation.machine.language_advice import advise_languages

    advice = advise_languages(session.workspace, session.config)
    if advice is not None:
        session.results["advice"] = advice
        session.say(f"  {advice}")


def say_captions(session: Session) -> None:
    """Tell what the configured model was asked, and what is flagged or failed."""
    from annotation.machine.answers import open_answers
    from annotation.machine.captions import caption_settings, identities_of, is_asked, own_captions
    from annotation.machine.checks import TRIMMED

    if not is_asked(session.config):
        return
    settings = caption_settings(session.config)
    identities = identities_of(settings)
    with open_answers(session.workspace.root) as answers:
        usages = [answers.usage(identity) for identity in identities]
    title = " and ".join(dict.fromkeys(identity.model.title for identity in identities))
    requests = sum(usage.requests for usage in usages)
    tokens_in = sum(usage.tokens_in or 0 for usage in usages)
    tokens_out = sum(usage.tokens_out or 0 for usage in usages)
    fields, flags, errors = _count_captions(session, own_captions(settings))
    session.results["captions"] = {
        "model": title,
        "requests": requests,
        "tokens_in": tokens_in,
        "tokens_out": tokens_out,
        "fields": fields,
        "flags": dict(flags),
        "failed": sum(errors.values()),
    }
    trimmed = flags.pop(TRIMMED, 0)
    flagged = ", ".join(f"{flag} {count:,}" for flag, count in flags.most_common())
    session.say(
        f"  {title}: {fields:,} fields from {requests:,} requests, "
        f"{tokens_in:,} tokens read and {tokens_out:,} written"
        + (f"; {trimmed:,} trimmed" if trimmed else "")
        + (f"; flagged: {flagged}" if flags else "")
    )
    for reason, count in errors.most_common(3):
        session.say(f"  without a text: {count:,} fields, because {reason}")
    if flags or errors:
        session.say("  `stickerworks annotate --retry flagged` asks about these again.")


def _count_captions(
    session: Session, own: Mapping[str, Sequence[object]]
) -> tuple[int, Counter[str], Counter[str]]:
    """Fields that what is configured gave, flags, and errors."""
    fields, flags, errors = 0, Counter[str](), Counter[str]()
    for part in session.workspace.parts:
        table = session.workspace.read("captions", part, [*own, "flags", "error"])
        for row in own_rows(table, own).to_pylist():
            fields += row["error"] is None
            flags.update(row["flags"] or ())
            if row["error"] is not None:
                errors[row["error"][:120]] += 1
    return fields, flags, errors


def _probe(session: Session, rows: int) -> None:
    """Ask about a few stickers and reckon up the rest."""
    from annotation.machine.probing import probe
    from pipeline.filter.clips import sample_clip
    from pipeline.filter.stages import clip_settings

    workspace, settings = session.workspace, clip_settings(session.config)
    media = workspace.media_reader()

    def frames(known: Mapping[str, Any]) -> list[dict[str, Any]]:
        data = media.read(known) if known["animated"] else None
        return [] if data is None else sample_clip(data, known["format"], settings)

    found = probe(workspace, session.config, frames, rows)
    session.results["estimate"] = asdict(found)
    tokens = ""
    if found.tokens_in is not None and found.tokens_out is not None:
        tokens = f", {found.tokens_in:,} tokens read and {found.tokens_out:,} written"
    session.say(
        f"  {found.rows:,} stickers are left to ask about. {found.probed} were asked about for "
        f"real: {found.requests_a_row:.1f} requests a sticker, {found.with_pictures_a_row:.1f} of "
        "them with pictures. These answers are kept."
    )
    cost = ""
    if found.gpu_hours is not None:
        cost = f", {say_time(3600 * found.gpu_hours)} of GPU time"
    if found.money is not None:
        money = f"{found.money:,.2f}" if found.money >= 0.01 else "less than 0.01"
        cost += f", {money} {found.currency}"
    time = say_time(3600 * found.hours)
    texts = f", {found.text_requests:,} of them to options.text" if found.text_requests else ""
    session.say(f"  expected: {found.requests:,} requests{texts}{tokens}; {time}{cost}")


def domain_command(options: CommandOptions) -> int:
    """Bring the table ``domain`` up to date."""
    from annotation.machine.domain import DOMAIN

    with open_session("annotate", options) as session:
        check_crawled(session.workspace)
        complete_inputs(session, "annotate")
        session.do((DOMAIN,))
    return session.exit_code


def train_command(options: CommandOptions, request: DomainTraining) -> int:
    """Train the domain classifier on labels."""
    from annotation.machine.efficientnet.train import train_command_work

    with open_session("annotate", options) as session:
        if options.dry_run:
            session.say("  domain       would train a classifier on the labels of the workspace")
            return session.exit_code
        trained = train_command_work(session.workspace, request, session.say)
        session.results["domain"] = {
            "path": str(trained.path),
            "held_out": trained.held_out,
            "statistics_alone": trained.statistics_alone,
        }
        for name, key in (("balanced accuracy", "balanced_accuracy"), ("AUC", "auc")):
            session.say(
                f"  held-out {name} {trained.held_out[key]:.3f}, of plain statistics "
                f"{trained.statistics_alone[key]:.3f}"
            )
        session.say(f"Model  {trained.path}")
        session.say(f"Use it with {trained.setting} (or annotate.domain_model in the YAML file).")
    return session.exit_code


def export_ocr_command(options: CommandOptions, output: Path, *, simulated: bool) -> int:
    """Write a training set for PaddleOCR."""
    from annotation.handoff.paddle_ocr import export_ocr

    with open_session("annotate", options, reads_only=True) as session:
        check_crawled(session.workspace)
        export_ocr(session.workspace, output, simulated=simulated, say=session.say)
    return session.exit_code


def export_sft_command(options: CommandOptions, output: Path, *, simulated: bool) -> int:
    """Write chats for fine-tuning."""
    from annotation.handoff.chat import export_sft

    with open_session("annotate", options, reads_only=True) as session:
        check_crawled(session.workspace)
        export_sft(session.workspace, output, simulated=simulated, say=session.say)
    return session.exit_code
