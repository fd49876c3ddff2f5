"""A workspace's profiles, each in a folder beside its release and recorded as releases are."""

from __future__ import annotations

from pathlib import Path

from pipeline.release.profiles.make import MadeProfile, make_profile
from pipeline.release.profiles.profile import ExportRun, Profile
from pipeline.release.records import Record, load_record, record_path, save_record


def folder_beside(release: Path, profile: Profile) -> Path:
    """``NAME-VERSION-PROFILE`` beside ``NAME-VERSION``."""
    return release.with_name(f"{release.name}-{profile.form}")


def make_beside(release: Path, profile: Profile, run: ExportRun, min_free_mb: int) -> MadeProfile:
    """Make the profile of a release of the workspace, or find that it is there.

    Profiles never change, but with their release: where stickers were taken down from it since,
    the profile is made again.
    """
    target = folder_beside(release, profile)
    takedowns = load_record(release).takedowns

    def known(made: MadeProfile) -> None:
        made_from = {"profile": profile.form}
        save_record(target, Record(made.fingerprint, made_from, made.rows, takedowns))

    there = target.exists() and record_path(target).exists()
    outdated = there and load_record(target).takedowns != takedowns
    return make_profile(
        release, profile, target, run, min_free_mb=min_free_mb, before=known, again=outdated
    )
