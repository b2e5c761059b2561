"""What is wrong with files that people contribute, all of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fairprune.corpus.check import Fault
from fairprune.corpus.importers import contribution, own, results_file
from fairprune.corpus.importers.document import About, read_document
from fairprune.corpus.tables import Corpus, Part, merged
from fairprune.errors import CorpusError

CONTRIBUTED = (contribution, results_file, own)


@dataclass(frozen=True)
class Checked:
    """A file, how many results it brings, and what is wrong with it."""

    path: Path
    results: int
    faults: tuple[Fault, ...]


def check_files(paths: Iterable[Path], corpus: Corpus, paper: str = "", about: Path | None = None) -> Iterator[Checked]:
    """Each file against the corpus and the files before it; `paper` and `about` are those of `examine`.

    A file that cannot be read at all has that as its fault.
    """
    for path in paths:
        try:
            part, faults = examine(path, corpus, paper, about)
        except CorpusError as error:
            yield Checked(path, 0, (Fault(path.name, "file", "unreadable", str(error)),))
            continue
        if not faults:
            corpus = merged(corpus, part)
        yield Checked(path, len(part.rows.get("results", ())), tuple(faults))


def examine(path: Path, corpus: Corpus, paper: str = "", about: Path | None = None) -> tuple[Part, list[Fault]]:
    """The rows of a contribution, and all that is wrong with them.

    A file of results, or a store, is of the paper with the key `paper`, or of that in the TOML file `about`. Raises
    CorpusError where it cannot be read, or says itself of which paper it is.
    """
    if paper and about:
        raise CorpusError(f"--paper and --about both say which paper {path} is of; expected one of them")
    if contribution.recognises(path):
        if paper or about:
            raise CorpusError(f"{path} says itself of which paper it is; --paper and --about are for others")
        return contribution.examine(path, corpus)
    told = About.told(read_document(about), corpus) if about else About.of(path, paper)
    if results_file.recognises(path):
        return results_file.examine(path, corpus, told)
    if own.recognises(path):
        return own.examine(path, corpus, told)
    what = "there is no such file" if not path.exists() else "cannot tell what it is"
    raise CorpusError(f"{what}; expected {', or '.join(each.WHAT for each in CONTRIBUTED)}")
