"""Results as values: what a stage yields, and the record that a run leaves. Published as a JSON Schema."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

from fairprune.migration import RECORDS, STAGES
from fairprune.spec import RunSpec, Value

SCHEMA_VERSION = RECORDS.today

ChargedTo = Literal["pretrain", "score", "prune", "retrain", "scratch", "measure", "probe"]
Status = Literal["done", "failed", "diverged", "skipped"]
Step = Literal["eager", "graph", "compile"]  # training: operation by operation, from a CUDA graph, by torch.compile


class Metric(Value):
    """One measured number. `direction` says which way is better; `n` is the number of samples behind it."""

    name: str
    split: Literal["train", "validation", "test", "none"]
    value: float
    direction: Literal["higher", "lower", "none"] = "higher"
    unit: str = ""  # "fraction", "nats", "parameters", "multiply-adds", "x"
    n: int = 0
    when: str = "final"  # "base", "pruned" (before retraining), "final"


class LedgerEntry(Value):
    """What a stage cost and how it trained. FLOPs are multiply-adds: forward 1x, training step 3x.

    `stage` says what the audit charges it to: a method's own training belongs to pruning, or, where it begins with the
    initialisation and knows no target, it is the pretraining of a base of its own.

    `multiply_adds` integrates over the network that was charged; `executed` says whether masked weights were
    multiplied all the same ("dense") or the network was physically small ("small"). `step` says how training steps
    were really made; "" where nothing was trained.
    """

    stage: ChargedTo
    epochs: float = 0.0
    steps: int = 0
    samples: int = 0
    schedule: str = ""  # canonical text; "" where nothing was trained
    optimizer: str = ""  # canonical text of the optimizer without its rate
    momentum: float | None = None
    weight_decay: float | None = None
    batch_size: int | None = None
    augmentation: str | None = None
    macs_per_sample: float = 0.0
    multiply_adds: float = 0.0
    executed: Literal["dense", "small", ""] = ""
    step: Step | Literal[""] = ""
    test_looks: int = 0
    seconds: float = 0.0


class Parent(Value):
    """A stage's parent: its key (what was asked) and the digest of its content (what came out)."""

    stage: str
    key: str
    digest: str


class Environment(Value):
    """Where a stage ran: recorded, never hashed."""

    fairprune: str
    python: str
    torch: str
    platform: str
    processor: str
    device: str
    threads: int
    deterministic: bool
    git: str = ""  # revision of the working folder, "+dirty" when it has changes; "" outside a repository


class StageResult(Value):
    """What one stage left in the store: blobs by digest, numbers inline."""

    schema_version: int = STAGES.today
    key: str
    kind: str
    status: Literal["done", "diverged"]
    reason: str = ""
    parents: tuple[Parent, ...] = ()
    digest: str  # SHA-256 over blobs, metrics and info: what came out, without times
    blobs: dict[str, str] = {}  # name -> digest of the blob
    metrics: tuple[Metric, ...] = ()
    info: dict[str, JsonValue] = {}
    ledger: LedgerEntry
    environment: Environment
    finished: str = ""  # UTC


class Size(Value):
    """Parameters and multiply-adds for one sample (convolutions, linear layers, attention products)."""

    params: int
    macs: int


class Record(Value):
    """What a run left: the unit of comparison, audit and report."""

    schema_version: int = SCHEMA_VERSION
    id: str
    attempt: int = 0
    status: Status
    reason: str = ""
    spec: RunSpec
    labels: dict[str, str] = {}  # display names given by the study that ran it first: study, task, method, retraining
    stages: tuple[Parent, ...] = ()  # every stage of the run, in order, with its key and digest
    ledger: tuple[LedgerEntry, ...] = ()
    metrics: tuple[Metric, ...] = ()
    dense: Size | None = None
    small: Size | None = None
    kept: dict[str, tuple[int, int]] = {}  # layer or group -> units kept, units of the dense network
    on_target: bool = True  # whether the achieved size is within 1 % of the target
    curves: dict[str, str] = {}  # training stage -> digest of the blob with its per-epoch curve
    correct: str = ""  # digest of the blob with packed per-example correctness on the test split
    environment: Environment | None = None
    timed_on: str = ""  # the machine and conditions under which latency was measured; "" where it was not
    finished: str = ""

    @property
    def compression(self) -> float | None:
        """Parameters of the dense network over parameters kept (masked-out weights do not count)."""
        return self.dense.params / max(self.small.params, 1) if self.dense and self.small else None

    @property
    def speedup(self) -> float | None:
        """Theoretical speedup: multiply-adds of the dense network over those kept."""
        return self.dense.macs / max(self.small.macs, 1) if self.dense and self.small else None

    def metric(self, name: str, split: str = "test", when: str = "final") -> float | None:
        """The value of a metric, or None where it was not measured."""
        found = [m.value for m in self.metrics if (m.name, m.split, m.when) == (name, split, when)]
        return found[0] if found else None
