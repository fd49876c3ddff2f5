"""Signs a release's checksums with an SSH key; whoever has OpenSSH verifies it without us."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import named_path, read_regular
from pipeline.release.checksums import CHECKSUMS, SIGNATURE, SIGNERS

_NAMESPACE = "file"
_MOST_BYTES = 1 << 16
_SECONDS = 60
_PUBLIC_KEY = re.compile(r"(?P<kind>[a-z0-9@.-]{1,60}) (?P<blob>[A-Za-z0-9+/=]{1,20000})")
_PRINCIPAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}")
# A build on another machine gives the same bytes with these alone.
_DETERMINISTIC = ("ssh-ed25519", "ssh-rsa")
_GOOD = re.compile(r"with (?P<key>[A-Z0-9-]{1,30} key SHA256:[A-Za-z0-9+/]{43})")
_ASKS_NOBODY = {"SSH_ASKPASS_REQUIRE": "never"}


@dataclass(frozen=True)
class Signature:
    """Whether the checksums are signed, in the words of a line for people."""

    state: Literal["signed", "unsigned", "bad", "not checked"]
    detail: str


UNSIGNED = Signature("unsigned", "nobody signed it")


def sign_checksums(folder: Path, key: str, identity: str) -> str:
    """Write SHA256SUMS.sig and allowed_signers for ``identity``; return what to tell of it.

    ``key`` is an SSH key's file: private without a passphrase, or public where an agent has the
    private one. Raises StickerworksError where ssh-keygen is missing or can't sign with it.
    """
    path = named_path(key, "release.sign_key")
    program = _ssh_keygen()
    if program is None:
        raise StickerworksError(
            "Checksums are signed by ssh-keygen, which isn't installed.",
            "Install OpenSSH's client (`apt-get install openssh-client`), or leave "
            "release.sign_key out.",
        )
    if not path.is_file():
        raise StickerworksError(
            f"release.sign_key: there is no file {path}.",
            "`ssh-keygen -t ed25519 -N '' -f FILE` makes a key.",
        )
    public = _public_key(program, path)
    with (folder / CHECKSUMS).open("rb") as sums:
        made = _run(
            [program, "-Y", "sign", "-f", os.fspath(path.resolve()), "-n", _NAMESPACE], sums
        )
    if made.returncode or not made.stdout.startswith(b"-----BEGIN SSH SIGNATURE-----"):
        raise _unusable(path, made)
    signer = f'{identity} namespaces="{_NAMESPACE}" {public[0]}\n'
    for name, data in ((SIGNERS, signer.encode()), (SIGNATURE, made.stdout)):
        with atomic_file(folder / name) as temporary:
            temporary.write_bytes(data)
    told = f"checksums signed by the key of {path.name} ({public['kind']})"
    if public["kind"] in _DETERMINISTIC:
        return told
    return f"{told}; signatures of such a key differ from one build to the next, ed25519's don't"


def check_signature(folder: Path) -> Signature:
    """Whether SHA256SUMS.sig is the signature of SHA256SUMS by the key in allowed_signers.

    It proves that who has that key signed these sums; whose key it is must be known from elsewhere.
    """
    if not (folder / SIGNATURE).exists():
        return Signature("unsigned", "nobody signed the checksums")
    try:
        signers = read_regular(folder / SIGNERS, _MOST_BYTES).decode("ascii")
        read_regular(folder / SIGNATURE, _MOST_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        return Signature("bad", f"{SIGNERS} and {SIGNATURE} can't be read: {error}")
    identity = signers.split(" ", 1)[0]
    if not _PRINCIPAL.fullmatch(identity):
        return Signature("bad", f"{SIGNERS} doesn't begin with a name")
    return _verified(folder, identity)


def _verified(folder: Path, identity: str) -> Signature:
    program = _ssh_keygen()
    if program is None:
        return Signature("not checked", "the checksums are signed, but ssh-keygen isn't installed")
    command = ["-Y", "verify", "-f", SIGNERS, "-I", identity, "-n", _NAMESPACE, "-s", SIGNATURE]
    try:
        with (folder / CHECKSUMS).open("rb") as sums:
            done = _run([program, *command], sums, folder)
    except OSError as error:
        return Signature("bad", f"{CHECKSUMS} can't be read: {error}")
    good = _GOOD.search(done.stdout.decode("utf-8", "replace"))
    if done.returncode or good is None:
        return Signature("bad", f"{SIGNATURE} is no signature of {CHECKSUMS} by {SIGNERS}")
    return Signature("signed", f"signed as {identity} by the {good['key']}")


def _public_key(program: str, path: Path) -> re.Match[str]:
    """The kind and the key, without a comment, which may name a person and a machine."""
    try:
        text = read_regular(path, _MOST_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise StickerworksError(
            f"release.sign_key: {path} can't be read: {error}.", "Name an SSH key's file."
        ) from error
    if found := _PUBLIC_KEY.match(text):
        return found
    made = _run([program, "-y", "-P", "", "-f", os.fspath(path.resolve())], subprocess.DEVNULL)
    if found := _PUBLIC_KEY.match(made.stdout.decode("utf-8", "replace")):
        return found
    raise _unusable(path, made)


def _unusable(path: Path, made: subprocess.CompletedProcess[bytes]) -> StickerworksError:
    said = made.stderr.decode("utf-8", "replace").strip().splitlines()
    return StickerworksError(
        f"ssh-keygen can't sign with {path}: {said[-1] if said else 'it says nothing'}.",
        "Name a private SSH key that only you can read and that has no passphrase, or a public "
        "key whose private one ssh-agent holds.",
    )


def _run(
    command: list[str], given: IO[bytes] | int, folder: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run ssh-keygen away from the terminal, so that it can ask for no passphrase."""
    try:
        return subprocess.run(
            command,
            stdin=given,
            capture_output=True,
            check=False,
            cwd=folder,
            timeout=_SECONDS,
            env={**os.environ, **_ASKS_NOBODY},
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, b"", b"it gave no answer for a minute")


def _ssh_keygen() -> str | None:
    return shutil.which("ssh-keygen")
