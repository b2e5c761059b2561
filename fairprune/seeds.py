"""Randomness by purpose: every draw has a seed derived from its purpose and axes, never a global generator."""

from __future__ import annotations

import hashlib

import torch


def derive(purpose: str, *axes: int | str) -> int:
    """A 63-bit seed for one purpose ("init", "order", "augment", "calibration" ...) and its axes (seed, epoch ...)."""
    text = "/".join([purpose, *map(str, axes)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(purpose: str, *axes: int | str) -> torch.Generator:
    """A CPU generator seeded with `derive(purpose, *axes)`."""
    return torch.Generator().manual_seed(derive(purpose, *axes))
