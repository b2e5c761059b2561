"""What training costs: an epoch against the same steps on one resident batch, and against a loop as usually written.

    python benchmarks/training.py                        # LeNet-5 on MNIST, ResNet-20 on CIFAR-10, under FAIRPRUNE_DATA
    python benchmarks/training.py --network lenet5 --steps 100 --synthetic
    python benchmarks/training.py --gpu                  # ResNet-20 and ResNet-56 in bf16, alone and side by side

Crops and flips for both, batches of 128; compiled steps are timed from the second epoch on. All ways take turns, the
package and the usual loop each in a process of its own; ratios are those of one round, of which the median and the
extremes are shown. Processor time includes workers'.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from itertools import pairwise
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from typing import Any, get_args

import torch
from epochs import BATCH, Asked, Time, compiled, course, epoch, peak, plain, resident, validated

from fairprune.record import Step
from fairprune.schedules import parse
from fairprune.train import State, fit

STEPS = {"lenet5": 100, "resnet20": 6}
GPU_IMAGES, GPU_EPOCHS = 50_000, 4  # the first epoch captures or compiles, and does not count
SIDE_BY_SIDE = (1, 2, 4)


def compared(asked: Asked, rounds: int) -> dict[str, Any]:
    """All ways in turn."""
    ways = {"epoch": epoch, "compiled": compiled, "validated": validated, "resident": resident, "plain": plain}
    times: dict[str, list[Time]] = {name: [] for name in ways}
    context = get_context("spawn")
    with ProcessPoolExecutor(1, context) as ours, ProcessPoolExecutor(1, context) as theirs:
        for turn in range(rounds + 1):  # one more to warm up
            for name, way in list(ways.items())[
                :: 1 if turn % 2 else -1
            ]:  # there and back: who comes after whom matters
                took = (theirs if name == "plain" else ours).submit(way, asked).result()
                if turn:
                    times[name].append(took)
        memory = {"fairprune": ours.submit(peak, asked).result(), "plain": theirs.submit(peak, asked).result()}
    found: dict[str, Any] = {**asdict(asked), "rounds": rounds, "memory": memory}
    for kind in ("wall", "cpu"):
        seconds = {name: [getattr(took, kind) for took in took_all] for name, took_all in times.items()}
        found[kind] = {
            "images_per_second": {n: asked.steps * BATCH / statistics.median(s) for n, s in seconds.items()},
            "epoch_over_resident": spread(seconds["epoch"], seconds["resident"]),
            "validated_over_resident": spread(seconds["validated"], seconds["resident"]),
            "times_plain": spread(seconds["plain"], seconds["epoch"]),
            "compiled_times_plain": spread(seconds["plain"], seconds["compiled"]),
        }
    return found


def spread(above: Iterable[float], below: Iterable[float]) -> tuple[float, float, float]:
    """Median, least and largest ratio of the rounds."""
    ratios = [a / b for a, b in zip(above, below, strict=True)]
    return statistics.median(ratios), min(ratios), max(ratios)


def show(found: dict[str, Any]) -> None:
    """A table of one network."""
    said = (
        f"{found['network']}, {found['steps']} steps of {BATCH}, {found['threads']} threads, {found['rounds']} rounds"
    )
    print(f"\n{said}\n{'':<34}{'wall clock':>22}{'processor':>22}")
    for name in found["wall"]["images_per_second"]:
        row = (f"{found[kind]['images_per_second'][name]:>13,.0f} images/s" for kind in ("wall", "cpu"))
        print(f"{name:<34}", *row)
    for key in ("epoch_over_resident", "validated_over_resident", "times_plain", "compiled_times_plain"):
        row = ("{:.2f} [{:.2f}, {:.2f}]".format(*found[kind][key]) for kind in ("wall", "cpu"))
        print(f"{key.replace('_', ' '):<34}", *(f"{cell:>21}" for cell in row))
    for name, memory in found["memory"].items():
        workers = f", and 2 workers of up to {memory['worker']:.0f} MiB" if memory["worker"] else ""
        print(f"peak memory, {name:<21}{memory['process']:>8.0f} MiB{workers}", flush=True)


def on_gpu(asked: Asked, processes: int) -> dict[str, Any]:
    """Seconds of an epoch for each of some processes that share the GPU, and what they do together."""
    context = get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=meet, initargs=(context.Barrier(processes),)) as pool:
        found = [running.result() for running in [pool.submit(epochs, asked) for _ in range(processes)]]
    seconds = statistics.median(epoch for process in found for epoch in process["seconds"])
    return {
        "network": asked.network,
        "step": asked.step,
        "processes": processes,
        "seconds": seconds,
        "first_seconds": max(process["first"] for process in found),
        "images_per_second": processes * asked.steps * BATCH / seconds,
        "memory_mib": max(process["memory"] for process in found),
    }


def meet(barrier: Barrier) -> None:
    """Start counting together, in every process."""
    global together
    together = barrier


def epochs(asked: Asked) -> dict[str, Any]:
    """Seconds of each epoch but the first, and of that; it ends when its loss has been read from the device."""
    network, made = course(asked)
    recipe = made.recipe.model_copy(update={"schedule": f"constant:0.01 total:{GPU_EPOCHS}"})
    stamps = [time.perf_counter()]

    def on_epoch(state: State) -> None:
        stamps.append(time.perf_counter())
        if state.epoch == 1:
            first.append(stamps[-1] - stamps[0])
            together.wait()
            stamps[:] = [time.perf_counter()]

    first: list[float] = []
    fit(network, replace(made, recipe=recipe, schedule=parse(recipe.schedule)), on_epoch=on_epoch)
    seconds = [after - before for before, after in pairwise(stamps)]
    return {"seconds": seconds, "first": first[0], "memory": torch.cuda.max_memory_allocated() / 2**20}


def side_by_side() -> list[dict[str, Any]]:
    """Both ResNets, each way to make steps, alone and side by side."""
    found = []
    print(f"{torch.cuda.get_device_name()}, bf16, {GPU_IMAGES:,} synthetic images of 32 x 32 in batches of {BATCH}")
    for network in ("resnet20", "resnet56"):
        for step in get_args(Step):
            for processes in SIDE_BY_SIDE:
                asked = Asked(network, -(-GPU_IMAGES // BATCH), synthetic=True, device="cuda", step=step)
                row = on_gpu(asked, processes)
                found.append(row)
                print(
                    f"{network}, {step}, {processes} at once: {row['seconds']:.2f} s, "
                    f"{row['images_per_second']:,.0f} images/s, first epoch {row['first_seconds']:.1f} s, "
                    f"{row['memory_mib']:.0f} MiB each",
                    flush=True,
                )
    return found


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", action="append", choices=STEPS, help="repeatable; both without")
    parser.add_argument("--steps", type=int, help=f"of an epoch; else {STEPS}")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument(
        "--threads", type=int, default=torch.get_num_threads(), help="else as many as torch starts with"
    )
    parser.add_argument("--synthetic", action="store_true", help="random images instead of real ones")
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--json", action="store_true", help="print JSON at the end")
    asked = parser.parse_args()
    if asked.gpu:
        if not torch.cuda.is_available():
            sys.exit("--gpu needs a CUDA device, and there is none here")
        found = side_by_side()
    else:
        print(f"torch {torch.__version__}, {os.cpu_count()} cores; ratios: median [least, largest] of rounds")
        found = []
        for name in asked.network or STEPS:
            each = Asked(name, asked.steps or STEPS[name], asked.threads, asked.synthetic)
            found.append(compared(each, asked.rounds))
            show(found[-1])
    if asked.json:
        print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
