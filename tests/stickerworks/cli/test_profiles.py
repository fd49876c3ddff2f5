"""Profiles of a release, made by `release` and by `release export`."""

from __future__ import annotations

import json
from pathlib import Path

PROFILES = "release.profiles=[full, stickertag, sticker820k-lmdb]"


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_release_makes_its_profiles_once_and_export_makes_the_same(program, made, tmp_path):
    named = ("--set", "release.name=drawn")
    answer = program("release", "--json", "--set", PROFILES, *named)
    assert answer.code == 0, answer.said
    told = json.loads(answer.out)["profiles"]
    names = [Path(profile["path"]).name for profile in told]
    assert names == ["drawn-0.1.0-stickertag", "drawn-0.1.0-sticker820k-lmdb"]
    full = made / "releases" / "drawn-0.1.0"
    assert json.loads((made / "releases/.fingerprints" / f"{names[0]}.json").read_text())["rows"]

    again = program("release", "--set", "release.profiles=[full, stickertag]", *named)
    assert again.code == 0
    assert "release      up to date" in again.said
    assert "drawn-0.1.0-stickertag: up to date" in again.said

    verified = program("release", "verify", str(full.with_name(names[0])))
    assert (verified.code, "sound" in verified.said) == (0, True)

    output = tmp_path / "elsewhere"
    exported = program(
        "release", "export", "stickertag", "--release", str(full), "--output", str(output)
    )
    assert exported.code == 0, exported.said
    assert files(output) == files(full.with_name(names[0]))

    (output / "data").rename(output / "date")
    assert program("release", "verify", str(output)).code == 1
    wrong = program("release", "export", "stickertag", "--output", str(made), *named)
    assert (wrong.code, "is not this profile of this release" in wrong.said) == (1, True)
    unknown = program("release", "export", "stickertags")
    assert (unknown.code, "no profile 'stickertags'" in unknown.said) == (1, True)

    (full / "SHA256SUMS").write_text("", "utf-8")
    spoilt = program("release", "export", "vsd2m", "--output", str(tmp_path / "never"), *named)
    assert (spoilt.code, "is not as it was released" in spoilt.said) == (1, True)
    assert not (tmp_path / "never").exists()
