"""Makes a profile of a release: whole or absent, and the same bytes from the same release."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.datasets.asked import QUESTIONS, questions_json, read_questions
from pipeline.engine.disk import DiskWatch
from pipeline.engine.errors import StickerworksError
from pipeline.engine.folders import whole_folder
from pipeline.release.checksums import check_checksums, write_checksums
from pipeline.release.makers import DERIVED_FROM
from pipeline.release.profiles.full import FullRelease, open_release
from pipeline.release.profiles.known import find_profile
from pipeline.release.profiles.profile import (
    PROFILE_FORMAT,
    QUIETLY,
    ExportCounts,
    ExportRun,
    Profile,
    described,
    with_questions,
)
from pipeline.release.signing import check_signature
from pipeline.release.verify import Verification, verify_release

ABOUT = "profile.json"
"""The file that says which profile a folder holds."""

_MOST_BYTES = 1 << 20
_TEXT_BYTES = 2000
"""At most what a row takes on disk beside its image."""


@dataclass(frozen=True)
class MadeProfile:
    """A finished profile: its folder, rows by split, what was left out, whether it was there."""

    path: Path
    rows: dict[str, int]
    left_out: dict[str, int]
    fingerprint: str
    up_to_date: bool


def make_profile(
    release: Path,
    profile: Profile,
    target: Path,
    run: ExportRun = QUIETLY,
    *,
    min_free_mb: int = 0,
    before: Callable[[MadeProfile, Path], None] = lambda made, folder: None,
    again: bool = False,
) -> MadeProfile:
    """Make ``target`` from the release's own files, or find that it is there; make it ``again``.

    ``before`` is told what was made, and where it lies, just before it can be seen. Raises
    StickerworksError where there is no whole release, the disk is full, or ``target`` is something
    else.
    """
    full = open_release(release)
    profile = with_questions(profile, full.questions)
    print_ = _fingerprint(full, profile)
    if release.resolve() in (target.resolve(), *target.resolve().parents):
        raise StickerworksError(
            f"{target} lies in the release that it is made from, which never changes.",
            "Choose another folder with --output.",
        )
    if target.exists() and not again:
        return _existing(target, print_)
    disk = DiskWatch(target.parent, min_free_mb)
    rows = sum(full.rows.values())
    disk.check(f"The profile {profile.form}", full.num_bytes + rows * _TEXT_BYTES)

    def say(line: str) -> None:
        disk.look()
        run.report(f"{profile.form}, {line}")

    with whole_folder(target) as folder:
        counts = profile.write(full, profile, folder, ExportRun(run.workers, say))
        if not sum(counts.rows.values()):
            raise StickerworksError(
                f"No row of {release} has a place in the profile {profile.name}: {_why(counts)}.",
                "Choose another profile; docs/profiles.md says what each one holds.",
            )
        _describe(full, profile, counts, folder, print_)
        write_checksums(folder)
        made = MadeProfile(target, counts.rows, counts.left_out, print_, up_to_date=False)
        before(made, folder)
    return made


def check_whole(release: Path) -> None:
    """StickerworksError unless there is a release, and every file of it as SHA256SUMS says."""
    open_release(release)
    problems = check_checksums(release)
    if problems:
        raise StickerworksError(
            f"{release} is not as it was released: {problems[0]}"
            + (f" (and {len(problems) - 1} more)." if len(problems) > 1 else "."),
            "Get the release again; a profile of a damaged one would pass for a sound one.",
        )


def verify_folder(folder: Path) -> Verification:
    """Verify a release, or a profile of one by what its ``profile.json`` says that it is."""
    if not (folder / ABOUT).exists():
        return verify_release(folder)
    about = _read_about(folder)
    profile = find_profile(about["profile"], webdataset=about["webdataset"])
    try:
        profile = with_questions(profile, read_questions(folder))
    except StickerworksError as error:
        return Verification(folder, {}, 0, (str(error),))
    found = profile.verify(folder, profile)
    problems = [
        f"{ABOUT} says {about['rows'].get(split, 0)} rows of {split}, there are "
        f"{found.rows.get(split, 0)}"
        for split in sorted({*about["rows"], *found.rows})
        # A takedown lowers the counts by what it takes out.
        if about["rows"].get(split, 0) != found.rows.get(split, 0)
    ]
    if found.bare > about["bare"]:
        problems.append(
            f"{found.bare:,} rows have no picture, {ABOUT} says that {about['bare']:,} had none"
        )
    problems += [*found.problems]
    signature = found.signature if profile.parquet else check_signature(folder)
    if signature.state == "bad" and not profile.parquet:
        problems.append(f"bad signature: {signature.detail}")
    return replace(found, problems=tuple(problems), signature=signature)


def _fingerprint(full: FullRelease, profile: Profile) -> str:
    made_from = [PROFILE_FORMAT, profile.form, full.digest]
    return hashlib.sha256(json.dumps(made_from).encode()).hexdigest()


def _existing(target: Path, print_: str) -> MadeProfile:
    about = _read_about(target) if (target / ABOUT).exists() else {}
    if about.get("fingerprint") != print_:
        raise StickerworksError(
            f"{target} exists, and is not this profile of this release.",
            "Choose another folder, or move that one away.",
        )
    problems = check_checksums(target)
    if problems:
        raise StickerworksError(
            f"{target} was changed after it was made: {problems[0]}.",
            "Delete that folder and run the same command again; it will be made anew.",
        )
    return MadeProfile(target, about["rows"], about["left_out"], print_, up_to_date=True)


def _describe(
    full: FullRelease, profile: Profile, counts: ExportCounts, folder: Path, print_: str
) -> None:
    # Slow to import, and a finished profile needs none of them.
    from pipeline.release.contents import Contents
    from pipeline.release.croissant import croissant_json, read_shards
    from pipeline.release.profiles.card import render_profile_card

    if profile.parquet:
        croissant = croissant_json(
            Contents(
                name=f"{full.name}-{profile.name}",
                version=full.version,
                description=profile.about,
                licence=full.licence,
                columns=described(profile.columns),
                rows=counts.rows,
                shards=read_shards(folder),
                derived_from=_derived(profile),
            )
        )
        (folder / "croissant.json").write_text(croissant, "utf-8")
    about = {
        "profile": profile.name,
        "webdataset": bool(profile.suffix),
        "release": f"{full.name} {full.version}",
        "release_sha256sums": full.digest,
        "fingerprint": print_,
        **asdict(counts),
    }
    if profile.asks and full.questions:
        (folder / QUESTIONS).write_text(questions_json(full.questions), "utf-8")
    text = json.dumps(about, ensure_ascii=False, indent=1, sort_keys=True)
    (folder / ABOUT).write_text(text + "\n", "utf-8")
    (folder / "README.md").write_text(render_profile_card(full, profile, counts, folder), "utf-8")


def _derived(profile: Profile) -> dict[str, list[str]]:
    """Which of a profile's columns others of it are made from."""
    here = {column.name for column in profile.columns}
    sources = {each.name: DERIVED_FROM.get(each.origins[0], ()) for each in profile.columns}
    return {name: [s for s in found if s in here - {name}] for name, found in sources.items()}


def _read_about(folder: Path) -> dict[str, Any]:
    path = folder / ABOUT
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError("it is too long")
        about = json.loads(path.read_text("utf-8"))
        rows, left_out = about["rows"], about["left_out"]
        return {
            "profile": str(about["profile"]),
            "webdataset": about["webdataset"] is True,
            "fingerprint": about["fingerprint"],
            "rows": {str(split): _count(count) for split, count in rows.items()},
            "left_out": {str(reason): _count(count) for reason, count in left_out.items()},
            "bare": _count(about["without_image"]) + _count(about["undecodable"]),
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StickerworksError(
            f"{path} isn't what we write: {type(error).__name__}.",
            "Get the profile again, or make it anew with `stickerworks release export`.",
        ) from error


def _count(value: object) -> int:
    if type(value) is not int:  # bool is one of its kinds, and Infinity is JSON of Python's
        raise ValueError("a count is no whole number")
    return value


def _why(counts: ExportCounts) -> str:
    return "; ".join(f"{reason} ({count:,})" for reason, count in sorted(counts.left_out.items()))
