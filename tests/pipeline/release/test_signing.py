"""Checksums are signed by OpenSSH's own tool, and verified by it without us."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.engine.errors import StickerworksError
from pipeline.release.build import Release
from pipeline.release.checksums import check_checksums, write_checksums
from pipeline.release.signing import check_signature, sign_checksums
from pipeline.release.verify import verify_release

Build = Callable[..., Release]
pytestmark = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="needs OpenSSH")


def make_key(path: Path, kind: str = "ed25519", passphrase: str = "") -> str:
    command = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "me@secret-host", "-f"]
    subprocess.run([*command, str(path)], check=True, stdin=subprocess.DEVNULL)
    return str(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What may be a release: a file and its checksums."""
    made = tmp_path / "release"
    made.mkdir()
    (made / "file").write_text("content", "utf-8")
    write_checksums(made)
    return made


def test_openssh_alone_verifies_a_signed_release(build: Build, tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    release = build(tmp_path / "one", sign_key=key)
    command = ["ssh-keygen", "-Y", "verify", "-f", "allowed_signers", "-I", "drawn", "-n", "file"]
    sums = (release.path / "SHA256SUMS").read_bytes()
    for given, code in ((sums, 0), (sums + b"x", 255)):
        done = subprocess.run(
            [*command, "-s", "SHA256SUMS.sig"],
            cwd=release.path,
            input=given,
            capture_output=True,
            check=False,
        )
        assert done.returncode == code
    assert " ".join(command) in (release.path / "README.md").read_text("utf-8")
    assert "secret-host" not in (release.path / "allowed_signers").read_text("utf-8")
    found = verify_release(release.path)
    assert (found.problems, found.signature.state) == ((), "signed")


def test_an_unsigned_release_is_signed_later_and_its_bytes_stay(
    build: Build, tmp_path: Path
) -> None:
    release = build(tmp_path / "one")
    sums = (release.path / "SHA256SUMS").read_bytes()
    assert verify_release(release.path).signature.state == "unsigned"
    again = build(tmp_path / "one", sign_key=make_key(tmp_path / "key"))
    assert again.up_to_date
    assert (release.path / "SHA256SUMS").read_bytes() == sums
    signature = (release.path / "SHA256SUMS.sig").read_bytes()
    assert verify_release(release.path).signature.state == "signed"
    sign_checksums(release.path, str(tmp_path / "key"), "drawn")
    assert (release.path / "SHA256SUMS.sig").read_bytes() == signature, "ed25519 gives it again"


def test_a_key_that_signs_anew_each_time_is_told(folder: Path, tmp_path: Path) -> None:
    assert "differ" in sign_checksums(folder, make_key(tmp_path / "key", "ecdsa"), "x")
    assert check_signature(folder).state == "signed"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("SHA256SUMS", b"other"),
        ("SHA256SUMS.sig", b"no signature"),
        ("allowed_signers", b"-oProxyCommand=x namespaces"),
        ("allowed_signers", b"\xff\xfe"),
        ("allowed_signers", b""),
        ("allowed_signers", b"x" * 100_000),
        ("allowed_signers", None),
    ],
)
def test_what_was_changed_is_bad(
    folder: Path, tmp_path: Path, name: str, content: bytes | None
) -> None:
    sign_checksums(folder, make_key(tmp_path / "key"), "x")
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    assert check_signature(folder).state == "bad"


def test_a_signature_by_another_key_is_bad(folder: Path, tmp_path: Path) -> None:
    sign_checksums(folder, make_key(tmp_path / "key"), "x")
    signers = (folder / "allowed_signers").read_bytes()
    sign_checksums(folder, make_key(tmp_path / "other"), "x")
    (folder / "allowed_signers").write_bytes(signers)
    assert check_signature(folder).state == "bad"


def test_new_checksums_take_the_old_signature_away(folder: Path, tmp_path: Path) -> None:
    sign_checksums(folder, make_key(tmp_path / "key"), "x")
    assert check_checksums(folder) == []
    (folder / "file").write_text("other", "utf-8")
    write_checksums(folder)
    assert check_signature(folder).state == "unsigned"
    assert check_checksums(folder) == []


def test_keys_that_cannot_sign_are_one_clear_error(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no key", "utf-8")
    locked = make_key(tmp_path / "locked", passphrase="secret words")
    for key in (str(tmp_path / "text"), locked, str(tmp_path / "nowhere"), str(tmp_path)):
        with pytest.raises(StickerworksError, match="sign"):
            sign_checksums(folder, key, "x")
    assert check_signature(folder).state == "unsigned"


def test_without_openssh_it_is_said(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = make_key(tmp_path / "key")
    sign_checksums(folder, key, "x")
    monkeypatch.setenv("PATH", os.fspath(tmp_path / "empty"))
    assert check_signature(folder).state == "not checked"
    with pytest.raises(StickerworksError, match="ssh-keygen, which isn't installed"):
        sign_checksums(folder, key, "x")
