"""How long a corpus of 100,000 synthetic results takes: merging, checking, saving, reading, and every question; as many
results in a CSV file, imported and asked by commands; and the commands over the corpus that ships.

    python benchmarks/corpus.py
    python benchmarks/corpus.py --results 10000

500 papers, 200 methods, 1,000 pairs of network and data set; a tenth of the results know base model and recipe. The
file has every column that `fairprune audit` reads, or eight of them. Prints processor time and wall clock of each step,
the rows that it gave, and the most memory that the process took. Commands start cold; of those over the corpus that
ships, the least of three runs.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fairprune.audit.columns import COLUMNS
from fairprune.corpus.check import check
from fairprune.corpus.compare import compare
from fairprune.corpus.graph import graph
from fairprune.corpus.holes import first, holes, literature
from fairprune.corpus.query import Filters, query, sql
from fairprune.corpus.stats import stats
from fairprune.corpus.tables import Corpus, Part, load, merged, nothing, save

PAPERS, METHODS, NETWORKS, DATASETS, PLACES = 500, 200, 200, 50, 1000
KNOWN: dict[str, Any] = {
    "base_checkpoint": "zoo", "retrain_schedule": "0:1e-2,30:1e-3 total:60", "optimizer": "sgd", "momentum": 0.9,
    "weight_decay": 1e-4, "batch_size": 128, "augmentation": "pad-crop:4,flip",
}  # fmt: skip
RECIPE: dict[str, Any] = {
    **KNOWN, "kind": "prune", "granularity": "weight", "params_m_base": 0.85, "macs_g_base": 0.126, "spare": "conv1 fc",
    "allocation": "global", "calibration": 1024, "tuning_trials": 3, "pretrain_epochs": 160, "prune_epochs": 0,
    "pretrain_schedule": "0:1e-1,80:1e-2,120:1e-3 total:160", "prune_schedule": "none", "retrain_epochs": 60,
    "selected_on": "last",
}  # fmt: skip
SQL = "SELECT r.network, COUNT(DISTINCT r.paper) AS n FROM results AS r JOIN papers AS p ON r.paper = p.key " \
      "WHERE p.year > 2012 GROUP BY r.network ORDER BY n DESC"  # fmt: skip

FEW = ("id", "source", "method", "network", "dataset", "base_top1", "top1", "compression")
COMMANDS = (
    ("stats",),
    ("stats", "--json"),
    ("query", "--network", "ResNet-50", "--metric", "top1"),
    ("query", "--setup", "S3.1"),
    ("query", "--sql", "SELECT COUNT(*) FROM results"),
    ("compare", "SNIP", "SynFlow"),
    ("graph",),
    ("holes",),
)
START = "from fairprune.cli import main; main()"


def part(results: int) -> Part:
    """Rows as an importer yields them."""
    draw = random.Random(0)
    places = [(f"n{draw.randrange(NETWORKS)}", f"d{draw.randrange(DATASETS)}") for _ in range(PLACES)]
    papers = [{"key": f"p{n}", "title": f"Paper {n}", "first_author": "A", "year": 2010 + n % 15, "pruning": True}
              for n in range(PAPERS)]  # fmt: skip
    compared = {(f"p{draw.randrange(PAPERS)}", f"p{draw.randrange(PAPERS)}") for _ in range(4 * PAPERS)}
    return Part(
        "synthetic",
        {
            "papers": papers,
            "methods": [{"key": f"m{n}", "name": f"Method {n}", "paper": f"p{n}"} for n in range(METHODS)],
            "networks": [{"key": f"n{n}", "name": f"Network {n}"} for n in range(NETWORKS)],
            "datasets": [{"key": f"d{n}", "name": f"Data {n}"} for n in range(DATASETS)],
            "results": list(_results(results, places, draw)),
            "comparisons": [{"paper": a, "compared_to": b} for a, b in sorted(compared)],
        },
    )


def _results(number: int, places: list[tuple[str, str]], draw: random.Random) -> Iterator[dict[str, Any]]:
    for n in range(number):
        network, dataset = draw.choice(places)
        yield {
            "key": f"r{n}", "paper": f"p{n % PAPERS}", "source": f"table 1, row {n}", "transcribed_by": "nobody",
            "kind": "prune", "method": f"m{draw.randrange(METHODS)}", "network": network, "dataset": dataset,
            "base_top1": round(draw.uniform(70, 95), 2), "top1": round(draw.uniform(60, 95), 2),
            "speedup": round(draw.uniform(1, 16), 2), **(KNOWN if n % 10 == 0 else {}),
        }  # fmt: skip


def main() -> None:
    """Print a line for every step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=int, default=100_000)
    number = parser.parse_args().results
    commands(number)  # first, since a command's memory is at least what this process has when it starts it
    steps(number)


def commands(number: int) -> None:
    """Print a line for every command."""
    print(f"{number:,} results in a file\n\n{'command':<78}{'processor':>11}{'wall':>9}{'memory':>12}")
    for columns in (FEW, tuple(COLUMNS)):
        with tempfile.TemporaryDirectory() as name:
            path, folder = Path(name, f"{len(columns)}-columns.csv"), Path(name, "corpus")
            written(path, number, columns)
            command("import", str(path), "--paper", "SNIP", "--into", str(folder))
            command("query", "--corpus", str(folder), "--network", "ResNet-56", "--metric", "top1")
    for arguments in COMMANDS:
        command(*arguments, times=3)


def steps(number: int) -> None:
    """Print a line for every step in this process."""
    rows, spent = part(number), 0.0
    print(f"\n{number:,} results\n\n{'step':<34}{'processor':>11}{'wall':>9}{'rows':>10}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = merged(nothing(), rows)
        asked: list[tuple[str, Callable[[], Any]]] = [
            ("merged", lambda: merged(nothing(), replace(rows))["results"]),
            ("check", lambda: check(corpus, rows)),
            ("save", lambda: save(corpus, folder)),
            ("load", lambda: load(folder)["results"]),
            ("stats", lambda: stats(corpus).combination_counts),
            (
                "query: network, year, metric",
                lambda: query(corpus, Filters(("n1",), metrics=("top1",), years=(2012, 2016))),
            ),
            ("query: setup S1", lambda: query(corpus, Filters(setup="S1"))),
            ("query: setup S3.2", lambda: query(corpus, Filters(setup="S3.2"))),
            ("SQL: a join and a group", lambda: sql(folder, SQL)),
            ("compare two methods", lambda: compare(corpus, "m1", "m2").pairs),
            ("graph", lambda: graph(corpus).edges),
            ("holes: the first 20", lambda: first(holes(literature(corpus, 3)), 20)),
        ]
        for what, step in asked:
            start, clock = time.process_time(), time.perf_counter()
            found = step()
            took, wall = time.process_time() - start, time.perf_counter() - clock
            spent += took
            print(f"{what:<34}{took:>9.2f} s{wall:>7.2f} s{_size(found):>10}", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{'together':<34}{spent:>9.2f} s\n\npeak memory of the process: {peak:.2f} GiB")


def written(path: Path, number: int, columns: Sequence[str]) -> None:
    """A file of results with these columns, whose methods, networks and data sets are in the corpus that ships."""
    draw, corpus = random.Random(0), load()
    named = {each: corpus[f"{each}s"]["key"].to_list() for each in ("method", "network", "dataset")}  # type: ignore[index]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        for n in range(number):
            accuracies = {name: round(draw.uniform(60, 95), 2) for name in ("base_top1", "top1", "top5")}
            rates = {name: round(draw.uniform(1, 16), 3) for name in ("compression", "speedup")}
            names = {name: draw.choice(keys) for name, keys in named.items()}
            where = {"id": f"r{n}", "source": f"table {n % 20}", "seeds": n % 5 + 1, "top1_std": n % 100 / 100}
            writer.writerow({**RECIPE, **where, **names, **accuracies, **rates})


def command(*arguments: str, times: int = 1) -> None:
    """Print processor time, wall clock and memory of a command from a cold start, the least of some runs."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        run = subprocess.Popen([sys.executable, "-c", START, "corpus", *arguments], stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(run.pid, 0)
        assert status == 0, arguments
        found.append((used.ru_utime + used.ru_stime, time.perf_counter() - start, used.ru_maxrss / 2**20))
    took, wall, peak = map(min, zip(*found, strict=True))
    shown = [Path(each).name if "/" in each else each for each in arguments]
    print(f"{shlex.join(['fairprune', 'corpus', *shown]):<78}{took:>9.2f} s{wall:>7.2f} s{peak:>8.2f} GiB", flush=True)


def _size(found: Any) -> str:
    if isinstance(found, Corpus) or found is None:
        return ""
    return f"{len(found):,}"


if __name__ == "__main__":
    main()
