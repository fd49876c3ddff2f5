"""Profiles of a workspace follow their release where stickers are taken down from it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.engine.errors import StickerworksError
from pipeline.release.build import Release
from pipeline.release.checksums import CHECKSUMS
from pipeline.release.profiles.beside import folder_beside, make_beside
from pipeline.release.profiles.known import find_profile
from pipeline.release.profiles.make import verify_folder
from pipeline.release.profiles.profile import QUIETLY
from pipeline.release.records import load_record, save_record


def test_a_takedown_makes_profiles_anew_and_nothing_else_does(
    labelled: Release, tmp_path: Path
) -> None:
    releases = Path(shutil.copytree(labelled.path.parent, tmp_path / "releases"))
    release, profile = releases / labelled.path.name, find_profile("sticker820k")
    made = make_beside(release, profile, QUIETLY, 0)
    assert (made.path, made.up_to_date) == (folder_beside(release, profile), False)
    assert make_beside(release, profile, QUIETLY, 0).up_to_date
    assert load_record(made.path).rows == made.rows

    (release / CHECKSUMS).write_text((release / CHECKSUMS).read_text("utf-8") + "\n", "utf-8")
    with pytest.raises(StickerworksError, match="is not this profile of this release"):
        make_beside(release, profile, QUIETLY, 0)

    save_record(release, replace(load_record(release), takedowns=[1]))
    renewed = make_beside(release, profile, QUIETLY, 0)
    assert not renewed.up_to_date
    assert renewed.fingerprint != made.fingerprint
    assert verify_folder(renewed.path).problems == ()
    assert make_beside(release, profile, QUIETLY, 0).up_to_date
