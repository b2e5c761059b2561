"""The exact global threshold over millions of scores, against torch.topk. Prints a table; nothing is downloaded.

    python benchmarks/threshold.py                       # a few minutes
    python benchmarks/threshold.py --scores 5_000_000

Scores are the squared weights of layers shaped like ResNet-50's, drawn at random. Both look for the same value, the
lowest score that is kept: fairprune in the layers as they are, torch in one vector that was concatenated beforehand
(that is not timed). They take turns; a ratio is the median over the rounds, with the least and the most. The masks
of all layers that follow from the threshold are timed beside. Memory is the most of a process of its own, beyond what
it held before, as a share of the scores' (Linux only).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import torch
from memory import KNOWN, most_beyond
from torch import Tensor

from fairprune.pruning.allocation import global_, select_masks
from fairprune.pruning.ranking import kth_highest

LAYERS = 54  # as many as ResNet-50 has; half of the scores lie in the largest tenth of them
KEEP = (0.1, 0.5, 0.9)


def drawn(total: int) -> list[Tensor]:
    """Scores of layers of very different sizes, `total` in all."""
    shares = torch.logspace(-2.5, 0, LAYERS)
    sizes = (shares / shares.sum() * total).long().tolist()
    sizes[-1] += total - sum(sizes)
    generator = torch.Generator().manual_seed(0)
    scales = torch.rand(LAYERS, generator=generator).tolist()
    return [(torch.randn(n, generator=generator) * (0.1 + s)) ** 2 for n, s in zip(sizes, scales, strict=True)]


def ours(layers: Sequence[Tensor], k: int) -> float:
    """The k-th highest of all."""
    return kth_highest(layers, k)


def theirs(vector: Tensor, k: int) -> float:
    """The same by torch.topk."""
    return float(vector.topk(k, sorted=False).values.min())


def seconds(run: Callable[[], object]) -> float:
    """Wall clock of one call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def compared(layers: Sequence[Tensor], keep: float, rounds: int) -> dict[str, float]:
    """Both in turn, and the masks. Raises AssertionError where they find different thresholds."""
    vector, k = torch.cat(list(layers)), round(keep * sum(map(len, layers)))
    assert ours(layers, k) == theirs(vector, k)
    named = {str(index): layer for index, layer in enumerate(layers)}
    times = [
        (
            seconds(lambda: ours(layers, k)),
            seconds(lambda: theirs(vector, k)),
            seconds(lambda: select_masks(named, global_(named, keep, 0))),
        )
        for _ in range(rounds)
    ]
    ratios = [there / here for here, there, _ in times]
    here, there, masks = (statistics.median(column) for column in zip(*times, strict=True))
    return {
        "keep": keep,
        "fairprune_s": here,
        "topk_s": there,
        "ratio": statistics.median(ratios),
        "least": min(ratios),
        "most": max(ratios),
        "masks_s": masks,
    }


def peak(total: int, keep: float, what: str) -> float:
    """The most memory that it takes beyond the scores, as a share of the scores', in a process of its own."""
    command = [sys.executable, __file__, "--scores", str(total), "--peak", f"{what} {keep}"]
    return float(subprocess.check_output([*command, "--threads", str(torch.get_num_threads())], text=True))


def measured_peak(layers: list[Tensor], what: str, keep: float) -> float:
    """As `peak`, here; the scores are held once."""
    k, size = round(keep * sum(map(len, layers))), sum(layer.numel() * layer.element_size() for layer in layers)
    if what == "topk":
        vector = torch.cat(layers)
        layers.clear()
    return most_beyond(lambda: theirs(vector, k) if what == "topk" else ours(layers, k)) / size


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scores", type=int, default=25_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    layers = drawn(asked.scores)
    if asked.peak:
        what, keep = asked.peak.split()
        print(measured_peak(layers, what, float(keep)))
        return
    found = [compared(layers, keep, asked.rounds) for keep in KEEP]
    if KNOWN:
        for row in found:
            row["fairprune_memory"] = peak(asked.scores, row["keep"], "fairprune")
            row["topk_memory"] = peak(asked.scores, row["keep"], "topk")
    show(found, asked)


def show(found: Sequence[dict[str, float]], asked: argparse.Namespace) -> None:
    """As a table, or as JSON."""
    if asked.json:
        print(json.dumps({"scores": asked.scores, "threads": asked.threads, "torch": torch.__version__, "rows": found}))
        return
    print(f"torch {torch.__version__}, {asked.threads} threads, {asked.scores:,} scores, {asked.rounds} rounds in turn")
    print(f"{'kept':>5} {'fairprune':>11} {'torch.topk':>11} {'ratio':>22} {'masks':>9} {'memory':>9} {'of topk':>9}")
    for row in found:
        ratio = f"{row['ratio']:.1f}x [{row['least']:.1f}, {row['most']:.1f}]"
        memory = [f"{row[key]:.2f}x" if key in row else "" for key in ("fairprune_memory", "topk_memory")]
        print(
            f"{row['keep']:>5.0%} {row['fairprune_s']:>9.3f} s {row['topk_s']:>9.3f} s {ratio:>22}"
            f" {row['masks_s']:>7.2f} s {memory[0]:>9} {memory[1]:>9}"
        )


if __name__ == "__main__":
    main()
