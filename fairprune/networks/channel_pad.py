"""The option-A shortcut of CIFAR ResNets as a module whose channel map can be rewritten."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ChannelPad(nn.Module):
    """Subsample positions by `stride` and place input channels among zero channels (He et al. 2016, option A).

    `index` is the map: int64 [out_channels], the source channel of each output channel, or -1 for zeros. Channel
    removal rewrites `index`, `in_channels` and `out_channels`. The map is structure and not state (a plan restores
    it), so it is not part of the state dict, and published checkpoints load.

    >>> ChannelPad(2, 4).index.tolist()
    [-1, 0, 1, -1]
    """

    index: Tensor

    def __init__(self, in_channels: int, out_channels: int, stride: int = 2) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.stride = stride
        first = (out_channels - in_channels) // 2
        index = torch.full((out_channels,), -1, dtype=torch.int64)
        index[first : first + in_channels] = torch.arange(in_channels)
        self.register_buffer("index", index, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """[n, in_channels, h, w] -> [n, out_channels, ceil(h / stride), ceil(w / stride)]."""
        sampled = x[:, :, :: self.stride, :: self.stride]
        with_zero = F.pad(sampled, (0, 0, 0, 0, 0, 1))  # the channel behind the last one is zero
        source = torch.where(self.index < 0, self.in_channels, self.index)
        return with_zero.index_select(1, source)

    def extra_repr(self) -> str:
        """Sizes, as other modules print them."""
        return f"{self.in_channels}, {self.out_channels}, stride={self.stride}"
