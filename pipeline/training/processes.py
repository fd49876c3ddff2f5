"""Several processes that train one model, a GPU each, as `torchrun` starts them.

A step takes the batches that as many accumulated ones would take on one process, and averages
their losses, so that the number of processes changes the time and not what is computed (but for
chance within the model, which each process draws by itself).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import distributed as dist
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from pipeline.engine.compute import default_device

# The first process judges the model meanwhile, which may take long.
_PATIENCE = timedelta(hours=6)


def process_count() -> int:
    """Processes that train together; 1 without `torchrun`."""
    return dist.get_world_size() if dist.is_initialized() else 1


def process_rank() -> int:
    """This process's number among them, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def is_first() -> bool:
    """Whether this is the process that tells people what happens, also before and after joining."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def joined() -> Iterator[str]:
    """Join the processes that `torchrun` started, if it did; gives the device of this one."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield default_device()
        return
    cuda = default_device() == "cuda"
    if cuda:
        # From here on "cuda" means this one.
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if cuda else "gloo", timeout=_PATIENCE)
    try:
        yield default_device()
    finally:
        dist.destroy_process_group()


@contextmanager
def first_before_others() -> Iterator[None]:
    """The first process does it, then the others: what it cached is there for them."""
    if process_rank() > 0:
        dist.barrier()
    try:
        yield
    finally:
        if process_rank() == 0 and process_count() > 1:
            dist.barrier()


def wait_for_first() -> None:
    """Meet the other processes: what the first did to the run's folder before is then there."""
    if process_count() > 1:
        dist.barrier()


def share_weights(model: nn.Module) -> None:
    """Give every process the first one's weights and buffers to start from."""
    if process_count() > 1:
        for value in model.state_dict().values():
            dist.broadcast(value, 0)


def sum_gradients(model: nn.Module, loss: float) -> float:
    """Add up gradients and losses over all processes; returns the sum of losses."""
    if process_count() == 1:
        return loss
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    device = weights[0].device
    used = torch.tensor([weight.grad is not None for weight in weights], device=device).int()
    dist.all_reduce(used)
    # What no process used keeps no gradient: zeros would still decay it.
    weights = [weight for weight, times in zip(weights, used.tolist(), strict=True) if times]
    for weight in weights:
        if weight.grad is None:
            weight.grad = torch.zeros_like(weight)
    # One message for all: thousands of small ones would take longer than the step.
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    flat = parameters_to_vector(gradients)
    dist.all_reduce(flat)
    vector_to_parameters(flat, gradients)
    total = torch.tensor([loss], dtype=torch.float64, device=flat.device)
    dist.all_reduce(total)
    return float(total)
