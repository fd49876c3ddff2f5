"""Pushes a release to a hub through huggingface_hub, in one commit, and reads it back."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pipeline.engine.addresses import strip_secrets
from pipeline.engine.errors import StickerworksError
from pipeline.engine.file_digest import file_sha256
from pipeline.engine.text import one_line
from pipeline.release.checksums import CHECKSUMS, SIGNATURE_FILES, listed_sums
from pipeline.release.looking.floors import version_order

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, HfApi

PUBLIC = "https://huggingface.co"
_AHEAD = 50
"""Large files that are sent before the next are looked at."""
_KEPT = (".gitattributes",)
"""What a hub keeps beside the files that were pushed."""
_BLOCK = 1 << 20
_FACTS, _MOST_FACTS = "croissant.json", 50_000_000
"""The file that tells a release's name and version, and what is read of it at most."""


@dataclass(frozen=True)
class Destination:
    """A repository of data sets on a hub, and what opens it; the token is never told or stored."""

    repo: str
    endpoint: str = PUBLIC
    private: bool = False
    token: str | None = None


@dataclass(frozen=True)
class Pushed:
    """What was pushed: the commit, and the files that were read back with their sha256."""

    url: str
    commit: str
    files: int
    nbytes: int


def push_release(
    folder: Path,
    to: Destination,
    *,
    force: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Pushed:
    """Push every file of the release at ``folder``, then compare each sha256 with what is there.

    It can be seen in one commit, whole or not at all; what was sent before an interruption isn't
    sent again. Unless ``force``, a repository is refused that holds anything but this release or
    an earlier one of its name; in any case a public one where a private one was asked for.
    """
    listed = listed_sums(folder)
    names = [*sorted(listed), CHECKSUMS]
    names += [n for n in SIGNATURE_FILES if n not in listed and (folder / n).is_file()]
    api = _api(to)
    with _told(to):
        url, head = _opened(api, to)
        tree = api.list_repo_files(to.repo, revision=head, repo_type="dataset")
        there = set(tree) - set(_KEPT)
        if there and not force:
            _check_replaceable(to, folder, there, head)
        say(f"pushing {len(names):,} files to {url}")
        commit = _commit(api, to, folder, names, there - set(names), head, say)
        say("reading back what was pushed")
        expected = {**listed, **{n: file_sha256(folder / n) for n in names if n not in listed}}
        wrong = list(_differing(api, to, expected, commit))
    if wrong:
        raise StickerworksError(
            f"{to.repo} doesn't hold what was pushed: {wrong[0]}"
            + (f" (and {len(wrong) - 1:,} more)." if len(wrong) > 1 else "."),
            "Run the same command again; if it says so again, tell the hub's owner.",
        )
    size = sum((folder / name).stat().st_size for name in names)
    return Pushed(url, commit, len(names), size)


def _api(to: Destination) -> HfApi:
    from huggingface_hub import HfApi, constants
    from huggingface_hub.utils.logging import set_verbosity
    from huggingface_hub.utils.tqdm import disable_progress_bars

    parts = urlsplit(to.endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise StickerworksError(
            f"--endpoint: {strip_secrets(to.endpoint)} is no address of a hub.",
            "Give it as https://HOST, without a user or password.",
        )
    if not to.token:
        raise StickerworksError(
            "Pushing takes a token, and HF_TOKEN is not set.",
            "Make one with write permission at the hub, and put it into the environment variable "
            "HF_TOKEN.",
        )
    disable_progress_bars()
    set_verbosity(logging.ERROR)
    constants.HF_HUB_DISABLE_TELEMETRY = True  # the public hub needn't know of pushes to others
    if to.endpoint != PUBLIC:
        constants.HF_HUB_DISABLE_XET = True  # other hubs speak plain Git LFS
    return HfApi(endpoint=to.endpoint.rstrip("/"), token=to.token)


def _opened(api: HfApi, to: Destination) -> tuple[str, str | None]:
    """Address and newest commit of the repository, which is made where there is none."""
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        found = api.repo_info(to.repo, repo_type="dataset")
    except RepositoryNotFoundError:
        api.create_repo(to.repo, repo_type="dataset", private=to.private)
        found = api.repo_info(to.repo, repo_type="dataset")
    if to.private and found.private is not True:
        raise StickerworksError(
            f"The repository {to.repo} is public, or its hub doesn't say that it is private.",
            "Make it private at the hub, name another one, or leave out --private.",
        )
    return strip_secrets(f"{to.endpoint.rstrip('/')}/datasets/{to.repo}"), found.sha


def _check_replaceable(to: Destination, folder: Path, there: set[str], head: str | None) -> None:
    """Only the release itself, or an earlier one of its name, gives way."""
    remedy = "Name another one, or add --force, which replaces what is there."
    if CHECKSUMS not in there:
        raise StickerworksError(
            f"The repository {to.repo} holds {len(there):,} files that are no release.", remedy
        )
    if _read_back(to, CHECKSUMS, head) == file_sha256(folder / CHECKSUMS):
        return
    ours = _name_and_version((folder / _FACTS).read_bytes()) if _is_small(folder / _FACTS) else None
    theirs = _name_and_version(_beginning(to, _FACTS, head)) if _FACTS in there else None
    if ours is None or theirs is None:
        raise StickerworksError(
            f"The repository {to.repo} holds another release, and {_FACTS} doesn't tell which one "
            "comes first.",
            remedy,
        )
    if ours[0] != theirs[0]:
        raise StickerworksError(
            f"The repository {to.repo} holds another data set, {one_line(theirs[0], 80)}.", remedy
        )
    if version_order(ours[1]) <= version_order(theirs[1]):
        raise StickerworksError(
            f"The repository {to.repo} holds version {one_line(theirs[1], 40)} with other files, "
            f"and this is version {one_line(ours[1], 40)}.",
            "Raise release.version, or add --force, which replaces what is there (as after a "
            "takedown).",
        )


def _name_and_version(text: bytes) -> tuple[str, str] | None:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    name, version = said.get("name"), said.get("version")
    return (name, version) if isinstance(name, str) and isinstance(version, str) else None


def _is_small(path: Path) -> bool:
    return path.is_file() and path.stat().st_size <= _MOST_FACTS


def _commit(
    api: HfApi,
    to: Destination,
    folder: Path,
    names: list[str],
    stale: set[str],
    head: str | None,
    say: Callable[[str], None],
) -> str:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    added: list[CommitOperationAdd] = []
    for start in range(0, len(names), _AHEAD):
        some = [
            CommitOperationAdd(path_in_repo=name, path_or_fileobj=str(folder / name))
            for name in names[start : start + _AHEAD]
        ]
        api.preupload_lfs_files(to.repo, some, repo_type="dataset")
        added += some
        say(f"{len(added):,} of {len(names):,} files sent")
    gone = [CommitOperationDelete(path_in_repo=name) for name in sorted(stale)]
    done = api.create_commit(
        to.repo,
        [*added, *gone],
        commit_message=f"Release {folder.name}",
        repo_type="dataset",
        parent_commit=head,
    )
    return str(done.oid)


def _differing(api: HfApi, to: Destination, expected: dict[str, str], commit: str) -> Iterator[str]:
    """Files whose bytes at the hub aren't ours: by the hub's own sha256 where it keeps one for a
    large file, and read back otherwise."""
    there: dict[str, Any] = {
        entry.path: entry
        for entry in api.list_repo_tree(
            to.repo, recursive=True, revision=commit, repo_type="dataset"
        )
        if hasattr(entry, "blob_id")
    }
    for name, sha256 in expected.items():
        entry = there.get(name)
        if entry is None:
            yield f"{name} is missing"
        elif (entry.lfs.sha256 if entry.lfs else _read_back(to, name, commit)) != sha256:
            yield f"{name} has other bytes"
    for name in sorted(set(there) - set(expected) - set(_KEPT)):
        yield f"{name} is no file of the release"


def _read_back(to: Destination, name: str, commit: str | None) -> str:
    digest = hashlib.sha256()
    for piece in _pieces(to, name, commit):
        digest.update(piece)
    return digest.hexdigest()


def _beginning(to: Destination, name: str, commit: str | None) -> bytes:
    """No more of a stranger's file than a small one has."""
    found = b""
    for piece in _pieces(to, name, commit):
        found += piece
        if len(found) > _MOST_FACTS:
            return b""
    return found


def _pieces(to: Destination, name: str, commit: str | None) -> Iterator[bytes]:
    from huggingface_hub import get_session, hf_hub_url
    from huggingface_hub.utils._headers import build_hf_headers
    from huggingface_hub.utils._http import hf_raise_for_status

    url = hf_hub_url(
        to.repo, name, repo_type="dataset", revision=commit, endpoint=to.endpoint.rstrip("/")
    )
    with get_session().stream("GET", url, headers=build_hf_headers(token=to.token)) as answer:
        hf_raise_for_status(answer)
        yield from answer.iter_bytes(_BLOCK)


@contextmanager
def _told(to: Destination) -> Iterator[None]:
    """Tell what the hub or the way to it says against it, without the token."""
    from httpx2 import HTTPError  # what huggingface_hub speaks with
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    host = urlsplit(to.endpoint).netloc
    try:
        yield
    except HFValidationError as error:
        raise StickerworksError(
            f"--repo: {one_line(error, 200)}.", "Give it as NAME or OWNER/NAME."
        ) from None
    except HfHubHTTPError as error:
        status = error.response.status_code
        remedy = "Try again later: what was sent isn't sent again."
        if status in (401, 403):
            remedy = "Check that the token in HF_TOKEN may write to that repository."
        raise StickerworksError(
            f"{host} refuses the push to {to.repo}: it answered {status}"
            + (f", {_without(one_line(error.server_message, 200), to.token)}"
               if error.server_message else "") + ".",
            remedy,
        ) from None  # fmt: skip
    except (HTTPError, OSError, RuntimeError, ValueError) as error:
        if isinstance(error, StickerworksError):
            raise
        cause = error.__cause__ or error
        raise StickerworksError(
            f"The push to {to.repo} at {host} broke off: {type(cause).__name__}: "
            f"{_without(one_line(cause, 200), to.token)}.",
            "Run the same command again: what was sent isn't sent again.",
        ) from None


def _without(text: str, token: str | None) -> str:
    return text.replace(token, "(token)") if token else text
