"""Communication between several processes that train one model, started by `torchrun`.

    torchrun --nproc-per-node 4 -m dgm_core train mnist-dlvm

Each process has the whole model, and all use the same batches. Process r computes on its part B_r
of a batch B. A loss is a mean over rows, so

    ∇ loss(B) = Σ_r |B_r| / |B| · ∇ loss(B_r)

and after each backward pass the weighted gradients are summed over processes (gloo on CPUs, NCCL
on GPUs). All processes then take the same step, and the batch size is that of the schedule for any
number of processes.

Torch's `DistributedDataParallel` sums during the backward pass, which is faster if communication
takes as long as computation. It assumes parts of equal size, requires the loss to be a module's
`forward`, and does not support `torch.autograd.grad`, which a gradient penalty needs. The models
here are small, and one sum of one flat tensor is correct for every loss.

Without `torchrun` there is one process, and every function here returns its argument:

    >>> with own_part(torch.zeros(6, 2)) as (rows, weight):
    ...     print(rank(), size(), len(rows), weight)
    0 1 6 1.0
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor, distributed, nn

from dgm_core.device import default_device
from dgm_core.rng import generator

T = TypeVar("T")
P = ParamSpec("P")

TIMEOUT = timedelta(hours=6)
"""Longest wait for another process, which may be validating or fitting a mixture."""

_without_rows: ContextVar[bool] = ContextVar("without_rows", default=False)


def launched() -> bool:
    """Whether `torchrun` started this program, or something that sets the same variables."""
    return {"RANK", "WORLD_SIZE", "LOCAL_RANK"} <= os.environ.keys()


@contextmanager
def processes() -> Iterator[torch.device]:
    """Connect the processes of `torchrun` within this block; use it once per program.

    Yields:
        The device of this process: the default device, or the GPU with the local rank.
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
    distributed.init_process_group(backend, timeout=TIMEOUT)
    try:
        yield device
    finally:
        distributed.destroy_process_group()


def size() -> int:
    """Number of processes that train together."""
    return distributed.get_world_size() if _is_connected() else 1


def rank() -> int:
    """Number of this process, from 0."""
    return distributed.get_rank() if _is_connected() else 0


def is_first() -> bool:
    """Whether this is the process that writes files and prints messages."""
    return rank() == 0


def _is_connected() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def threads() -> int:
    """CPU threads for this process: the usable cores divided by the processes on this machine."""
    usable = getattr(os, "sched_getaffinity", None)
    cores = len(usable(0)) if usable else os.cpu_count() or 1
    return max(cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1")), 1)


@contextmanager
def own_part(rows: Tensor) -> Iterator[tuple[Tensor, float]]:
    """The rows of a batch that this process computes on, and their fraction of the batch.

    Rows are split as evenly as possible. A process without rows gets the first row with the
    fraction 0, so that it has a loss and takes part; `gathered` ignores that row in this block.
    """
    own = rows.tensor_split(size())[rank()]
    token = _without_rows.set(not len(own))
    try:
        yield (own, len(own) / len(rows)) if len(own) else (rows[:1], 0.0)
    finally:
        _without_rows.reset(token)


def gathered(rows: Tensor) -> Tensor:
    """Results of all processes for their parts of a batch, (n_r, …), concatenated to (n, …)."""
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
    """Replace each gradient by Σ_r weight_r · gradient_r.

    A parameter without a gradient in every process stays without one. If it has a gradient in some
    processes, the missing gradients count as 0.

    Args:
        parameters: the same in all processes.
        weight: the fraction of the batch from `own_part`.
    """
    if size() == 1:
        return
    reached = [p.grad is not None for p in parameters]
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    flat = weight * torch.cat([each.reshape(-1) for each in gradients])
    flat = total(torch.cat([flat, flat.new_tensor(reached)]))
    *parts, counts = flat.split([*(p.numel() for p in parameters), len(parameters)])
    anywhere = [True] * len(reached) if all(reached) else counts.bool().tolist()
    for p, own, part, has_gradient in zip(parameters, gradients, parts, anywhere, strict=True):
        p.grad = own.copy_(part.view_as(own)) if has_gradient else None


def noise_per_process(source: torch.Generator) -> torch.Generator:
    """A generator per process, seeded from the seed of `source`; one process uses `source`."""
    if size() == 1:
        return source
    seeds = torch.randint(2**31, (size(),), generator=generator(source.initial_seed()))
    return generator(int(seeds[rank()]), source.device)


def by_first(compute: Callable[[], T]) -> T:
    """The result of the first process, sent to all."""
    if size() == 1:
        return compute()
    result: list[Any] = [compute() if is_first() else None]
    distributed.broadcast_object_list(result)
    return result[0]


def start_with_same_weights(model: nn.Module) -> None:
    """Copy the weights of the first process to all."""
    if size() > 1:
        state = by_first(lambda: {name: each.cpu() for name, each in model.state_dict().items()})
        model.load_state_dict(state)


def check_same_epoch(epoch: int) -> None:
    """Check that all processes resume from the same epoch.

    Raises:
        ValueError: they do not, because they read checkpoints of different folders.
    """
    first = by_first(lambda: epoch)
    if epoch != first:
        raise ValueError(
            f"expected a checkpoint of epoch {first}, as in the first process, got {epoch}: "
            "all processes need the same folder"
        )


def left_by_all(run: Callable[P, Generator[T]]) -> Callable[P, Generator[T]]:
    """Decorator of a training generator: if one process leaves the loop, the others stop too.

    At every item the processes check that all continue.

    Raises:
        RuntimeError: in the processes that did not leave.
    """

    @functools.wraps(run)
    def in_step(*args: P.args, **kwargs: P.kwargs) -> Generator[T]:
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
