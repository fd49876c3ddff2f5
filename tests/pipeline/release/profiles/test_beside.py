"""Profiles of a workspace follow their release where stickers are taken down from it."""

from __future__ import annotations

import shutil
import subprocess
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
from schemas.config import Config

CONFIG = Config()


def test_profiles_are_signed_with_the_key_of_their_release(
    labelled: Release, tmp_path: Path
) -> None:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("no ssh-keygen")
    key = tmp_path / "key"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
    subprocess.run(command, check=True)
    releases = Path(shutil.copytree(labelled.path.parent, tmp_path / "releases"))
    release, profile = releases / labelled.path.name, find_profile("sticker820k-lmdb")
    config = Config.model_validate({"release": {"name": "drawn", "sign_key": str(key)}})
    made = make_beside(release, profile, CONFIG, QUIETLY)
    assert verify_folder(made.path).signature.state == "unsigned"
    assert make_beside(release, profile, config, QUIETLY).up_to_date
    found = verify_folder(made.path)
    assert (found.signature.state, found.problems) == ("signed", ())
    text = (made.path / CHECKSUMS).read_text("utf-8")
    (made.path / CHECKSUMS).write_text(text.replace("README.md", "README.MD"), "utf-8")
    assert any("bad signature" in problem for problem in verify_folder(made.path).problems)


def test_a_takedown_makes_profiles_anew_and_nothing_else_does(
    labelled: Release, tmp_path: Path
) -> None:
    releases = Path(shutil.copytree(labelled.path.parent, tmp_path / "releases"))
    release, profile = releases / labelled.path.name, find_profile("sticker820k")
    made = make_beside(release, profile, CONFIG, QUIETLY)
    assert (made.path, made.up_to_date) == (folder_beside(release, profile), False)
    assert make_beside(release, profile, CONFIG, QUIETLY).up_to_date
    assert load_record(made.path).rows == made.rows

    (release / CHECKSUMS).write_text((release / CHECKSUMS).read_text("utf-8") + "\n", "utf-8")
    with pytest.raises(StickerworksError, match="is not this profile of this release"):
        make_beside(release, profile, CONFIG, QUIETLY)

    save_record(release, replace(load_record(release), takedowns=[1]))
    renewed = make_beside(release, profile, CONFIG, QUIETLY)
    assert not renewed.up_to_date
    assert renewed.fingerprint != made.fingerprint
    assert verify_folder(renewed.path).problems == ()
    assert make_beside(release, profile, CONFIG, QUIETLY).up_to_date
