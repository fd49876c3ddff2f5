"""Whether what a stage or step wrote is current: made by the same code from the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.engine.fingerprint import fingerprint, hash_json
from pipeline.engine.stage import Stage, Step
from pipeline.engine.storage import Proof
from pipeline.engine.workspace import Workspace
from schemas.config import Config
from schemas.tables import TABLES


def fingerprint_of(work: Stage | Step, config: Config) -> str:
    """What a current proof of the work's tables says."""
    return fingerprint(
        work.name, work.version, work.writes, work.settings(config), work.models(config)
    )


def base_of(stage: Stage, config: Config) -> str:
    """The fingerprint without what the stage may add, empty where it adds nothing."""
    if stage.adds is None:
        return ""
    rest = {key: value for key, value in stage.settings(config).items() if key != stage.adds}
    return fingerprint(stage.name, stage.version, stage.writes, rest, stage.models(config))


def inputs_of(work: Stage | Step, workspace: Workspace, parts: Sequence[int]) -> dict[str, str]:
    """Digests of the shards and global tables that are read for some shards, by their names."""
    inputs = {}
    for table in work.reads:
        if TABLES[table].scope == "global":
            (inputs[table],) = workspace.digests(table, (None,))
            continue
        for part, digest in zip(parts, workspace.digests(table, parts), strict=True):
            inputs[f"{table}/{part}"] = digest
    return inputs


def shard_is_current(stage: Stage, workspace: Workspace, expected: str, part: int) -> bool:
    """Whether every table that a stage writes has the shard, and it is current."""
    inputs = inputs_of(stage, workspace, (part,))
    proofs = (workspace.proof(table, part) for table in stage.writes)
    return all(is_current(proof, expected, inputs) for proof in proofs)


@dataclass(frozen=True)
class StepRun:
    """One run of a step: over which shards, and what it reads.

    That is one digest: a thousand shards each listing a thousand inputs would be quadratic.
    """

    parts: tuple[int, ...]
    inputs: dict[str, str]


def stale_runs(step: Step, workspace: Workspace, config: Config) -> list[StepRun]:
    """The runs that a step needs: all shards in one, or each stale block."""
    every = workspace.blocks if step.each_block else (workspace.parts,)
    expected = fingerprint_of(step, config)
    runs = (
        StepRun(parts, {"all": hash_json(inputs_of(step, workspace, parts))}) for parts in every
    )
    return [run for run in runs if not _run_is_current(step, workspace, expected, run)]


def is_current(proof: Proof | None, expected: str, inputs: Mapping[str, str]) -> bool:
    """Whether a proof is about that fingerprint and those inputs."""
    return proof is not None and proof.fingerprint == expected and proof.inputs == inputs


def _run_is_current(step: Step, workspace: Workspace, expected: str, run: StepRun) -> bool:
    for table in step.writes:
        for part in (None,) if TABLES[table].scope == "global" else run.parts:
            if not is_current(workspace.proof(table, part), expected, run.inputs):
                return False
    return True
