"""Loss values against hand computation."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.baselines.att2pl.config import PRESETS
from pipeline.baselines.att2pl.losses import confidence, main_loss, penalty_loss, total_loss

# Softmax: 1/6, 2/6, 3/6 and 1/4, 1/4, 2/4.
LOGITS = torch.tensor([[1.0, 2.0, 3.0], [1.0, 1.0, 2.0]]).log()
TRUTH = torch.tensor([[0.0, 1.0, 1.0], [1.0, 0.0, 0.0]])


def test_the_main_loss_is_equation_2() -> None:
    expected = -(math.log(2 / 6) + math.log(3 / 6) + math.log(1 / 4)) / 2
    assert float(main_loss(LOGITS, TRUTH, "softmax")) == pytest.approx(expected)


def test_it_can_be_divided_by_the_number_of_tags() -> None:
    expected = -((math.log(2 / 6) + math.log(3 / 6)) / 2 + math.log(1 / 4)) / 2
    assert float(main_loss(LOGITS, TRUTH, "softmax_mean")) == pytest.approx(expected)
    assert float(main_loss(LOGITS, torch.zeros(2, 3), "softmax_mean")) == 0


def test_binary_cross_entropy_takes_tags_one_by_one() -> None:
    # Sigmoid of log(x) is x / (1 + x).
    likely = [[1 / 2, 2 / 3, 3 / 4], [1 / 2, 1 / 2, 2 / 3]]
    hits = [[1 - 1 / 2, 2 / 3, 3 / 4], [1 / 2, 1 - 1 / 2, 1 - 2 / 3]]
    expected = -sum(math.log(hit) for row in hits for hit in row) / 2
    assert float(main_loss(LOGITS, TRUTH, "bce")) == pytest.approx(expected)
    assert confidence(LOGITS, "bce").numpy() == pytest.approx(np.array(likely))


def test_the_asymmetric_loss_discounts_easy_negatives() -> None:
    missed = math.log(2 / 3) + math.log(3 / 4) + math.log(1 / 2)
    shifted = [p - 0.05 for p in (1 / 2, 1 / 2, 2 / 3)]
    raised = sum(p**4 * math.log(1 - p) for p in shifted)
    assert float(main_loss(LOGITS, TRUTH, "asl")) == pytest.approx(-(missed + raised) / 2)
    easy = torch.tensor([[-5.0]])
    assert float(main_loss(easy, torch.zeros(1, 1), "asl")) == 0
    extreme = torch.tensor([[1e4, -1e4]])
    assert math.isfinite(float(main_loss(extreme, torch.tensor([[0.0, 1.0]]), "asl")))


def test_confidence_is_a_distribution_for_the_softmax_losses() -> None:
    expected = np.array([[1 / 6, 2 / 6, 3 / 6], [1 / 4, 1 / 4, 2 / 4]])
    assert confidence(LOGITS, "softmax").numpy() == pytest.approx(expected)
    assert confidence(LOGITS, "softmax_mean").numpy() == pytest.approx(expected)
    assert confidence(LOGITS, "asl").numpy() == pytest.approx(LOGITS.sigmoid().numpy())


def test_only_falls_in_true_tags_are_penalised() -> None:
    before = torch.tensor([[0.2, 0.5, 0.3], [0.6, 0.2, 0.2]])
    after = torch.tensor([[0.0, 0.4, 0.6], [0.3, 0.5, 0.2]])
    # True tags: a fall of 0.1 and a rise of 0.3 in row 0, a fall of 0.3 in row 1.
    assert float(penalty_loss(after, before, TRUTH, signed=False)) == pytest.approx(0.4 / 2)
    assert float(penalty_loss(after, before, TRUTH, signed=True)) == pytest.approx(0.1 / 2)


SHARES = arrays(np.float64, (3, 4), elements=st.floats(0, 1))


@given(before=SHARES, rise=SHARES, truth=arrays(np.bool_, (3, 4)))
def test_a_more_confident_reconstruction_is_never_penalised(
    before: np.ndarray, rise: np.ndarray, truth: np.ndarray
) -> None:
    original, true = torch.from_numpy(before), torch.from_numpy(truth).double()
    confident = original + torch.from_numpy(rise)
    assert float(penalty_loss(confident, original, true, signed=False)) == 0
    assert float(penalty_loss(confident, original, true, signed=True)) <= 0


def test_the_original_pass_gets_no_gradient_and_the_fallen_one_does() -> None:
    before = torch.tensor([[0.5, 0.5]], requires_grad=True)
    after = torch.tensor([[0.2, 0.8]], requires_grad=True)
    penalty_loss(after, before, torch.ones(1, 2), signed=False).backward()
    assert before.grad is None
    assert after.grad is not None
    assert after.grad.tolist() == [[-1, 0]]


def test_the_total_is_the_sum_of_its_parts() -> None:
    config, reconstruction = replace(PRESETS["tiny"], lambda_rec=0.5), torch.tensor(3.0)
    original = torch.tensor([[1.0, 4.0, 1.0], [1.0, 1.0, 2.0]]).log()  # 1/6, 4/6, 1/6
    main = float(main_loss(LOGITS, TRUTH, "softmax"))
    hinge, signed = (4 / 6 - 2 / 6) / 2, (4 / 6 - 2 / 6 + 1 / 6 - 3 / 6) / 2
    parts = (LOGITS, original, reconstruction, TRUTH)
    assert float(total_loss(*parts, config)) == pytest.approx(main + hinge + 1.5)
    literal = replace(PRESETS["tiny"], lambda_rec=0.5, penalty="signed")
    assert float(total_loss(*parts, literal)) == pytest.approx(main + signed + 1.5)
    assert float(total_loss(LOGITS, None, None, TRUTH, config)) == pytest.approx(main)
