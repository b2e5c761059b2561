"""The memory of one forward pass: of the tensors that are alive at once, beyond the weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def peak_memory(network: nn.Module, inputs: Tensor) -> int:
    """The most bytes alive at once during a forward pass of a network in evaluation mode: inputs and activations.

    On CUDA, of torch's allocator, scratch space of kernels included. On the CPU, of tensors alone, which come to the
    same on every machine: scratch space inside a kernel is unknown, and what the process holds says little, since freed
    memory is kept for later. Weights are not counted.
    """
    own = inputs.untyped_storage().nbytes()
    with torch.no_grad():
        if inputs.device.type == "cuda":
            torch.cuda.synchronize(inputs.device)
            torch.cuda.reset_peak_memory_stats(inputs.device)
            before = torch.cuda.memory_allocated(inputs.device)
            network(inputs)
            torch.cuda.synchronize(inputs.device)
            return own + torch.cuda.max_memory_allocated(inputs.device) - before
        known = {_storage(t)._cdata for t in (*network.parameters(), *network.buffers(), inputs)}
        alive = _Alive(known)
        with alive:
            network(inputs)
    return own + alive.most


def _storage(tensor: Tensor) -> torch.UntypedStorage:
    return tensor.untyped_storage()


class _Alive(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees the storage of every tensor that an operation returns, and whether it is still there after later ones."""

    def __init__(self, known: set[int]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.known = known
        self.sizes: dict[int, tuple[Any, int]] = {}  # storage -> weak reference (its address stays taken), bytes
        self.most = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # to skip it is to import it, which takes seconds

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for value in tree_leaves(out):
            if isinstance(value, Tensor):
                storage = _storage(value)
                if storage._cdata not in self.known and storage._cdata not in self.sizes:
                    reference = StorageWeakRef(storage)  # type: ignore[no-untyped-call]
                    self.sizes[storage._cdata] = reference, storage.nbytes()
        self.sizes = {key: (ref, size) for key, (ref, size) in self.sizes.items() if not ref.expired()}
        self.most = max(self.most, sum(size for _, size in self.sizes.values()))
        return out
