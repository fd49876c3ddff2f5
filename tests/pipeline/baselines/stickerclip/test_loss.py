"""The loss: by hand, with equal texts, and the same over two processes as in one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from pipeline.baselines.stickerclip.loss import contrastive_loss, gathered

SCRIPT = """
import json, sys
from multiprocessing import get_context
import torch
from torch import distributed as dist, nn
from torch.nn import functional
from pipeline.baselines.stickerclip.loss import contrastive_loss

def measure(rank, processes):
    torch.manual_seed(0)
    double = {"dtype": torch.float64}
    image, text = nn.Linear(6, 4, **double), nn.Linear(5, 4, **double)
    scale = nn.Parameter(torch.tensor(2.0, **double))
    weights = [*image.parameters(), *text.parameters(), scale]
    inputs = torch.randn(8, 6, **double), torch.randn(8, 5, **double)
    groups = torch.tensor([0, 1, 2, 3, 0, 5, 2, 0])
    ours = slice(rank * 8 // processes, (rank + 1) * 8 // processes)
    told = []
    for same_text in ("negative", "ignored"):
        images = functional.normalize(image(inputs[0][ours]), dim=1)
        texts = functional.normalize(text(inputs[1][ours]), dim=1)
        loss = contrastive_loss(images, texts, scale.exp(), groups[ours], same_text)
        gradients = torch.cat([each.flatten() for each in torch.autograd.grad(loss, weights)])
        if processes > 1:
            dist.all_reduce(gradients)
            gradients /= processes
        told.append([loss.item(), gradients.tolist()])
    return told

def join(rank, answers):
    dist.init_process_group("gloo", "file://" + sys.argv[1], rank=rank, world_size=2)
    answers.put((rank, measure(rank, 2)))
    dist.destroy_process_group()

if __name__ == "__main__":
    torch.set_num_threads(1)
    context = get_context("fork")
    answers = context.Queue()
    started = [context.Process(target=join, args=(rank, answers)) for rank in (0, 1)]
    for process in started:
        process.start()
    told = dict(answers.get(timeout=120) for _ in started)
    for process in started:
        process.join()
    print(json.dumps([told[0], told[1], measure(0, 1)]))
"""


def unit(rows: int, dim: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return functional.normalize(torch.randn(rows, dim, generator=generator), dim=1)


def by_hand(logits: np.ndarray, left_out: np.ndarray) -> float:
    total = 0.0
    for matrix in (logits, logits.T):
        for row, line in enumerate(matrix):
            others = [value for n, value in enumerate(line) if not left_out[row, n]]
            total += np.log(np.sum(np.exp(others))) - line[row]
    return total / len(logits) / 2


@pytest.mark.parametrize("same_text", ["negative", "ignored"])
def test_it_is_the_mean_of_both_cross_entropies(same_text: str) -> None:
    images, texts = unit(6, 4, 1), unit(6, 4, 2)
    groups = torch.tensor([0, 1, 0, 2, 2, 0])
    left_out = np.equal.outer(groups.numpy(), groups.numpy()) & ~np.eye(6, dtype=bool)
    left_out &= same_text == "ignored"
    found = contrastive_loss(images, texts, torch.tensor(7.0), groups, same_text)
    expected = by_hand(7 * images.double().numpy() @ texts.double().numpy().T, left_out)
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_without_equal_texts_both_ways_are_one() -> None:
    images, texts, scale = unit(5, 4, 1), unit(5, 4, 2), torch.tensor(3.0)
    losses = [
        contrastive_loss(images, texts, scale, torch.arange(5), way)
        for way in ("negative", "ignored")
    ]
    assert losses[0].item() == pytest.approx(losses[1].item(), rel=1e-5)


def test_a_batch_of_one_text_teaches_nothing_and_stays_finite() -> None:
    images = unit(4, 3, 1).requires_grad_()
    loss = contrastive_loss(images, unit(4, 3, 2), torch.tensor(9.0), torch.zeros(4), "ignored")
    loss.backward()
    assert loss.item() == 0
    assert images.grad is not None
    assert images.grad.abs().max() == 0


def test_right_pairs_lose_little_and_wrong_ones_much() -> None:
    same = unit(8, 16, 3)
    groups, scale = torch.arange(8), torch.tensor(100.0)
    assert contrastive_loss(same, same, scale, groups) < 0.01
    assert contrastive_loss(same, same.roll(1, 0), scale, groups) > 10


def test_a_lone_process_gathers_its_own_rows() -> None:
    rows = unit(3, 2, 1)
    assert gathered(rows) is rows


def test_two_processes_have_the_loss_and_gradients_of_one(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "meeting")]
    told = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    for (first, ours), (second, theirs), (alone, expected) in zip(*told, strict=True):
        assert ours == theirs
        assert [first, second] == pytest.approx([alone, alone], rel=1e-6)
        assert ours == pytest.approx(expected, rel=1e-5, abs=1e-8)
        assert max(map(abs, expected)) > 0.01
    assert told[2][0] != told[2][1]
