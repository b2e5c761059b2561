"""How long scoring takes, and how much memory it needs. Prints tables; nothing is downloaded.

    python benchmarks/scoring.py                # some minutes
    python benchmarks/scoring.py --full         # with all 100 steps of SynFlow
    python benchmarks/scoring.py --only steps   # one of: scores, steps, calibrated

Weights and images are drawn at random: cost does not depend on what they are. Times are medians, wall clock and
processor time of all threads together: on a machine that others use too, the second says more. A ratio compares two
things in the same run. Peak memory is that of a process of its own, beyond what it held before (Linux only).
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from memory import KNOWN, most_beyond
from torch import Tensor, nn
from torch.nn import functional as F

import fairprune as fp
from fairprune import registry
from fairprune.measure.cost import count
from fairprune.pruning.allocation import global_, select
from fairprune.pruning.apply import space_of
from fairprune.pruning.deciding import Asked, Look, Procedure, decide, score_space
from fairprune.pruning.plan import DensePlan
from fairprune.pruning.space import Space

IMAGES, BATCH = 1024, 128
STEPS, FEW = 100, 4  # of SynFlow: all, and those that are measured otherwise


@dataclass(frozen=True)
class Time:
    """Seconds: wall clock, and of the processor in all threads."""

    wall: float
    cpu: float

    def __truediv__(self, other: Time) -> str:
        return f"{self.cpu / other.cpu:.2f} x the processor time"


def timed(run: Callable[[], object], repeats: int = 5, warm: bool = True) -> Time:
    """The median of several, after one that does not count."""
    found = []
    for attempt in range(repeats + warm):
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        if attempt >= warm:
            found.append((time.perf_counter() - wall, time.process_time() - cpu))
    return Time(*(statistics.median(column) for column in zip(*found, strict=True)))


def row(what: str, took: Time, note: str = "") -> None:
    """Print one line of a table."""
    print(f"{what:<44}{took.wall:>9.2f} s {took.cpu:>9.2f} s   {note}", flush=True)


def head(title: str) -> None:
    """Print what a table is about, and its columns."""
    print(f"\n{title:<44}{'wall':>11} {'processor':>11}")


def imagenet() -> tuple[nn.Module, Tensor]:
    """ResNet-50 for images of 224 x 224, 25.6 M parameters."""
    torch.manual_seed(0)
    return registry.load("network", "resnet50")(1000, 3).eval(), torch.zeros(1, 3, 224, 224)


def space_for(network: nn.Module, example: Tensor, granularity: str) -> Space:
    """What can be pruned, but the classifier."""
    return space_of(network, DensePlan(), example, granularity, ("classifier",))


def scoring(network: nn.Module, space: Space, criterion: str, example: Tensor) -> Callable[[], dict[str, Tensor]]:
    """What scores all layers when it is called."""
    look = Look(lambda: [], F.cross_entropy, example, 0)
    return lambda: score_space(network, space, registry.load("criterion", criterion), {}, look).scores


WEIGHT_ONLY = {"magnitude": "weight", "l1_norm": "channel", "lamp": "weight"}


def scores() -> None:
    """ResNet-50: criteria that look at weights alone, and choosing by them."""
    network, example = imagenet()
    spaces = {granularity: space_for(network, example, granularity) for granularity in ("weight", "channel")}
    head("ResNet-50, scores of all layers")
    for name, granularity in WEIGHT_ONLY.items():
        row(name, timed(scoring(network, spaces[granularity], name, example)), peak(name))
    found = spaces["weight"].group_scores(scoring(network, spaces["weight"], "magnitude", example)(), "mean")
    everything = torch.cat(list(found.values()))
    ordered = timed(lambda: everything.kthvalue(len(everything) // 10), repeats=3)
    chosen = timed(lambda: select(found, global_(found, 0.9, 0)))
    row("choosing 90 % of 23.5 M scores", chosen, f"{chosen / ordered} of torch.kthvalue")


def steps(number: int) -> None:
    """ResNet-50: SynFlow, which scores and removes again and again."""
    network, example = imagenet()
    head(f"ResNet-50, SynFlow at {example.shape[2]} x {example.shape[3]}, fp64")
    score = timed(scoring(network, space_for(network, example, "weight"), "synflow", example), repeats=3)
    row("scores, once", score, peak("synflow"))
    whole = timed(removing(network, example, number), repeats=1, warm=False)
    each = Time(whole.wall / number, whole.cpu / number)
    row(f"a step: mean of {number}", each, f"{each / score} of its scores, {peak('steps')}")
    note = "measured" if number == STEPS else f"extrapolated from {number}"
    row(f"{STEPS} steps", Time(each.wall * STEPS, each.cpu * STEPS), note)


def removing(network: nn.Module, example: Tensor, number: int) -> Callable[[], object]:
    """What takes that many of the 100 steps of SynFlow to a tenth of the parameters when it is called."""
    space, look = space_for(network, example, "weight"), Look(lambda: [], F.cross_entropy, example, 0)
    asked = Asked(
        space=space,
        name="global",
        allocate=global_,
        target=fp.compression(10 ** (number / STEPS)),
        dense=count(network, example).size,
        units=sum(group.size for group in space.groups),
    )
    how = Procedure(registry.load("criterion", "synflow"), steps=number)
    return lambda: decide(network, asked, how, look)


def calibrated() -> None:
    """ResNet-20 with 1,024 images of 32 x 32: criteria that look at them, from scores to the pruned network."""
    torch.manual_seed(0)
    network = registry.load("network", "resnet20")(10, 3).eval()
    images, targets = torch.randn(IMAGES, 3, 32, 32), torch.randint(10, (IMAGES,))
    data = list(zip(torch.split(images, BATCH), torch.split(targets, BATCH), strict=True))
    head(f"ResNet-20, {IMAGES:,} images")
    for name in ("thinet", "regression", "obs", "hrank"):
        target = fp.compression(4) if name == "obs" else fp.ratio(0.5)
        took = timed(partial(fp.prune, network, images[:1], criterion=name, target=target, data=data), 1, warm=False)
        repair = registry.load("criterion", name).repair
        row(f"{name}, then repair {repair}" if repair else name, took, f"to {target.axis} {target.value:g}, once")


def peak(what: str) -> str:
    """What scoring (or a few steps) takes beyond the network, in its weights, measured in a process of its own."""
    if not KNOWN:
        return ""
    threads = str(torch.get_num_threads())
    command = [sys.executable, __file__, "--peak", what, "--threads", threads]
    return f"peak {float(subprocess.check_output(command, text=True)):.1f} x the weights"


def measured_peak(what: str) -> float:
    """Most memory while a criterion scores, or in a few steps, less that before, over the size of the parameters."""
    network, example = imagenet()
    if what == "steps":
        run: Callable[[], object] = removing(network, example, FEW)
    else:
        run = scoring(network, space_for(network, example, WEIGHT_ONLY.get(what, "weight")), what, example)
    run()  # what is loaded at first use does not count
    return most_beyond(run) / sum(p.numel() * p.element_size() for p in network.parameters())


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--full", action="store_true", help=f"all {STEPS} steps of SynFlow instead of {FEW}")
    parser.add_argument("--only", choices=["scores", "steps", "calibrated"])
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    if asked.peak:
        print(measured_peak(asked.peak))
        return
    print(f"torch {torch.__version__}, {asked.threads} threads; medians of several, unless it says otherwise")
    parts = {"scores": scores, "steps": lambda: steps(STEPS if asked.full else FEW), "calibrated": calibrated}
    for name in [asked.only] if asked.only else parts:
        parts[name]()


if __name__ == "__main__":
    main()
