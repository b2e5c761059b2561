"""The store: one sealed JSON file per stage and per run, blobs by digest. The truth; everything else is a view.

    blobs/ab/<sha256>                tensors as safetensors, plans, curves, packed bits
    stages/<key>.json                what a stage yielded
    records/<run id>/<attempt>.json  what a run left; the last attempt counts
    declarations/<study>/<digest>.json  what a study declared when it had its first result, and whatever after
    leases/<key>/...                 who computes what right now (see leases.py)
    partial/<key>.safetensors        where a stage that is running can resume (local)
    views/<name>.json                what was taken from records, noted (local, can be made anew; see notes.py)

Merging two stores is copying files from one into the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from fairprune.canonical import Json, digest, digest_bytes
from fairprune.errors import StoreError
from fairprune.migration import DECLARATIONS, RECORDS, STAGES, migrated
from fairprune.notes import Row, noted
from fairprune.objects import LocalObjects, Objects
from fairprune.record import Record, StageResult, Status
from fairprune.sealed import DamagedError, seal, unseal
from fairprune.spec import DataSpec, RunSpec
from fairprune.tensors import read_arrays, read_tensors, write_tensors

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

M = TypeVar("M", Record, StageResult, DataSpec)


class Store:
    """Results by identity. `folder` is local: for the states of running stages, and for what can be made anew.

    Of a `still` one, which is read and nothing more, the records are those that were there at the first look.
    """

    def __init__(self, objects: Objects, folder: Path, *, still: bool = False) -> None:
        self.objects = objects
        self._still = still
        self._marks: dict[str, tuple[int, ...]] | None = None
        self.partial = folder / "partial"
        self.views = folder / "views"

    # blobs

    def put_blob(self, data: bytes) -> str:
        """Store bytes and return their digest. A damaged blob of that digest is repaired."""
        name = digest_bytes(data)
        if not self.objects.put(_blob(name), data) and not self.has_blob(name):
            self.objects.put(_blob(name), data, repair=True)
        return name

    def has_blob(self, name: str) -> bool:
        """Whether the blob is there and whole."""
        try:
            self.blob(name)
        except StoreError:
            return False
        return True

    def blob(self, name: str) -> bytes:
        """The blob's bytes. Raises DamagedError where they do not match their digest, StoreError without any."""
        data = self.objects.get(_blob(name))
        if data is None:
            raise StoreError(f"blob {name[:12]} is missing from the store")
        if digest_bytes(data) != name:
            raise DamagedError(f"blob {name[:12]} is damaged: its content does not match its digest")
        return data

    def put_tensors(self, tensors: Mapping[str, Tensor], header: Mapping[str, Json] | None = None) -> str:
        """Store tensors as safetensors and return the digest."""
        return self.put_blob(write_tensors(tensors, header or {}))

    def tensors(self, name: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors of a blob and its header."""
        return read_tensors(self.blob(name))

    def arrays(self, name: str) -> dict[str, NDArray[Any]]:
        """Tensors of a blob as arrays."""
        return read_arrays(self.blob(name))

    # stages

    def put_stage(self, result: StageResult) -> None:
        """Store a stage's result. The first one counts, unless it is damaged."""
        repair = self.usable(result.key) is None
        self.objects.put(f"stages/{result.key}.json", seal(result.model_dump(mode="json")), repair=repair)

    def forget_stage(self, key: str) -> None:
        """Drop a stage's result, so that it is computed again. Records of runs stay."""
        self.objects.drop(f"stages/{key}.json")

    def stage_keys(self) -> set[str]:
        """Keys of all stages with a result, whole or not."""
        return {name.removeprefix("stages/").removesuffix(".json") for name in self.objects.names("stages/")}

    def stage(self, key: str) -> StageResult | None:
        """The result of a stage, or None. Raises DamagedError where its seal is broken."""
        name = f"stages/{key}.json"
        data = self.objects.get(name)
        return _fitted(StageResult, migrated(unseal(data, name), name, STAGES), name) if data is not None else None

    def usable(self, key: str) -> StageResult | None:
        """The result of a stage if it and all its blobs are whole, else None: then it is computed again."""
        try:
            result = self.stage(key)
        except DamagedError:
            return None
        return result if result and all(self.has_blob(name) for name in result.blobs.values()) else None

    # records

    def put_record(self, record: Record) -> Record:
        """Store a record as the run's next attempt and return it."""
        attempt = len(list(self.objects.names(f"records/{record.id}/")))
        while True:
            record = record.model_copy(update={"attempt": attempt})
            name = f"records/{record.id}/{attempt:04d}.json"
            if self.objects.put(name, seal(record.model_dump(mode="json"))):
                return record
            attempt += 1

    def record(self, run_id: str, spec: RunSpec | None = None) -> Record | None:
        """The last whole attempt of a run, or None. Its spec need not be read by those who know it."""
        for name in reversed(list(self.objects.names(f"records/{run_id}/"))):
            with suppress(DamagedError):
                return as_record(unseal(self.objects.get(name) or b"", name), name, spec)
        return None

    def taken(self, view: str, take: Callable[[str, dict[str, Any]], Row]) -> dict[str, Row]:
        """What `take` gives of the name and table of every run's last whole attempt, by the run's identity.

        What it gave before is noted under the view's name (see `notes`); so it must depend on nothing else.
        """

        def read(name: str) -> Row | None:
            try:
                return take(name, unseal(self.objects.get(name) or b"", name))
            except DamagedError:
                return None

        found = noted(self.views / f"{view}.json", self.marks(), read)
        return {name.split("/")[1]: found[name] for name in sorted(found)}  # the last attempt stays

    def marks(self) -> dict[str, tuple[int, ...]]:
        """The records' names, sorted, each with a mark that changes with the record."""
        if self._marks is None or not self._still:
            self._marks = self.objects.marks("records/")
        return self._marks

    def statuses(self) -> dict[str, Status]:
        """How the last whole attempt of every run ended, by its identity."""
        return {run_id: row[0] for run_id, row in self.taken("statuses", _status).items()}

    def made_with(self) -> list[tuple[DataSpec, dict[str, str]]]:
        """The data with which runs were made, and its digests, split by split: more than once where it has changed."""
        rows = self.taken("statuses", _status).values()
        distinct = {id(row[2]): row for row in rows}.values()  # notes share what is equal
        return [(_fitted(DataSpec, row[1], "data of a record"), row[2]) for row in distinct]

    def records(self) -> Iterator[Record]:
        """The last whole attempt of every run."""
        for run_id in sorted({name.split("/")[1] for name in self.objects.names("records/")}):
            record = self.record(run_id)
            if record is not None:
                yield record

    # declarations

    def declare(self, study: str, declaration: Mapping[str, Json]) -> None:
        """Keep what a study declares, beside whatever it declared before."""
        table = dict(declaration)
        self.objects.put(f"declarations/{study}/{digest(table)[:32]}.json", seal(table))

    def declarations(self, study: str) -> list[dict[str, Any]]:
        """Everything that a study of that name has declared, in no order; without what is damaged."""
        found = []
        for name in self.objects.names(f"declarations/{study}/"):
            with suppress(DamagedError):
                table = unseal(self.objects.get(name) or b"", name)
                found.append(migrated({"schema_version": 1, **table}, name, DECLARATIONS))
        return [{key: value for key, value in table.items() if key != "schema_version"} for table in found]

    def damaged(self) -> list[str]:
        """Names of records, stages and declarations with a broken seal, and of blobs that do not match their digest."""
        return [name for kind in ("records/", "stages/", "declarations/", "blobs/") for name in self._broken(kind)]

    def _broken(self, prefix: str) -> Iterator[str]:
        for name in self.objects.names(prefix):
            data = self.objects.get(name) or b""
            try:
                intact = (
                    digest_bytes(data) == name.rsplit("/", 1)[1] if prefix == "blobs/" else bool(unseal(data, name))
                )
            except DamagedError:
                intact = False
            if not intact:
                yield name


def open_store(folder: Path) -> Store:
    """The store in a local folder, created where it is absent. Raises StoreError where it cannot be written."""
    objects = LocalObjects(folder)
    objects.prepare()
    store = Store(objects, folder)
    store.partial.mkdir(exist_ok=True)
    return store


def read_store(folder: Path) -> Store:
    """The store in a local folder, for reading. Raises StoreError where there is none."""
    if not (folder / "stages").is_dir() and not (folder / "records").is_dir():
        raise StoreError(f"no results in {folder}: run a study first, or name its store with --store")
    return Store(LocalObjects(folder), folder, still=True)


def as_record(table: dict[str, Any], name: str, spec: RunSpec | None = None) -> Record:
    """The record in a table that was unsealed. Raises StoreError for one of another schema."""
    return _fitted(Record, {**migrated(table, name, RECORDS), **({"spec": spec} if spec else {})}, name)


def _status(name: str, table: dict[str, Any]) -> Row:
    found = migrated(table, name, RECORDS)
    return found["status"], found["spec"]["task"]["data"], found["spec"]["data_digests"]


def _fitted(model: type[M], table: dict[str, Any], what: str) -> M:
    """The value of a table in today's schema. Raises StoreError where it does not fit."""
    try:
        return model.model_validate(table)
    except ValidationError as error:
        raise StoreError(f"{what} does not fit the schema: {error.errors()[0]['msg']}") from None


def _blob(name: str) -> str:
    return f"blobs/{name[:2]}/{name}"
