"""state-of-sparsity-resnet50: single runs of Gale et al. 2019 with ResNet-50 on ImageNet."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fairprune.corpus.importers.reading import Line, read_csv, read_rows
from fairprune.corpus.importers.units import percent, rate_from_saved, rounded
from fairprune.corpus.tables import Note, Part
from fairprune.errors import CorpusError

FOLDER = "state-of-sparsity-resnet50"
ORIGIN = "gale-2019"
PAPER = "google-state-of-sparsity"
METHODS = (
    {"key": "gradual-magnitude", "name": "Gradual magnitude pruning", "component": "gradual"},
    {"key": "random", "name": "Random pruning", "aliases": ["Rand"], "component": "random"},
)


@dataclass(frozen=True)
class _Sweep:
    """A file: its method, and its columns for sparsity, accuracy and settings (with what they are called)."""

    file: str
    method: str
    sparsity: str
    accuracy: str
    settings: tuple[tuple[str, str], ...]


_TIMES = (("begin", "begin"), ("end", "end"), ("freq", "every"), ("label smoothing", "label smoothing"))
_SWEEPS = (
    _Sweep("rn50_magnitude_pruning.csv", "gradual-magnitude", "Sparsity", "accuracy", _TIMES),
    _Sweep("rn50_random_pruning.csv", "random", "Target Sparsity", "accuracy", _TIMES),
    _Sweep(
        *("rn50_l0_regularization.csv", "hard-concrete", "global_sparsity", "accuracy"),
        (
            *(("initial_log_alpha", "initial log alpha"), ("l0_norm_weight", "L0 weight")),
            *(("label_smoothing", "label smoothing"), ("weight_decay", "weight decay")),
        ),
    ),
    _Sweep(
        *("rn50_variational_dropout.csv", "sparse-variational-dropout", "global sparsity", "Accuracy"),
        (
            *(("DKL loss begin", "KL begin"), ("DKL loss saturate", "KL full"), ("DKL loss coeff", "KL weight")),
            ("label_smoothing", "label smoothing"),
        ),
    ),
)
_BASE = ("rn50_baselines.csv", ("Accuracy", "Training Steps", "Batch Size"))


def part(folder: Path) -> Part:
    """Every run as a row. Raises CorpusError for a file that is missing, or cannot be read."""
    results = _dense(folder / _BASE[0])
    notes: list[Note] = []
    for sweep in _SWEEPS:
        lines = read_csv(folder / sweep.file, (sweep.sparsity, sweep.accuracy, *(name for name, _ in sweep.settings)))
        found, unread = read_rows(lines, partial(_run, sweep))
        results += [row for _, row in found]
        notes += unread
        text = "dense over pruned is 1 / (1 - sparsity); fractions right are percent; each row is one run"
        notes.append(Note(sweep.file, "compression", "interpreted", text))
    return Part(ORIGIN, {"methods": METHODS, "results": results}, tuple(notes))


def _run(sweep: _Sweep, line: Line) -> dict[str, Any]:
    sparsity = line.number_of(sweep.sparsity)
    rate = rate_from_saved(100 * sparsity)
    if rate is None:
        raise CorpusError(f"{line.place}, {sweep.sparsity}: {sparsity:g}: expected a fraction from 0 to below 1")
    settings = [f"{name} {line[column]}" for column, name in sweep.settings]
    return _row(line) | {
        "kind": "prune",
        "method": sweep.method,
        "setting": ", ".join(settings),
        "granularity": "weight",
        "top1": percent(line.number_of(sweep.accuracy)),
        "compression": rounded(rate),
    }


def _dense(path: Path) -> list[dict[str, Any]]:
    """The dense runs, which the file gives in percent."""
    return [
        _row(line)
        | {
            "kind": "dense",
            "setting": f"{line['Training Steps']} steps",
            "replicate": replicate,
            "top1": line.number_of("Accuracy"),
            "batch_size": int(line.number_of("Batch Size")),
        }
        for replicate, line in enumerate(read_csv(path, _BASE[1]))
    ]


def _row(line: Line) -> dict[str, Any]:
    return {
        "key": f"{ORIGIN}/{line.file.removeprefix('rn50_').removesuffix('.csv')}/{line.number}",
        "paper": PAPER,
        "source": line.place,
        "transcribed_by": "Gale et al. 2019",
        "dataset": "imagenet",
        "network": "resnet-50",
        "seeds": 1,
    }
