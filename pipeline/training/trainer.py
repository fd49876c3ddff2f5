"""What each command does with a baseline: prepare, train, load, evaluate, predict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pipeline.engine.errors import StickerworksError
from pipeline.engine.plugins import is_ours, plugin_faults
from pipeline.training.arrays import Images, Scores
from pipeline.training.contract import (
    Attends,
    Baseline,
    Evaluation,
    Generates,
    HeatMaps,
    Judges,
    Learner,
    NewSticker,
    NotJudgedError,
    Picks,
    Prediction,
    Reads,
    Resolves,
    Run,
    Selects,
    Settings,
    Trained,
    UnreadableImageError,
)
from pipeline.training.estimators import load_model
from pipeline.training.examples import Dataset, Examples, Use, learnable_tags
from pipeline.training.frames import KEY_FRAME
from pipeline.training.prepared import read_files
from pipeline.training.tagging import (
    evaluate_tags,
    rank_tags,
    score_tags,
)
from pipeline.training.target import commonest, single_figures, withheld_columns, without

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True)
class Prepared:
    """What ``train`` fits: rows, and in ``facts`` what a trained model needs to know.

    ``facts`` is JSON-able and names the data (a digest), so that a run is never continued on
    other data. ``notes`` are for people. ``settings`` are those that files named in them called
    for.
    """

    train: Examples
    validation: Examples
    settings: Any
    facts: dict[str, Any]
    notes: tuple[str, ...]


def prepare(baseline: Learner[S, Any], dataset: Dataset, settings: S) -> Prepared:
    """Read what a baseline learns from; raises StickerworksError when that is nothing."""
    settings, resolved = resolve(baseline, settings)
    selection = baseline.selection(settings) if isinstance(baseline, Selects) else None
    watched = selection.split if selection else "validation"
    train, validation = (
        read_split(baseline, dataset, part, settings) for part in ("train", watched)
    )
    reason = _lacks(baseline, train, settings)
    if reason:
        raise StickerworksError(
            f"{dataset.path} has nothing to learn: {reason}.",
            "Choose another release or baseline; `stickerworks validate` says what became of the "
            "rows.",
        )
    counted = f"{len(train):,} train and {len(validation):,} {validation.name} rows"
    notes = [counted + (f", {len(train.tags):,} tags" if train.tags else "")]
    notes += [*train.notes, *validation.notes, *resolved]
    if selection and watched == "test":
        notes.append("the epoch is chosen by the test split: its figures there are no test")
    tags = {"tags": list(train.tags)} if isinstance(baseline, Baseline) else {}
    facts: dict[str, Any] = {**tags, "data": [train.digest, validation.digest]}
    if dataset.target is not None:
        majority = commonest(train.targets, train.tags)
        facts |= {"target": dataset.target, "majority": majority, "withheld": list(train.withheld)}
        notes.append(_tell_classes(train))
    validation = replace(validation, tags=train.tags)
    return Prepared(train, validation, settings, facts, tuple(notes))


def fit(baseline: Learner[S, Any], train: Examples, settings: S, run: Run) -> Any:
    """The fitted model; raises FloatingPointError where it diverges."""
    with blaming(baseline, "while it fitted"):
        model = baseline.fit(train, settings, run)
        if model is None:
            raise TypeError("its fit gives nothing, where a model is needed")
        return model


def evaluate(baseline: Learner[S, Any], run: Trained, dataset: Dataset, split: str) -> Evaluation:
    """Metrics of a trained model; raises StickerworksError when the split has no usable row."""
    examples = read_split(baseline, dataset, split, run.settings)
    if not len(examples):
        raise StickerworksError(
            f"The split {split!r} of {dataset.path} has no usable row of {examples.use.in_split}.",
            "Name another one with --split: train, validation, test or a named test set.",
        )
    examples = replace(examples, tags=tuple(run.facts.get("tags", ())))
    model = load_model(baseline, run)
    if isinstance(baseline, Judges):
        with blaming(baseline, f"while it judged {split} rows"):
            found = baseline.evaluate(model, examples, run.settings)
    else:
        assert isinstance(baseline, Baseline)
        scores = score_tags(baseline, model, examples, run.settings)
        found = evaluate_tags(baseline, scores, examples)
        found = _beside_majority(found, run, scores, examples)
    return replace(found, notes=(*examples.notes, *found.notes))


def _tell_classes(train: Examples) -> str:
    counts = Counter(name for target in train.targets for name in target)
    told = ", ".join(f"{name} {counts[name]:,}" for name in train.tags)
    return f"answers to {train.use.target} in train: {told}"


def _beside_majority(
    found: Evaluation, run: Trained, scores: Scores, examples: Examples
) -> Evaluation:
    """Figures of answers to a question, beside those of who always gives train's commonest."""
    if "target" not in run.facts:
        return found
    majority = run.facts.get("majority")
    further = single_figures(scores, examples.truth, examples.tags, majority)
    told = (f"majority: always {majority}, the commonest answer in train",) if further else ()
    return replace(found, figures={**further, **found.figures}, notes=(*found.notes, *told))


def predict(
    baseline: Baseline[Any, Any], run: Trained, stickers: Sequence[NewSticker]
) -> list[Prediction]:
    """Tags of new stickers; raises UnreadableImageError for the first that can't be decoded."""
    if not run.facts["tags"]:
        raise StickerworksError(
            "This run can't tag: no tag stood on two or more of its train rows.",
            "Train on a release with tags.",
        )
    examples = new_examples(baseline, run, stickers)
    scores = score_tags(baseline, load_model(baseline, run), examples, run.settings)
    return rank_tags(scores, examples.tags)


def show_attention(
    baseline: Attends[Any, Any], run: Trained, stickers: Sequence[NewSticker]
) -> list[HeatMaps]:
    """Where a trained model looks at new stickers; raises as ``predict``."""
    assert isinstance(baseline, Learner)
    examples = new_examples(baseline, run, stickers)
    model = load_model(baseline, run)
    with blaming(baseline, "while it drew its attention"):
        return baseline.attention(model, examples, run.settings)


def generate(
    baseline: Generates[Any, Any], run: Trained, captions: Sequence[str], seed: int
) -> list[Images]:
    """Clips that a trained model draws of captions."""
    assert isinstance(baseline, Learner)
    model = load_model(baseline, run)
    with blaming(baseline, "while it generated"):
        return baseline.generate(model, captions, run.settings, seed)


def new_examples(
    baseline: Learner[Any, Any], run: Trained, stickers: Sequence[NewSticker]
) -> Examples:
    """New stickers as rows without truth; raises UnreadableImageError for a broken one."""
    pick = baseline.pick if isinstance(baseline, Picks) else KEY_FRAME
    files = [sticker.data for sticker in stickers]
    frames, lengths, problems = read_files(files, run.settings.image_side, pick)
    broken = {number: problem for number, problem in enumerate(problems) if problem is not None}
    for number, problem in broken.items():
        raise UnreadableImageError(number, problem, broken)
    count = len(stickers)
    facts = run.facts
    # Runs of before don't say what they left out.
    default = withheld_columns(facts.get("target"), facts["tags"])
    withheld = facts.get("withheld", default)
    return Examples(
        name="new",
        ids=tuple(map(str, range(count))),
        targets=(frozenset(),) * count,
        texts=tuple(without(one.texts, withheld) for one in stickers),
        lengths=lengths,
        frames=frames,
        use=Use(count, count, count, 0, 0, 0, 0, ()),
        notes=(),
        digest="",
        tags=tuple(run.facts["tags"]),
    )


def resolve(baseline: Learner[S, Any], settings: S) -> tuple[S, tuple[str, ...]]:
    if not isinstance(baseline, Resolves):
        return settings, ()
    with blaming(baseline, "while it resolved its settings"):
        return baseline.resolve(settings)


def blaming(baseline: Learner[Any, Any], doing: str) -> AbstractContextManager[None]:
    """Tell what a baseline raises as its own fault; what goes wrong in ours is ours to tell."""
    if is_ours("baselines", baseline.name):
        return nullcontext()
    passing = (FloatingPointError, NotJudgedError, UnreadableImageError)
    return plugin_faults("baselines", baseline.name, doing, passing)


def read_split(baseline: Learner[S, Any], dataset: Dataset, split: str, settings: S) -> Examples:
    """Rows of a split that a baseline can learn from; those of train know the tags."""
    if dataset.target is not None and not isinstance(baseline, Baseline):
        raise StickerworksError(
            f"The baseline {baseline.name} learns no labels, and so no answers to a question.",
            "Leave the target out, or use a baseline that scores tags, such as mghft.",
        )
    if isinstance(baseline, Reads):
        with blaming(baseline, f"while it read {split} rows"):
            found = baseline.read(dataset, split, settings)
    else:
        found = dataset.read(split, settings.image_side, KEY_FRAME)
    if split == "train" and isinstance(baseline, Baseline):
        found = replace(found, tags=learnable_tags(found))
    return found


def _lacks(baseline: Learner[S, Any], train: Examples, settings: S) -> str | None:
    """Why there is nothing to learn, if so."""
    if isinstance(baseline, Reads):
        return baseline.lacks(train, settings, 1)
    if train.use.target and len(frozenset().union(*train.targets)) < 2:
        return (
            f"the {len(train)} usable train rows have fewer than two different answers to "
            f"{train.use.target}"
        )
    if not train.tags:
        bare = train.use.without_image
        hint = f" ({bare} more carry no image: crawl.sources[].redistribute)" if bare else ""
        return f"no tag stands on two or more of the {len(train)} usable train rows{hint}"
    return None
