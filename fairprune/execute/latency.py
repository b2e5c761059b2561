"""The stage that times the pruned architecture against the dense one, in turn, on the machine that it runs on.

The one stage whose result is no function of its spec. Where stores are merged the first stays, and says where it ran.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from torch import nn

from fairprune.execute.models import dense_network, load_model
from fairprune.execute.workshop import Outcome, Workshop, root_task
from fairprune.measure.conditions import Conditions
from fairprune.measure.cost import count
from fairprune.measure.filesize import file_size
from fairprune.measure.latency import Timed, compare_latency
from fairprune.record import LedgerEntry, Metric, StageResult
from fairprune.spec import Latency, Task
from fairprune.stages import Stage

_WHEN = {"dense": "base", "small": "final"}  # architectures, whatever is trained afterwards
Direction = Literal["higher", "lower"]


def latency(workshop: Workshop, stage: Stage, parents: tuple[StageResult, ...]) -> Outcome:
    """Latency, throughput and memory at each batch size, and file sizes; the rounds themselves as a blob."""
    task = root_task(stage)
    model = load_model(workshop, stage.parents[0], parents[0])
    networks = {"dense": dense_network(workshop, task), "small": model.network}
    example = workshop.data(task.data).example()
    conditions = _conditions(workshop, task, stage)
    timed = compare_latency(networks, example, conditions)
    macs = {"dense": count(networks["dense"], example).macs, "small": count(model.network, example, model.masks).macs}
    calls = [(name, at.batch_size * number) for at in timed for name, number in at.calls.items()]
    ledger = LedgerEntry(
        stage="probe",
        samples=sum(samples for _, samples in calls),
        macs_per_sample=macs["small"],
        multiply_adds=float(sum(samples * macs[name] for name, samples in calls)),
        executed="dense" if model.masks else "small",
    )
    rounds = {str(at.batch_size): dict(at.seconds) for at in timed}
    blob = workshop.store.put_blob(json.dumps(rounds).encode())
    metrics = (*_sizes(networks), *(metric for at in timed for metric in _metrics(at)))
    return Outcome(ledger, {"rounds": blob}, metrics, {"machine": str(conditions)})


def _conditions(workshop: Workshop, task: Task, stage: Stage) -> Conditions:
    asked = Latency.model_validate({key: value for key, value in stage.spec.items() if key != "metric"})
    execution = workshop.execution
    return Conditions(
        batch_sizes=asked.batch_sizes,
        seconds=asked.seconds,
        device=execution.device,
        channels_last=execution.channels_last,
        precision=task.precision,
    )


def _metrics(timed: Timed) -> Iterator[Metric]:
    """What one batch size says, its number in the names."""
    speedup, size = timed.speedup("small"), f"b{timed.batch_size}"
    for name, when in _WHEN.items():
        yield _metric(f"latency_{size}", timed.latency(name).value * 1000, "lower", "ms", timed.rounds, when)
        yield _metric(f"throughput_{size}", timed.throughput(name), "higher", "samples/s", timed.rounds, when)
        yield _metric(f"activations_{size}", timed.memory[name], "lower", "bytes", 1, when)
    ends = {"": speedup.value, "_low": speedup.low, "_high": speedup.high}
    for end, value in ends.items():
        yield _metric(f"measured_speedup_{size}{end}", value, "higher", "x", timed.rounds, "final")


def _sizes(networks: Mapping[str, nn.Module]) -> Iterator[Metric]:
    for name, when in _WHEN.items():
        yield _metric("file_size", file_size(networks[name]).plain, "lower", "bytes", 1, when)


def _metric(name: str, value: float, direction: Direction, unit: str, n: int, when: str) -> Metric:
    fields: dict[str, Any] = {"name": name, "value": value, "direction": direction, "unit": unit, "n": n}
    return Metric(split="none", when=when, **fields)
