"""What an object store's client says, in one line for people and without its secrets."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.engine.errors import StickerworksError
from pipeline.engine.store.contract import ChangedError

_CODE = re.compile(r"<Code>(\w+)</Code>")
_STATUS = re.compile(r"non-2xx status code: (\d{3})")
_WRONG_KEYS = {
    "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken",
    "InvalidClientTokenId", "TokenRefreshRequired", "AuthorizationHeaderMalformed",
}  # fmt: skip
# Where nothing gives keys, the client asks for a cloud machine's role, and mostly finds nobody.
_METADATA = ("/latest/api/token", "/latest/meta-data")


@contextmanager
def store_errors(where: str, endpoint: str, writing: bool = False) -> Iterator[None]:
    """Turn the client's errors into ours; FileNotFoundError and ChangedError stay such.

    The client's own text is left out: it quotes requests and answers.
    """
    from obstore import exceptions

    try:
        yield
    except FileNotFoundError as error:
        if "NoSuchBucket" in str(error):
            raise _no_bucket(where, endpoint) from None
        raise FileNotFoundError(errno.ENOENT, "there is no such object", where) from None
    except (exceptions.AlreadyExistsError, exceptions.PreconditionError) as error:
        if "NoSuchBucket" in str(error):
            raise _no_bucket(where, endpoint) from None
        raise ChangedError(where) from None
    except (exceptions.BaseError, OSError, ValueError) as error:
        raise _explained(str(error), where, endpoint, writing) from None


def _explained(text: str, where: str, endpoint: str, writing: bool) -> StickerworksError:
    code, status = _first(_CODE, text), _first(_STATUS, text)
    if code == "NoSuchBucket":
        return _no_bucket(where, endpoint)
    if any(sign in text for sign in _METADATA):
        return StickerworksError(
            f"There are no credentials for {where}.",
            "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or fill ~/.aws/credentials.",
        )
    if status is not None:
        return _refused(code or f"status {status}", status, where, writing)
    return StickerworksError(
        f"Could not reach the store of {where} at {endpoint}.",
        "Check the network and storage.endpoint; nothing finished is lost, so run the same "
        "command again.",
    )


def _refused(code: str, status: str, where: str, writing: bool) -> StickerworksError:
    if code in _WRONG_KEYS or status == "401":
        return StickerworksError(
            f"The store refused the credentials for {where} ({code}).",
            "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_PROFILE and storage.region.",
        )
    if code == "RequestTimeTooSkewed":
        return StickerworksError(
            f"The store refused {where}: this machine's clock is wrong.", "Set the clock."
        )
    if status == "403":
        return StickerworksError(
            f"No permission to {'write' if writing else 'read'} {where} ({code}).",
            "The credentials need to read, write, list and delete below the workspace's address.",
        )
    return StickerworksError(
        f"The store failed at {where} ({code}).",
        "Nothing finished is lost; run the same command again later.",
    )


def _no_bucket(where: str, endpoint: str) -> StickerworksError:
    return StickerworksError(
        f"There is no bucket {where.split('/')[2]} at {endpoint}.",
        "Create it, or correct --workspace and storage.endpoint.",
    )


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return found[1] if found else None
