"""What the gate holds against its bounds once both runs are trained, one check each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.engine.checks import Check, Outcome
from pipeline.engine.figures import is_share, points, tell
from pipeline.training.gate_compared import Compared
from pipeline.training.label_noise import LabelNoise
from schemas.config import ValidateConfig

_LOOK = (
    "Look whether tags and pictures still belong together: `stickerworks report`, or the rows of "
    "the release themselves."
)
_SPLIT_AGAIN = (
    "Look at the tags of the test rows: they should be as right as the others. `stickerworks "
    "merge` makes them from the votes, `stickerworks split` deals them out."
)
_GIVE_TEST = (
    "Get its shards if they were lost; else give test a larger share in `split`, or don't report "
    "figures on it."
)
_NAMED = 3
_NOISY = (
    "Look at the rows named here and in reports/gate.json, have them voted on again "
    "(`stickerworks label export`), or state the noise that you accept in "
    "validation.max_label_noise."
)
_SUGGESTED = (
    "Have the rows voted on (`stickerworks label export`), mend the keywords that suggest their "
    "tags, or state the noise that you accept in validation.max_suggested_noise."
)


def learning_checks(compared: Compared, config: ValidateConfig) -> Iterator[Check]:
    """Whether a baseline learns more from the labels than from shuffled ones."""
    share = is_share(compared.figure, (compared.real, compared.control))
    wins, margin = (points(by, share) for by in (compared.difference, config.margin))
    yield _check(
        "labels teach",
        compared.difference < config.margin,
        f"{compared.figure} {tell(compared.real, share)} against {tell(compared.control, share)}",
        f"better by {margin}",
        f"real labels win by {wins} of {compared.figure}; the margin is {margin}",
        _LOOK,
    )
    low, high = (points(bound, share) for bound in compared.interval)
    yield _check(
        "beyond chance of rows",
        not compared.interval[0] > 0,
        f"{low} to {high}",
        "above zero",
        f"the 95% interval of that difference starts at {low}, not above zero",
        _LOOK,
    )
    if compared.p_value is not None:
        yield _check(
            "beyond permuted truth",
            compared.p_value > config.significance,
            f"p {compared.p_value:.3f}",
            f"at most {config.significance:.3f}",
            f"by permuted truth the real run does as well in {compared.p_value:.1%} of the cases; "
            f"{config.significance:.1%} are allowed",
            _LOOK,
        )


def check_test(
    test: Compared | None,
    rows: int | None,
    validation: Compared,
    falls: float,
    config: ValidateConfig,
) -> Check:
    """Whether the test rows are judged as well as those of validation, and better than chance.

    ``rows`` of test are usable, None where the release has no such split; ``falls``: by how much
    test is lower than validation at least.
    """
    if rows is None:
        reason = "the release has no test rows: nobody could report a figure on it"
        return Check("test split", "failed", "no rows", "some", reason, _GIVE_TEST)
    if test is None:
        reason = (
            f"the test split has too few usable rows ({rows}), or tags, to be judged: what the "
            "verdict says isn't said of them"
        )
        return Check("test split", "not judged", f"{rows} rows", "", reason, _GIVE_TEST)
    share = is_share(test.figure, (test.real, test.control))
    told = f"{test.figure} {tell(test.real, share)} against {tell(test.control, share)}"
    reasons = []
    if test.difference < config.margin or not test.interval[0] > 0:
        reasons.append(f"on test the real run gets {told} of the control")
    elif test.p_value is not None and test.p_value > config.significance:
        reasons.append(f"on test permuted truth does as well in {test.p_value:.1%} of the cases")
    if falls > config.margin:
        reasons.append(
            f"{test.figure} on test ({tell(test.real, share)}) is lower than on validation "
            f"({tell(validation.real, share)}) by at least {points(falls, share)}"
        )
    bound = f"better by {points(config.margin, share)}; as on validation"
    return _check("test split", bool(reasons), told, bound, "; ".join(reasons), _SPLIT_AGAIN)


def noise_bound(voted: bool, config: ValidateConfig) -> float:
    """The share of tags from which noise fails a release; nobody vouches for suggested ones."""
    if voted:
        return config.max_label_noise
    return max(config.max_label_noise, config.max_suggested_noise)


def noise_checks(found: Mapping[str, LabelNoise | None], config: ValidateConfig) -> Iterator[Check]:
    """Whether more tags belong to other rows than are stated, in any split or in all together."""
    stated = config.max_label_noise
    for split, noise in found.items():
        name = f"label noise of {split}"
        if noise is None:
            reason = f"{split} has too few tags to estimate how many of them are wrong"
            yield Check(name, "not judged", "", f"at most {stated:.0%}", reason)
            continue
        bound = noise_bound(noise.voted, config)
        allowed = f"at most {bound:.0%}" + ("" if noise.voted else " of suggested tags")
        figure = f"{noise.share:.0%} ({noise.low:.0%} to {noise.high:.0%})"
        outcome: Outcome = "warned" if noise.share > stated else "passed"
        if noise.low > bound:
            outcome = "failed"
        if outcome == "passed":
            yield Check(name, outcome, figure, allowed)
            continue
        told = bound if outcome == "failed" else stated
        reason = (
            f"{figure} of the tags of {split} seem to belong to other rows; {told:.0%} may; the "
            f"least likely: {', '.join(noise.unlikely[:_NAMED])}"
        )
        yield Check(name, outcome, figure, allowed, reason, _NOISY if noise.voted else _SUGGESTED)


def _check(name: str, wrong: bool, figure: str, bound: str, reason: str, remedy: str) -> Check:
    if wrong:
        return Check(name, "failed", figure, bound, reason, remedy)
    return Check(name, "passed", figure, bound)
