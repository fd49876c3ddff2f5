"""New passwords for people who lost theirs, or whose password somebody else knows."""

from __future__ import annotations

import secrets
import subprocess

from annotation.human.studio.launching import studio_environment
from annotation.human.studio.named_person import find_account
from annotation.human.studio.server import find_program
from annotation.human.studio.server_paths import ServerPaths, read_accounts, write_accounts
from pipeline.engine.errors import StickerworksError
from schemas.labelling import LabelConfig

_TIMEOUT_S = 300
# The second is said to a run that goes on where another was killed.
_DONE = ("Password successfully changed", "Entered password is the same as current")


def new_password(place: ServerPaths, config: LabelConfig, person: str) -> tuple[str, str]:
    """Account and new password of a person (an account or a configured name), on our server.

    Works whether the server runs or not; whoever is logged in as them is logged out. It is noted
    as pending before Label Studio hears of it, so that a kill in between loses none. Raises
    StickerworksError when there is no such person, or Label Studio refuses.
    """
    if config.url is not None:
        raise StickerworksError(
            f"{config.url} is a server of others.", "Change the password there."
        )
    place = ServerPaths(place.root.absolute())
    if not place.accounts.exists():
        raise StickerworksError("There are no accounts yet.", "Run `stickerworks label setup`.")
    held = read_accounts(place)
    account = find_account(config, held["passwords"], person)
    if account not in held["passwords"]:
        known = ", ".join(held["passwords"])
        raise StickerworksError(f"{account} has no account here.", f"There are: {known}.")
    held["pending"][account] = secrets.token_urlsafe(12)
    write_accounts(place, held)
    return account, _take_up(place, config, account)


def take_up_pending(place: ServerPaths, config: LabelConfig) -> None:
    """Give people the new passwords that were noted, but perhaps not told, when a run ended."""
    for account in read_accounts(place)["pending"]:
        _take_up(place, config, account)


def _take_up(place: ServerPaths, config: LabelConfig, account: str) -> str:
    password = str(read_accounts(place)["pending"][account])
    _tell(place, config, account, password)
    held = read_accounts(place)
    held["passwords"][account] = held["pending"].pop(account)
    write_accounts(place, held)
    return password


def _tell(place: ServerPaths, config: LabelConfig, account: str, password: str) -> None:
    # Typed in, as at a terminal: command lines can be read by everybody on this machine.
    try:
        done = subprocess.run(
            [str(find_program(config)), "reset_password", "--username", account],
            env=studio_environment(place, config, read_accounts(place)),
            input=f"{password}\n",
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            cwd=place.root,
            timeout=_TIMEOUT_S,
            start_new_session=True,  # without a terminal it reads its input
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StickerworksError(
            f"Label Studio did not set the password ({type(error).__name__}).", "Try again."
        ) from None
    if not any(said in done.stdout for said in _DONE):
        held = read_accounts(place)
        held["pending"].pop(account, None)  # else every command would try it again
        write_accounts(place, held)
        raise StickerworksError(
            f"Label Studio did not set the password of {account} (exit code {done.returncode}).",
            "The old one still holds. Run `stickerworks label setup`, then this again.",
        )
