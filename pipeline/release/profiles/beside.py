"""A workspace's profiles, each in a folder beside its release and recorded as releases are."""

from __future__ import annotations

from pathlib import Path

from pipeline.release.profiles.make import MadeProfile, make_profile
from pipeline.release.profiles.profile import ExportRun, Profile
from pipeline.release.records import Record, load_record, record_path, save_record
from pipeline.release.signing import check_signature, sign_checksums
from schemas.config import Config


def folder_beside(release: Path, profile: Profile) -> Path:
    """``NAME-VERSION-PROFILE`` beside ``NAME-VERSION``."""
    return release.with_name(f"{release.name}-{profile.form}")


def make_beside(release: Path, profile: Profile, config: Config, run: ExportRun) -> MadeProfile:
    """Make the profile of a release of the workspace, or find that it is there; signed as that is.

    Profiles never change, but with their release: where stickers were taken down from it since,
    the profile is made again.
    """
    target = folder_beside(release, profile)
    takedowns = load_record(release).takedowns

    def finish(made: MadeProfile, folder: Path) -> None:
        _sign(folder, config, run)
        made_from = {"profile": profile.form}
        save_record(target, Record(made.fingerprint, made_from, made.rows, takedowns))

    there = target.exists() and record_path(target).exists()
    outdated = there and load_record(target).takedowns != takedowns
    free = config.engine.min_free_mb
    made = make_profile(
        release, profile, target, run, min_free_mb=free, before=finish, again=outdated
    )
    if made.up_to_date:
        _sign(target, config, run)
    return made


def _sign(folder: Path, config: Config, run: ExportRun) -> None:
    key = config.release.sign_key
    if key is not None and check_signature(folder).state == "unsigned":
        run.report(sign_checksums(folder, key, config.release.name))
