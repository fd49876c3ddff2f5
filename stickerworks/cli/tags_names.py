"""Names that a served model suggests for clusters, asked once and remembered."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipeline.engine.errors import StickerworksError
from pipeline.engine.fingerprint import hash_json
from pipeline.engine.storage import Proof
from pipeline.engine.workspace import Workspace
from schemas.tables import NAME_SUGGESTIONS as TABLE
from stickerworks.cli.session import Session

if TYPE_CHECKING:
    from annotation.machine.cluster_names import ClusterToName, ModelName, NameTally
    from annotation.machine.configured import ConfiguredCaptioner

_PROOF = Proof("tags sheet", "")

Suggested = dict[str, tuple[str | None, str | None]]
"""Names in Chinese and English by the proposal's key."""


def check_model(session: Session) -> None:
    """StickerworksError where a served model is configured that can't be asked, or mustn't be."""
    if _served(session) is not None:
        session.check_trusted("annotate")


def suggested_names(session: Session) -> Suggested:
    """What a served model calls the clusters that have no name yet; nothing without one.

    Only clusters that it has not been asked about are; a dry run says how many requests that
    would take, and gives what is remembered.
    """
    captioner = _served(session)
    if captioner is None:
        return {}
    asked = _identity(captioner)
    clusters = _clusters(session.workspace)
    digests = {key: cluster.digest(asked) for key, cluster in clusters.items()}
    remembered = _Remembered(session.workspace, _title(captioner))
    new = [key for key, digest in digests.items() if digest not in remembered.names]
    if session.options.dry_run:
        _say_requests(session, captioner, len(new))
    elif new:
        session.check_trusted("annotate")
        _ask(session, captioner, {digests[key]: clusters[key] for key in new}, remembered)
    return _usable(session, {k: remembered.names.get(d) for k, d in digests.items()})


def _served(session: Session) -> ConfiguredCaptioner | None:
    from annotation.machine.captions import load_captioner
    from annotation.machine.served.options import ServedOptions

    captioner = load_captioner(session.config)
    # A model that this machine itself would run is asked by `annotate` alone: it takes hours.
    return captioner if isinstance(captioner.options, ServedOptions) else None


def _title(captioner: ConfiguredCaptioner) -> str:
    model = captioner.model()
    return model.title if model else captioner.name


def _identity(captioner: ConfiguredCaptioner) -> str:
    return hash_json([captioner.name, _title(captioner), dict(captioner.settings())])


def _clusters(workspace: Workspace) -> dict[str, ClusterToName]:
    """Clusters without a name by key; those of blocked words are nobody's to name."""
    from annotation.machine.cluster_names import ClusterToName

    return {
        row["key"]: ClusterToName(
            tuple(row["terms"] or ()), tuple(row["exemplars"] or ()), row["keywords"] or 0
        )
        for row in workspace.read("proposals").to_pylist()
        if row["tag"] is None and row["name"] is not None
    }


class _Remembered:
    """The table of what was said; ``keep`` adds to it and writes it."""

    def __init__(self, workspace: Workspace, model: str) -> None:
        from annotation.machine.cluster_names import ModelName

        self._workspace, self._model = workspace, model
        self._rows: list[dict[str, Any]] = workspace.read(TABLE.name).to_pylist()
        self.names = {row["digest"]: ModelName(row["name"], row["english"]) for row in self._rows}

    def keep(self, names: Mapping[str, ModelName]) -> None:
        """Remember names by digest, those of nothing as well."""
        from annotation.machine.cluster_names import PROMPT

        now = datetime.now(UTC).isoformat(timespec="seconds")
        more = {"model": self._model, "prompt": PROMPT, "asked_at": now}
        self._rows += [
            {"digest": digest, "name": said.name, "english": said.english, **more}
            for digest, said in sorted(names.items())
        ]
        self.names.update(names)
        table = pa.Table.from_pylist(self._rows, schema=TABLE.schema)
        self._workspace.write(TABLE.name, None, table, _PROOF)


def _ask(
    session: Session,
    captioner: ConfiguredCaptioner,
    clusters: Mapping[str, ClusterToName],
    remembered: _Remembered,
) -> None:
    from annotation.machine.cluster_names import ask_names

    digests = list(clusters)
    session.say(f"  {'names':<12} asks {_title(captioner)} about {len(digests):,} clusters")

    def keep(said: Mapping[int, ModelName]) -> None:
        remembered.keep({digests[place]: name for place, name in said.items()})

    async def talk() -> NameTally:
        chat = captioner.open_chat()
        try:
            return await ask_names(chat, list(clusters.values()), keep)
        finally:
            await chat.close()

    try:
        tally = asyncio.run(talk())
    except StickerworksError as error:
        without = "To go without its names: --set annotate.captioner=template."
        raise StickerworksError(error.message, f"{error.remedy} {without}") from error
    named = [d for d in digests if d in remembered.names and remembered.names[d].name]
    session.results["names"] = {
        "model": _title(captioner),
        "asked": len(digests),
        "named": len(named),
        "requests": tally.requests,
        "tokens_in": tally.tokens_in,
        "tokens_out": tally.tokens_out,
        "failed": tally.failed,
    }
    session.say(
        f"  {'':<12} {len(named):,} named by {tally.requests:,} requests, {tally.tokens_in:,} "
        f"tokens read and {tally.tokens_out:,} written"
    )
    if tally.failed:
        session.say(
            f"  {'':<12} {tally.failed:,} not answered, the last because: {tally.reason}; the "
            "same command asks again"
        )


def _say_requests(session: Session, captioner: ConfiguredCaptioner, clusters: int) -> None:
    from annotation.machine.cluster_names import requests_for

    requests = requests_for(clusters)
    session.results["names"] = {"model": _title(captioner), "asked": clusters, "requests": requests}
    session.say(
        f"  {'names':<12} would ask {_title(captioner)} about {clusters:,} clusters in "
        f"{requests:,} requests"
    )


def _usable(session: Session, names: Mapping[str, ModelName | None]) -> Suggested:
    """What can be a name of what was said, each name once, and none that another row has.

    A model may be led astray by what it reads.
    """
    from pipeline.tags.blocked import blocked_by_people
    from pipeline.tags.name_forms import is_blocked, name_fault, same_name, shown_name
    from pipeline.tags.words import blocked_words

    read = session.workspace.read
    people = blocked_by_people(read("naming"), read("named_tags"), read("named_keywords"))
    blocked = people.union(blocked_words(session.config.tags.blocked_words))

    taken: dict[str, str] = {}
    for row in read("proposals").to_pylist():
        for name in (row["name"], row["english"], *(row["aliases"] or ())):
            taken.setdefault(same_name(name or ""), row["key"])

    def usable(key: str, text: str | None) -> str | None:
        if text is None or name_fault(text) is not None or is_blocked(text, blocked):
            return None
        return shown_name(text) if taken.setdefault(same_name(text), key) == key else None

    said = {key: name for key, name in names.items() if name is not None}
    found = {k: (usable(k, name.name), usable(k, name.english)) for k, name in said.items()}
    return {key: pair for key, pair in found.items() if any(pair)}
