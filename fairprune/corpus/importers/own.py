"""A store of our own records, published as the results of a paper."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairprune.audit.result import Result
from fairprune.corpus.audited import as_row
from fairprune.corpus.check import Fault
from fairprune.corpus.importers.document import About, judged, part_of, refuse, without
from fairprune.corpus.importers.typed import Entry
from fairprune.corpus.importers.units import rounded
from fairprune.corpus.naming import Named, Naming, naming
from fairprune.corpus.tables import Corpus, Note, Part, merged
from fairprune.errors import CorpusError, SpecError

if TYPE_CHECKING:
    from fairprune.record import Record

_ACCURACIES = ("base_top1", "top1", "top5")

WHAT = "a store of own records (with --paper or --about)"


def recognises(path: Path) -> bool:
    """Whether it is a folder with records."""
    return (path / "records").is_dir()


def read(path: Path, corpus: Corpus) -> Sequence[Part]:
    """Raises CorpusError, since records do not say which paper they are of."""
    part, faults = examine(path, corpus, About.of(path))
    refuse(faults)
    return (part,)


def examine(path: Path, corpus: Corpus, about: About) -> tuple[Part, list[Fault]]:
    """The runs that ended, one result each, and all that is wrong with them: `replicate` is the seed of the run.

    Methods, data sets and networks go by the names that their components have in fairprune. Raises StoreError where the
    store cannot be read, CorpusError where it is not said which paper it is of.
    """
    from fairprune.audit.against import as_printed  # brings scipy, and the store torch, which no other importer needs
    from fairprune.store import read_store

    if not (about.paper or about.broken):
        raise CorpusError(f"{path} does not say which paper its records are of; expected --paper or --about")
    others = without(corpus, about.origin)
    names = naming(merged(others, part_of(about.origin, about.found)))
    records = sorted(read_store(path).records(), key=lambda record: record.id)
    done = [(record, as_printed(record)) for record in records if record.status == "done"]
    found = [*about.found, *_named_all(path.name, [run for _, run in done], names)]
    faults = [each for each in found if isinstance(each, Fault)]
    if not faults:
        found += (_entry(path.name, record, run, names, about) for record, run in done)
    left = (Note(f"{path.name}, record {r.id}", None, "left out", _ended(r)) for r in records if r.status != "done")
    part = part_of(about.origin, found, tuple(left))
    return part, judged(part, faults, None if faults else others)


def _components(run: Result) -> Mapping[Named, str | None]:
    return {"method": run.criterion, "dataset": run.dataset, "network": run.network}


def _named_all(place: str, runs: Iterable[Result], names: Mapping[Named, Naming]) -> Iterator[Fault]:
    """What is no name in the corpus, once each."""
    for what, name in dict.fromkeys(each for run in runs for each in _components(run).items()):
        try:
            if name is not None:
                names[what].key(what, name)
        except SpecError as error:
            yield Fault(place, what, "unknown-name", f"{error}; --about may bring it, under [[{what}s]]")


def _entry(place: str, record: Record, run: Result, names: Mapping[Named, Naming], about: About) -> Entry:
    keys: dict[str, str | None] = {
        what: name and names[what].key(what, name) for what, name in _components(run).items()
    }
    row = {
        **as_row(run),
        **{name: rounded(value) for name in _ACCURACIES if (value := getattr(run, name)) is not None},
        **keys,
        **_sizes(record),
        "key": f"{about.paper}/{record.id}",
        "paper": about.paper or None,
        "source": f"record {record.id}",
        "transcribed_by": about.transcribed_by,
        "variant": record.labels.get("method") if record.spec.method else None,
        "setting": ", ".join(str(part) for part in (run.target, run.recipe) if part) or None,
        "replicate": record.spec.run_seed,
    }
    return Entry("results", row, f"{place}, record {record.id}")


def _sizes(record: Record) -> dict[str, Any]:
    """Parameters in millions, multiply-adds in 10^9, before and after."""
    found: dict[str, Any] = {"flops_unit": "macs"}
    for before, size in (("base_", record.dense), ("", record.small)):
        if size:
            found |= {f"{before}params_m": size.params / 1e6, f"{before}flops_g": size.macs / 1e9}
    return found


def _ended(record: Record) -> str:
    return f"{record.status}: {record.reason}" if record.reason else record.status
