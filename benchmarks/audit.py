"""How long the audit takes for 2,000 results: 50 pairs of data set and network with 40 methods each. Prints a table.

    python benchmarks/audit.py
    python benchmarks/audit.py --places 5  # a tenth of it

Processor time of one core, the least of several; a ratio compares with results that are spread over many rates, in the
same run. All that are at one rate are the worst case: every two of a place are compared, 39,000 pairs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any

from fairprune.audit import Result
from fairprune.audit.against import judge
from fairprune.audit.examples import pruned
from fairprune.schedules import parse

METHODS = 40
BARE: dict[str, Any] = {"target": None, "base_seed": None, "run_seed": None, "compression": None}
UNKNOWN = ("base_checkpoint", "retrain_epochs", "retrain_schedule", "optimizer", "momentum", "weight_decay",
           "batch_size", "augmentation", "prune_epochs", "prune_schedule")  # fmt: skip


def spread(method: int) -> dict[str, Any]:
    """Rates that few other methods have."""
    return {"speedup": 1.0 + method / 4}


def steps(method: int) -> dict[str, Any]:
    """One rate, and no two retraining schedules alike."""
    return {"retrain_schedule": parse(f"0:1e-2,{10 + method / 2}:1e-3 total:90"), "top1": 90.0 + method / 10}


def cosines(method: int) -> dict[str, Any]:
    """The same with schedules that have to be sampled."""
    return {"retrain_schedule": parse(f"cosine:1e-2->1e-4 total:90 warmup:{1 + method / 8}"), "top1": 90.0}


def nothing(method: int) -> dict[str, Any]:
    """One rate, and whatever else counts unknown."""
    return dict.fromkeys(UNKNOWN) | {"top1": 90.0 + method / 10}


def crossed(method: int) -> dict[str, Any]:
    """One rate, every other method under another recipe, and some under both."""
    name = f"method-{method if method < METHODS * 3 // 4 else method - METHODS // 4}"
    rate = "1e-2" if method % 2 else "1e-3"
    return {"method": name, "retrain_schedule": parse(f"constant:{rate} total:90"), "top1": 90.0 + method % 7}


CASES: Sequence[Callable[[int], dict[str, Any]]] = (spread, steps, cosines, nothing, crossed)


def results(case: Callable[[int], dict[str, Any]], places: int) -> list[Result]:
    """The results of a case, `METHODS` for each place."""
    rows = [{"method": f"method-{m}", **BARE, **case(m)} for m in range(METHODS)]
    return [pruned(f"{p}-{m}", dataset=f"data-{p}", **row) for p in range(places) for m, row in enumerate(rows)]


def seconds(case: Callable[[int], dict[str, Any]], places: int, repeats: int = 3) -> tuple[float, int]:
    """Processor time, and how many pairs were compared."""
    found = []
    for _ in range(repeats):
        given = results(case, places)
        start = time.process_time()
        judged = judge(given)
        found.append(time.process_time() - start)
    return min(found), len(judged.pairs)


def main() -> None:
    """Print a line for every case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--places", type=int, default=50, help="pairs of data set and network")
    places = parser.parse_args().places
    print(f"{places * METHODS:,} results of {places} pairs of data set and network\n")
    print(f"{'case':<12}{'pairs':>8}{'processor':>13}{'ratio':>8}")
    first = None
    for case in CASES:
        took, pairs = seconds(case, places)
        first = first or took
        print(f"{case.__name__:<12}{pairs:>8,}{took:>11.2f} s{took / first:>8.1f}", flush=True)


if __name__ == "__main__":
    main()
