"""What a theoretical speedup of 2x and 4x is worth on this machine: latency of pruned networks against the dense one.

    python benchmarks/latency.py               # some minutes
    python benchmarks/latency.py --seconds 20  # at each batch size; narrower intervals

Channels by L1 norm, the same ratio in every layer, CIFAR-10 sizes, weights as they are initialised: latency does not
depend on what they are. Medians over rounds in which all three networks take turns, with 95 % intervals: a ratio says
more than a time on a machine that others use too. onnxruntime fuses batch norms into convolutions, torch does not.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

import fairprune as fp
from fairprune import registry
from fairprune.export import compare_onnx, onnx_model
from fairprune.measure.conditions import Conditions
from fairprune.measure.latency import Timed, compare_latency
from fairprune.measure.timing import Estimate

NETWORKS = ("resnet20", "resnet56", "vgg16")
SPEEDUPS = (2, 4)
MULTIPLES = (1, 4, 8)


def networks(name: str, example: Tensor) -> dict[str, nn.Module]:
    """The dense network and the pruned ones."""
    torch.manual_seed(0)
    dense = registry.load("network", name)(10, 3)
    return {"dense": dense, **{f"{s}x": fp.prune(dense, example, target=fp.speedup(s)) for s in SPEEDUPS}}


def ways(made: Mapping[str, nn.Module], example: Tensor, conditions: Conditions) -> Iterator[tuple[str, Timed]]:
    """Timings by torch in both layouts, and by onnxruntime."""
    for layout, last in (("torch", False), ("torch, channels last", True)):
        for timed in compare_latency(made, example, replace(conditions, channels_last=last)):
            yield layout, timed
    models = {name: onnx_model(network, example) for name, network in made.items()}
    for timed in compare_onnx(models, example, conditions):
        yield "onnxruntime", timed


def times(value: Estimate) -> str:
    """A ratio and its interval."""
    return f"{value.value:.2f}x [{value.low:.2f}, {value.high:.2f}]"


def masked(example: Tensor, conditions: Conditions) -> None:
    """ResNet-20 with three of four weights masked: as many multiply-adds are executed as before."""
    dense = registry.load("network", "resnet20")(10, 3)
    zeros = fp.prune(dense, example, criterion="magnitude", target=fp.compression(4))
    print(f"\nresnet20, weights masked to 4x, theoretical speedup {zeros.fairprune.speedup:.2f}x")
    for timed in compare_latency({"dense": dense, "masked": zeros}, example, conditions):
        print(f"{'torch':<22}{timed.batch_size:>6}{'':>12}  {times(timed.speedup('masked'))}", flush=True)


def widths(example: Tensor, conditions: Conditions) -> None:
    """ResNet-20 with half of its multiply-adds: one ratio for all layers, and widths that suit the kernels."""
    dense = registry.load("network", "resnet20")(10, 3)
    made = {f"multiples of {n}": fp.prune(dense, example, target=fp.speedup(2), round_to=n) for n in MULTIPLES}
    print("\nresnet20, 2x in theory, widths in multiples")
    models = {name: onnx_model(network, example) for name, network in {"dense": dense, **made}.items()}
    for timed in compare_onnx(models, example, conditions):
        for name, network in made.items():
            theory = f"{network.fairprune.speedup:.2f}x"
            row = f"{'onnxruntime, ' + name:<28}{timed.batch_size:>6}{theory:>8}"
            print(f"{row}  {times(timed.speedup(name))}", flush=True)


def main() -> None:
    """Print a table for each network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each network, way and batch size")
    parser.add_argument("--network", action="append", choices=NETWORKS)
    parser.add_argument("--batch", type=int, action="append")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    conditions = Conditions(tuple(asked.batch or (1, 128)), asked.seconds, threads=asked.threads)
    example = torch.zeros(1, 3, 32, 32)
    print(conditions)
    for name in asked.network or NETWORKS:
        made = networks(name, example)
        sizes = ", ".join(f"{s} has {made[s].fairprune.speedup:.2f}x fewer" for s in made if s != "dense")
        print(f"\n{name}: of multiply-adds {sizes}")
        print(f"{'way':<22}{'batch':>6}{'dense':>12}  {'measured 2x':<22}measured 4x")
        for way, at in ways(made, example, conditions):
            row = f"{way:<22}{at.batch_size:>6}{1000 * at.latency('dense').value:>9.3g} ms"
            print(row, "".join(f" {times(at.speedup(s)):<21}" for s in made if s != "dense"), flush=True)
    masked(example, conditions)
    widths(example, conditions)


if __name__ == "__main__":
    main()
