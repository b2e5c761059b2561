"""A study's results as values: everything that tables, pages and figures show. Plain JSON by `model_dump_json`."""

from __future__ import annotations

from typing import Literal

from fairprune.spec import Value

State = Literal["done", "failed", "diverged", "skipped", "missing"]
Verdict = Literal["better", "worse", "not separated", "not estimable"]


class Spread(Value):
    """Mean of n values, their standard deviation and the interval of the mean; None where n is too small."""

    n: int
    mean: float
    std: float | None = None
    low: float | None = None
    high: float | None = None


class Range(Value):
    """Mean, smallest and largest of what was achieved."""

    mean: float
    min: float
    max: float


class Replicate(Value):
    """One run behind a cell. `value` and `pruned` are in the summary's unit."""

    id: str
    base_seed: int
    run_seed: int
    state: State
    reason: str = ""
    value: float | None = None  # endpoint of the final network on the test split
    pruned: float | None = None  # endpoint right after pruning on the validation split
    compression: float | None = None
    speedup: float | None = None
    on_target: bool = True


class Measured(Value):
    """A metric that the study asked for besides accuracy: mean, smallest and largest of `n` runs, in its own unit."""

    name: str
    when: str
    unit: str
    n: int
    mean: float
    min: float
    max: float


class Cost(Value):
    """What one run of a cell cost in multiply-adds (a training step is 3 passes), mean over runs, shared stages whole.

    Masked weights count as removed; `executed` names what was multiplied all the same.
    """

    base: float  # the base's training, a base of the method's own included
    pruning: float  # the method's own training, scoring, repair
    retraining: float  # or training from scratch
    executed: tuple[str, ...]  # "dense", "small", after the base
    samples: int  # calibration samples that were looked at, of the run that looked at most


class Cell(Value):
    """One method at one target under one recipe: its runs and what they say. The dense control has no target."""

    method: str
    granularity: str = ""
    target: str = ""  # in words, e.g. "compression 4x"
    amount: float | None = None  # the target's value
    runs: tuple[Replicate, ...]
    counts: dict[State, int]  # only the states that occur
    bases: int  # distinct base models behind the runs that ended
    endpoint: Spread | None = None
    resampled: Spread | None = None  # the endpoint with the sampling of test images in its interval
    pruned: Spread | None = None
    compression: Range | None = None
    speedup: Range | None = None
    measured: tuple[Measured, ...] = ()
    cost: Cost | None = None

    @property
    def done(self) -> int:
        """Runs that ended."""
        return self.counts.get("done", 0)

    @property
    def expected(self) -> int:
        """Runs that the study asks for."""
        return len(self.runs)


class Comparison(Value):
    """A method against a control at one target. `difference` is method minus control, in the summary's unit."""

    task: str
    recipe: str
    method: str
    control: str
    target: str
    amount: float
    exploratory: bool = False
    n: int = 0  # replicates that both completed
    family: int = 0  # comparisons that it was corrected for, itself included
    verdict: Verdict = "not estimable"
    reason: str = ""  # why it is not estimable
    difference: float | None = None
    low: float | None = None  # simultaneous interval over the family
    high: float | None = None
    image_low: float | None = None  # the same with the sampling of test images in it, where their answers are at hand
    image_high: float | None = None
    p: float | None = None  # unadjusted, two-sided
    adjusted: float | None = None  # Holm, over the family
    equivalent: bool | None = None  # within the study's margin by two one-sided tests; None: not asked, not estimable
    detectable: float | None = None  # smallest true difference that would be found with the stated power

    @property
    def holds_on_other_images(self) -> bool | None:
        """Whether a separated difference stays so with the sampling of test images; None: not separated, not known."""
        if self.verdict not in ("better", "worse") or self.image_low is None or self.image_high is None:
            return None
        return self.image_low > 0 or self.image_high < 0


class Rank(Value):
    """The ranks that the data allow a method in its class, `best` to `worst`; 1 is the best."""

    method: str
    best: int
    worst: int


class Beside(Value):
    """A method that is not ranked, and why."""

    method: str
    reason: str


class Ranking(Value):
    """The methods of one granularity at one target of a panel: a class of comparable results, and what is beside it.

    The class is formed around one method, the control where that can be: its members reach the setup with that one.
    """

    target: str
    amount: float
    granularity: str
    setup: str  # in words, e.g. "S3.2"
    tau: float  # how far matching rates may lie apart
    around: str = ""  # empty: no method can be in a class
    ranks: tuple[Rank, ...] = ()  # best estimate first; all hold together, over all rankings of the study
    beside: tuple[Beside, ...] = ()
    reason: str = ""  # why the class is not ranked


class Panel(Value):
    """A task under a retraining recipe. The declared comparisons of all panels are one family."""

    task: str
    recipe: str
    kind: str  # of the retraining
    cells: tuple[Cell, ...]
    base: Spread | None = None  # dense networks before anything was done to them; n counts distinct bases
    dense: Cell | None = None  # dense networks retrained under the same recipe
    comparisons: tuple[Comparison, ...] = ()
    rankings: tuple[Ranking, ...] = ()

    @property
    def scratch(self) -> bool:
        """Whether its networks were trained from scratch."""
        return self.kind.startswith("scratch")


class Charge(Value):
    """What all stages of one kind cost together, each counted once however many runs share it."""

    stage: str
    count: int
    seconds: float
    multiply_adds: float
    test_looks: int


class Place(Value):
    """Where runs were executed, in words, and how many of them."""

    text: str
    runs: int


class Summary(Value):
    """A study's declaration and its results, as far as they are there."""

    name: str
    question: str
    axis: Literal["compression", "speedup", "ratio"]
    targets: tuple[float, ...]
    endpoint: str
    direction: Literal["higher", "lower", "none"]
    unit: str  # of every endpoint and difference: "%" for fractions, else as measured
    control: str
    confidence: float
    power: float
    margin: float | None = None  # within which equivalence is tested, in the unit of differences
    samples: dict[str, int]  # split -> samples behind a metric
    counts: dict[State, int]
    panels: tuple[Panel, ...]
    exploratory: tuple[Comparison, ...] = ()
    charges: tuple[Charge, ...] = ()
    places: tuple[Place, ...] = ()
    timed: tuple[Place, ...] = ()  # where latency was measured, if it was
    test_looks: int = 0

    @property
    def expected(self) -> int:
        """Runs that the study asks for."""
        return sum(self.counts.values())

    @property
    def done(self) -> int:
        """Runs that ended."""
        return self.counts.get("done", 0)

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Every declared comparison."""
        return tuple(comparison for panel in self.panels for comparison in panel.comparisons)
