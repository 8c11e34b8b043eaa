"""Several processes that train one model, as `torchrun` starts them: what they tell each other.

    torchrun --nproc-per-node 4 -m dgm_core train mnist-dlvm

Each has the whole model, and all go through the same batches. Of a batch B process r sees a share
B_r. A loss is a mean over rows, so

    ∇ loss(B) = Σ_r |B_r| / |B| · ∇ loss(B_r)

and after each backward pass the weighted gradients are summed over processes (gloo on CPUs, NCCL
on GPUs). All then take the same step, and the batch that counts is the schedule's, however many
they are.

Torch's `DistributedDataParallel` makes that sum during the backward pass, which pays where sending
takes as long as computing. It takes all shares for equally large, asks for the loss to be a
module's `forward`, and does not support `torch.autograd.grad`, which a gradient penalty needs. The
models here are small, and one sum of one flat tensor is right for every loss.

Without `torchrun` there is one process, and every function here hands back what it was given:

    >>> with share(torch.zeros(6, 2)) as (rows, weight):
    ...     print(rank(), size(), len(rows), weight)
    0 1 6 1.0
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor, distributed, nn

from dgm_core.device import default_device
from dgm_core.rng import generator

T = TypeVar("T")
P = ParamSpec("P")

PATIENCE = timedelta(hours=6)
"""How long a process waits for another, which may be validating or fitting a mixture."""

_without_rows: ContextVar[bool] = ContextVar("without_rows", default=False)


def launched() -> bool:
    """Whether `torchrun`, or what sets the same variables, has started this program."""
    return {"RANK", "WORLD_SIZE", "LOCAL_RANK"} <= os.environ.keys()


@contextmanager
def processes() -> Iterator[torch.device]:
    """Within this block, of which a program has one, the processes of `torchrun` know each other.

    Yields:
        The device of this process: the default one; of GPUs, that of its number on its machine.
    """
    device = default_device()
    if not launched():
        yield device
        return
    backend = "gloo"
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
        backend = "cpu:gloo,cuda:nccl"
    distributed.init_process_group(backend, timeout=PATIENCE)
    try:
        yield device
    finally:
        distributed.destroy_process_group()


def size() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if _is_up() else 1


def rank() -> int:
    """The number of this process, from 0."""
    return distributed.get_rank() if _is_up() else 0


def is_first() -> bool:
    """Whether this is the process that writes files and speaks."""
    return rank() == 0


def _is_up() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def threads() -> int:
    """CPU threads for this process: the cores there are, by the processes on this machine."""
    usable = getattr(os, "sched_getaffinity", None)
    cores = len(usable(0)) if usable else os.cpu_count() or 1
    return max(cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1")), 1)


@contextmanager
def share(rows: Tensor) -> Iterator[tuple[Tensor, float]]:
    """The rows of a batch that are this process's, and what fraction of the batch they are.

    They are split as evenly as can be. A process for which none is left is lent the first, with
    the fraction 0, so that it has a loss and keeps step; `gathered` leaves it out in this block.
    """
    mine = rows.tensor_split(size())[rank()]
    token = _without_rows.set(not len(mine))
    try:
        yield (mine, len(mine) / len(rows)) if len(mine) else (rows[:1], 0.0)
    finally:
        _without_rows.reset(token)


def gathered(rows: Tensor) -> Tensor:
    """What the processes have computed of their shares, (n_r, …), put together again, (n, …)."""
    if size() == 1:
        return rows
    if _without_rows.get():
        rows = rows[:0]
    counts = torch.zeros(size(), dtype=torch.int64)
    counts[rank()] = len(rows)
    counts = total(counts).tolist()
    whole = rows.new_zeros(sum(counts), *rows.shape[1:])
    start = sum(counts[: rank()])
    whole[start : start + len(rows)] = rows
    return total(whole)


def total(x: Tensor) -> Tensor:
    """The sum of `x` over processes."""
    if size() == 1:
        return x
    x = x.clone(memory_format=torch.contiguous_format)
    distributed.all_reduce(x)
    return x


@torch.no_grad()
def sum_gradients(parameters: Sequence[nn.Parameter], weight: float) -> None:
    """Put Σ_r weight_r · gradient_r in the place of each gradient.

    A parameter that has a gradient in no process is left without; in some, the others' is 0.

    Args:
        parameters: the same in all processes.
        weight: of this process, from `share`.
    """
    if size() == 1:
        return
    reached = [p.grad is not None for p in parameters]
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    flat = weight * torch.cat([each.reshape(-1) for each in gradients])
    flat = total(torch.cat([flat, flat.new_tensor(reached)]))
    *parts, times = flat.split([*(p.numel() for p in parameters), len(parameters)])
    anywhere = [True] * len(reached) if all(reached) else times.bool().tolist()
    for p, own, part, some in zip(parameters, gradients, parts, anywhere, strict=True):
        p.grad = own.copy_(part.view_as(own)) if some else None


def noise_of_its_own(source: torch.Generator) -> torch.Generator:
    """`source`, if there is one process; else one for each, which the seed of `source` settles."""
    if size() == 1:
        return source
    seeds = torch.randint(2**31, (size(),), generator=generator(source.initial_seed()))
    return generator(int(seeds[rank()]), source.device)


def by_first(compute: Callable[[], T]) -> T:
    """What the first process computes, told to all."""
    if size() == 1:
        return compute()
    told = [compute() if is_first() else None]
    distributed.broadcast_object_list(told)
    return told[0]  # type: ignore[return-value]


def start_alike(model: nn.Module) -> None:
    """Give all processes the model of the first."""
    if size() > 1:
        state = by_first(lambda: {name: each.cpu() for name, each in model.state_dict().items()})
        model.load_state_dict(state)


def check_alike(place: int) -> None:
    """Make sure that all go on from the same place.

    Raises:
        ValueError: they do not, for they read checkpoints of different folders.
    """
    first = by_first(lambda: place)
    if place != first:
        raise ValueError(
            f"expected a checkpoint of epoch {first}, which the first process has, got {place}: "
            "all processes need the same folder"
        )


def left_by_all(run: Callable[P, Iterator[T]]) -> Callable[P, Iterator[T]]:
    """For a generator that trains: where one process leaves its loop, no other waits for it.

    At every item the processes ask each other whether all go on.

    Raises:
        RuntimeError: in those that would have gone on.
    """

    @functools.wraps(run)
    def in_step(*args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        with closing(run(*args, **kwargs)) as items:
            for item in items:
                try:
                    yield item
                except GeneratorExit:
                    total(torch.ones(()))
                    raise
                if total(torch.zeros(())):
                    raise RuntimeError("another process has left the training")

    return in_step
