"""The gate: a release is verified, looked at, learnt from and held beside the one before."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.checks import Check, failures
from pipeline.engine.errors import StickerworksError, disk_errors
from pipeline.engine.figures import is_share, points, tell
from pipeline.engine.text import plain
from stickerworks.cli.display import make_display
from stickerworks.cli.session import Session
from stickerworks.cli.tables import comparison

if TYPE_CHECKING:
    from pipeline.release.looking.floors import Size
    from pipeline.training.gate import GateResult

_UNPROVEN = (
    "The release is whole, but nothing is proven: only a release that was judged and passed ends "
    "with exit code 0."
)
_VERIFY = "Get the release again, or delete it and run `stickerworks release`."
_MERGE = "Run `stickerworks merge` and build the release anew, under a new version."
_ORDER = ("failed", "warned", "not judged", "passed")


def judge(session: Session, folder: Path, before: Path | None = None) -> str:
    """Judge a release, tell every check, keep the verdict and return it.

    ``before``: the release that it is held beside [the one of the same name before it]. Raises
    StickerworksError where there is no release.
    """
    from pipeline.release.verify import verify_release

    if session.options.dry_run:
        session.say(f"  {'validate':<12} would decode every row of {folder} and train on it")
        return "passed"
    settings = session.config.validation
    problems = list(verify_release(folder).problems)
    earlier = _earlier(folder, before)  # a slip of the pen is told of before an hour's work
    with session.part("validate"), _with_images(session, folder) as whole:
        looked = _look(session, whole)
        from pipeline.training.gate import validate_release  # torch takes seconds

        findings = [*problems, *failures(looked)]
        result = validate_release(whole, settings, findings, session.tell)
    beside = _beside(session, folder, earlier, result) if earlier else []
    mixed = _mixed_up(result, _agreement(session, folder))
    checks = [_verified(problems), *looked, *result.checks, *mixed, *beside]
    verdict = _verdict(result, checks, failures(beside))
    _keep(session, folder, verdict)
    _tell(session, result, verdict, checks)
    return str(verdict["verdict"])


@contextmanager
def _with_images(session: Session, folder: Path) -> Iterator[Path]:
    """The release; or one of the same name with the images that only the workspace has."""
    from pipeline.release.looking.completed import complete_release, lacks_images

    workspace = session.workspace
    there = bool(workspace.parts) and workspace.has("media", workspace.parts[0])
    if not there or not lacks_images(folder):
        yield folder
        return
    with ExitStack() as kept:
        with disk_errors(workspace.scratch):
            workspace.scratch.mkdir(parents=True, exist_ok=True)
            place = tempfile.TemporaryDirectory(dir=workspace.scratch, prefix="gate-")
            target = Path(kept.enter_context(place)) / folder.resolve().name
            count = complete_release(folder, workspace, target)
        session.tell(f"{count:,} files of rows without images were read from the workspace")
        yield target


def _look(session: Session, folder: Path) -> list[Check]:
    from pipeline.release.looking.checks import look_checks
    from pipeline.release.looking.look import look_at_release

    config, display = session.config, make_display(session.console)
    rule = config.filter.rules.get("entropy")
    started = False

    def progress(done: int, rows: int) -> None:
        nonlocal started
        if not started:
            display.start("looking", rows)
            started = True
        display.progress(done)

    scratch = session.workspace.scratch
    try:
        with disk_errors(scratch):
            scratch.mkdir(parents=True, exist_ok=True)
            sight = look_at_release(
                folder,
                config.filter.decode,
                config.filter.duplicates,
                (rule.min if rule else None) or 0.0,
                scratch,
                progress,
            )
    finally:
        display.stop()
    return list(look_checks(sight, config.validation))


def _verified(problems: Sequence[str]) -> Check:
    if not problems:
        return Check("files", "passed", "no problems", "none")
    reason = "; ".join(problems)
    return Check("files", "failed", f"{len(problems):,} problems", "none", reason, _VERIFY)


def _earlier(folder: Path, before: Path | None) -> tuple[Path, Size] | None:
    """The release that this one is held beside, and how large it is."""
    from pipeline.release.looking.floors import release_before, size_of

    other = before or release_before(folder.resolve())
    if other is None:
        return None
    if other.resolve() == folder.resolve():
        raise StickerworksError(f"{other} is the release itself.", "Name an earlier one.")
    return other, size_of(other)


def _beside(
    session: Session, folder: Path, earlier: tuple[Path, Size], result: GateResult
) -> list[Check]:
    from pipeline.release.looking.floors import floor_checks, read_verdict, size_of

    other, size = earlier
    kept = read_verdict(_record(session, other))
    now = {**asdict(result), "agreement": _agreement(session, folder)}
    limit = session.config.validation.max_loss
    name = other.resolve().name
    return list(floor_checks(size_of(folder), size, name, limit, (now, kept)))


def _mixed_up(result: GateResult, agreement: tuple[float, float] | None) -> Iterator[Check]:
    """Whether more tags seem wrong than the annotators' own disagreement explains."""
    if agreement is None:
        return
    explained = max(0.0, 1 - agreement[0])
    for split, noise in (result.label_noise or {}).items():
        if noise is None or not noise.voted:
            continue
        name = f"label noise of {split} beside agreement"
        figure, bound = f"at least {noise.low:.0%}", f"at most {explained:.0%}"
        if noise.low <= explained:
            yield Check(name, "passed", figure, bound)
            continue
        reason = (
            f"{figure} of the tags of {split} seem wrong, though annotators disagree on {bound} of "
            "what chance leaves open: tags may have been mixed up after the votes"
        )
        yield Check(name, "warned", figure, bound, reason, _MERGE)


def _agreement(session: Session, folder: Path) -> tuple[float, float] | None:
    """The interval of alpha between annotators, of a release that was built here."""
    workspace = session.workspace
    ours = folder.resolve().parent == workspace.releases.resolve()
    if not ours or not workspace.has("agreement"):
        return None
    target = session.config.validation.target
    wanted = ("tag_sets", None) if target is None else ("question", target)
    for row in workspace.read("agreement").to_pylist():
        if (row["measure"], row["question"]) == wanted and row["low"] is not None:
            return row["low"], row["high"]
    return None


def _verdict(result: GateResult, checks: list[Check], beside: list[str]) -> dict[str, Any]:
    from pipeline.release.looking.checks import BARE

    verdict: dict[str, Any] = asdict(result)
    if beside:
        verdict["verdict"], verdict["passed"] = "failed", False
        verdict["reasons"] = [*result.reasons, *beside]
    elif verdict["passed"]:
        unseen = [one.reason for one in checks if one.name == BARE and one.outcome == "not judged"]
        if unseen:
            verdict |= {"verdict": "not judged", "passed": False, "reasons": unseen}
    return {**verdict, "checks": [asdict(check) for check in checks]}


def _record(session: Session, folder: Path) -> Path:
    return session.workspace.reports / f"gate-{folder.resolve().name}.json"


def verdict_of(session: Session, folder: Path) -> str | None:
    """The newest verdict that is kept of exactly these bytes; None where none is."""
    from pipeline.release.checksums import checksums_digest
    from pipeline.release.looking.floors import read_verdict

    digest, passed = checksums_digest(folder), _record(session, folder)
    for path in (passed.with_name("gate.json"), _failed(passed), passed):
        kept = read_verdict(path)
        if digest is not None and kept.get("sha256sums") == digest:
            return str(kept.get("verdict"))
    return None


def _failed(passed: Path) -> Path:
    return passed.with_name(f"failed-{passed.name}")


def _keep(session: Session, folder: Path, verdict: dict[str, Any]) -> None:
    """The verdict as the last one; and, passed, as what the next release is held beside.

    It holds for these bytes alone, whatever folder of that name is judged later.
    """
    from pipeline.release.checksums import checksums_digest
    from pipeline.release.looking.floors import read_verdict

    digest, passed = checksums_digest(folder), _record(session, folder)
    kept = {**verdict, "agreement": _agreement(session, folder), "sha256sums": digest}
    paths = [session.workspace.reports / "gate.json"]
    if verdict["passed"]:
        paths.append(passed)
    elif verdict["verdict"] == "failed":
        paths.append(_failed(passed))
    stale = _failed(passed) if verdict["passed"] else passed
    if len(paths) > 1 and read_verdict(stale).get("sha256sums") in (digest, None):
        stale.unlink(missing_ok=True)
    for path in paths:
        with atomic_file(path) as temporary:
            temporary.write_text(json.dumps(kept, ensure_ascii=False, indent=1), encoding="utf-8")
    session.results["validation"] = {k: v for k, v in verdict.items() if k != "curves"}


def _tell(
    session: Session, result: GateResult, verdict: dict[str, Any], checks: list[Check]
) -> None:
    session.say(f"  {'validate':<12} {verdict['verdict']}{_figures(result)}")
    for outcome in _ORDER:
        for check in checks:
            if check.outcome == outcome:
                session.say(f"  {outcome:<12} {check.name}{_found(check)}")
                for line in filter(None, (check.reason, check.remedy)):
                    session.say(f"  {'':<12}   {plain(line)}")
    for note in result.notes:
        session.say(f"  {'':<12} note: {plain(note)}")
    for line in comparison(result.metrics) if result.metrics else ():
        session.say(f"  {line}")
    if verdict["verdict"] == "not judged":
        session.say(f"  {'':<12} {_UNPROVEN}")


def _found(check: Check) -> str:
    bound = f" (bound: {check.bound})" if check.bound else ""
    return f": {plain(check.figure)}{bound}" if check.figure else bound


def _figures(result: GateResult) -> str:
    if result.real is None or result.control is None or result.interval is None:
        return ""
    share = is_share(result.figure or "", (result.real, result.control))
    real, control = tell(result.real, share), tell(result.control, share)
    low, high, margin = (points(part, share) for part in (*result.interval, result.margin))
    p = "" if result.p_value is None else f", p {result.p_value:.3f}"
    return (
        f": {result.figure} {real} against {control} on shuffled labels, "
        f"95% of the difference {low} to {high}, margin {margin}{p}"
    )
