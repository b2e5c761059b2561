"""Pruning to a theoretical speedup of 2x: fairprune against torch-pruning's own pruner. Prints a table.

    python benchmarks/pruning.py                    # some minutes; needs torch-pruning (the extra "test")
    python benchmarks/pruning.py --networks vgg19

Channels by their L1 norm for images of 32 x 32, from the dense network to one that is physically smaller, tracing
included; the classifier's outputs are spared. torch-pruning removes a 400th of the channels after the other until
multiply-adds have halved, counting them after every step, as its benchmarks do; fairprune computes how many have to go.
Both take turns, on copies of one network; a ratio is the median over the rounds, with the least and the most.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import time
from typing import Any

import torch
import torch_pruning as tp
from torch import Tensor, nn

import fairprune as fp
from fairprune import registry
from fairprune.measure.cost import count

# torch-pruning cannot follow shortcuts that pad (option A): these project, as in its own benchmarks
NETWORKS: dict[str, dict[str, Any]] = {"resnet56": {"shortcut": "B"}, "vgg19": {}, "resnet50": {}}
SPEEDUP, STEPS = 2.0, 400


def ours(network: nn.Module, example: Tensor, allocation: str) -> nn.Module:
    """A smaller copy by fairprune."""
    return fp.prune(network, example, criterion="l1_norm", target=fp.speedup(SPEEDUP), allocation=allocation)


def theirs(network: nn.Module, example: Tensor, allocation: str) -> nn.Module:
    """The same network, made smaller by torch-pruning."""
    classifier = [module for module in network.modules() if isinstance(module, nn.Linear)][-1:]
    pruner = tp.pruner.BasePruner(
        network,
        example,
        importance=tp.importance.GroupMagnitudeImportance(p=1),
        global_pruning=allocation == "global",
        pruning_ratio=1.0,
        iterative_steps=STEPS,
        ignored_layers=classifier,
    )
    dense, _ = tp.utils.count_ops_and_params(network, example)
    for _ in range(STEPS):
        pruner.step()
        if dense >= SPEEDUP * tp.utils.count_ops_and_params(network, example)[0]:
            break
    return network


def compared(name: str, allocation: str, rounds: int) -> dict[str, Any]:
    """Both in turn; what each took, and the speedup that it reached."""
    torch.manual_seed(0)
    dense, example = registry.load("network", name)(10, 3, **NETWORKS.get(name, {})).eval(), torch.zeros(1, 3, 32, 32)
    times, reached = [], {}
    for _ in range(rounds):
        took = []
        for prune in (ours, theirs):
            network = copy.deepcopy(dense)
            start = time.perf_counter()
            small = prune(network, example, allocation)
            took.append(time.perf_counter() - start)
            reached[prune.__name__] = count(dense, example).size.macs / count(small, example).size.macs
        times.append(took)
    ratios = [there / here for here, there in times]
    here, there = (statistics.median(column) for column in zip(*times, strict=True))
    return {
        "network": name,
        "allocation": allocation,
        "fairprune_s": here,
        "torch_pruning_s": there,
        "ratio": statistics.median(ratios),
        "least": min(ratios),
        "most": max(ratios),
        "fairprune_speedup": reached["ours"],
        "torch_pruning_speedup": reached["theirs"],
    }


def line(row: dict[str, Any]) -> str:
    """One line of the table."""
    return (
        "{network:<10}{allocation:<10}{fairprune_s:>8.2f} s {fairprune_speedup:>5.2f}x {torch_pruning_s:>13.2f} s "
        "{torch_pruning_speedup:>5.2f}x   {ratio:.0f}x [{least:.0f}, {most:.0f}]"
    ).format(**row)


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    if not asked.json:
        print(
            f"torch {torch.__version__}, torch-pruning {tp.__version__}, {asked.threads} threads, {asked.rounds} rounds"
        )
        print(f"{'':<20}{'fairprune':>17}{'torch-pruning':>23}   ratio")
    rows = []
    for name in asked.networks:
        for allocation in ("uniform", "global"):
            rows.append(compared(name, allocation, asked.rounds))
            if not asked.json:
                print(line(rows[-1]), flush=True)
    if asked.json:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
