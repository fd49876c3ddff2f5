"""Pushes a release to a hub through huggingface_hub, in one commit, and reads it back."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pipeline.engine.addresses import strip_secrets
from pipeline.engine.errors import StickerworksError
from pipeline.engine.text import one_line
from pipeline.release.checksums import CHECKSUMS, SIGNATURE_FILES, listed_sums

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, HfApi

PUBLIC = "https://huggingface.co"
_AHEAD = 50
"""Large files that are sent before the next are looked at."""
_KEPT = (".gitattributes",)
"""What a hub keeps beside the files that were pushed."""
_BLOCK = 1 << 20


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
    sent again. A repository that holds something else than a release is refused, unless ``force``.
    """
    listed = listed_sums(folder)
    names = [*sorted(listed), CHECKSUMS]
    names += [n for n in SIGNATURE_FILES if n not in listed and (folder / n).is_file()]
    api = _api(to)
    with _told(to):
        url = api.create_repo(to.repo, repo_type="dataset", private=to.private, exist_ok=True)
        there = set(api.list_repo_files(to.repo, repo_type="dataset")) - set(_KEPT)
        if there and CHECKSUMS not in there and not force:
            raise StickerworksError(
                f"The repository {to.repo} holds {len(there):,} files that are no release.",
                "Name another one, or add --force, which replaces what is there.",
            )
        say(f"pushing {len(names):,} files to {strip_secrets(str(url))}")
        commit = _commit(api, to, folder, names, there - set(names), say)
        say("reading back what was pushed")
        expected = {**listed, **{n: _sha256(folder / n) for n in names if n not in listed}}
        wrong = list(_differing(api, to, expected, commit))
    if wrong:
        raise StickerworksError(
            f"{to.repo} doesn't hold what was pushed: {wrong[0]}"
            + (f" (and {len(wrong) - 1:,} more)." if len(wrong) > 1 else "."),
            "Run the same command again; if it says so again, tell the hub's owner.",
        )
    size = sum((folder / name).stat().st_size for name in names)
    return Pushed(strip_secrets(str(url)), commit, len(names), size)


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


def _commit(
    api: HfApi,
    to: Destination,
    folder: Path,
    names: list[str],
    stale: set[str],
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
        to.repo, [*added, *gone], commit_message=f"Release {folder.name}", repo_type="dataset"
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


def _read_back(to: Destination, name: str, commit: str) -> str:
    from huggingface_hub import get_session, hf_hub_url
    from huggingface_hub.utils._headers import build_hf_headers
    from huggingface_hub.utils._http import hf_raise_for_status

    url = hf_hub_url(
        to.repo, name, repo_type="dataset", revision=commit, endpoint=to.endpoint.rstrip("/")
    )
    digest = hashlib.sha256()
    with get_session().stream("GET", url, headers=build_hf_headers(token=to.token)) as answer:
        hf_raise_for_status(answer)
        for piece in answer.iter_bytes(_BLOCK):
            digest.update(piece)
    return digest.hexdigest()


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


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
