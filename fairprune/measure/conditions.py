"""Under which conditions networks are timed: what their latency depends on besides themselves."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fairprune import seeds
from fairprune.errors import SpecError
from fairprune.measure.accuracy import Precision
from fairprune.measure.machine import device_name, processor

LONGEST = 86_400  # seconds: a day
MOST_THREADS = 1024  # torch breaks off where the system gives no more


@dataclass(frozen=True)
class Conditions:
    """How it is measured. `seconds`: the budget of each batch size, without warming up; `threads` 0: as they are."""

    batch_sizes: tuple[int, ...] = (1, 128)
    seconds: float = 3.0
    device: str = "cpu"
    threads: int = 0
    channels_last: bool = False
    precision: Precision = "fp32"

    def __post_init__(self) -> None:
        if not self.batch_sizes or min(self.batch_sizes) < 1:
            raise SpecError(f"batch sizes {list(self.batch_sizes)}: expected at least one, all of 1 or more")
        if not 0 < self.seconds <= LONGEST:
            raise SpecError(f"{self.seconds:g} seconds to measure in: expected more than 0, up to {LONGEST:,}")
        if not 0 <= self.threads <= MOST_THREADS:
            raise SpecError(f"{self.threads} threads to measure with: expected 1 to {MOST_THREADS:,}, or 0")
        if self.device.partition(":")[0] not in ("cpu", "cuda"):
            raise SpecError(f"device '{self.device}': latency is measured on cpu and cuda")

    def __str__(self) -> str:
        """The machine and the rest, e.g. "AMD EPYC, cpu, 1 thread, fp32, contiguous, torch 2.13.0"."""
        threads = self.threads or torch.get_num_threads()
        where = [processor(), device_name(self.device), f"{threads} thread{'s' if threads > 1 else ''}"]
        layout = "channels last" if self.channels_last else "contiguous"
        return ", ".join([*where, self.precision, layout, f"torch {torch.__version__}"])

    @contextmanager
    def hold(self) -> Iterator[None]:
        """These threads, this precision and this device for a while, without gradients."""
        device = torch.device(self.device)
        threads = torch.get_num_threads()
        torch.set_num_threads(self.threads or threads)
        autocast = torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bf16")
        try:
            with torch.no_grad(), autocast, torch.cuda.device(device) if device.type == "cuda" else nullcontext():
                yield
        finally:
            torch.set_num_threads(threads)

    def placed(self, network: nn.Module) -> nn.Module:
        """A copy of a network on the device, in evaluation mode. Only 2-d convolutions have a layout to choose."""
        copied = copy.deepcopy(network).eval().to(self.device)
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        for module in copied.modules():
            if isinstance(module, nn.Conv2d):
                module.to(memory_format=layout)  # type: ignore[call-overload]
        return copied

    def inputs(self, example: Tensor, size: int) -> Tensor:
        """A batch on the device, in the layout."""
        layout = torch.channels_last if self.channels_last and example.ndim == 4 else torch.contiguous_format
        return batch(example, size).to(self.device, memory_format=layout)


def batch(example: Tensor, size: int) -> Tensor:
    """So many samples like an example's first: the same every time, drawn from a normal distribution if floating."""
    if not example.is_floating_point():
        return example[:1].cpu().repeat(size, *[1] * (example.ndim - 1))
    return torch.randn(size, *example.shape[1:], generator=seeds.generator("latency")).to(example.dtype)
