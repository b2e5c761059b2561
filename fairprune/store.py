"""The store: one sealed JSON file per stage and per run, blobs by digest. The truth; everything else is a view.

    blobs/ab/<sha256>                tensors as safetensors, plans, curves, packed bits
    stages/<key>.json                what a stage yielded
    records/<run id>/<attempt>.json  what a run left; the last attempt counts
    declarations/<study>/<digest>.json  what a study declared when it had its first result, and whatever after
    leases/<key>/...                 who computes what right now (see leases.py)
    partial/<key>.safetensors        where a stage that is running can resume (local)

Merging two stores is copying files from one into the other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from fairprune.canonical import Json, canonical, digest, digest_bytes
from fairprune.errors import StoreError
from fairprune.objects import LocalObjects, Objects
from fairprune.record import SCHEMA_VERSION, Record, StageResult, Status
from fairprune.sealed import DamagedError, seal, unseal
from fairprune.spec import RunSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

M = TypeVar("M", Record, StageResult)


class Store:
    """Results by identity. `partial` is the local folder for the states of running stages."""

    def __init__(self, objects: Objects, partial: Path) -> None:
        self.objects = objects
        self.partial = partial

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
        """Tensors of a blob as arrays, for those who have no other need of torch, which takes seconds to import."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            return load(self.blob(name))
        except (SafetensorError, ValueError) as error:
            raise DamagedError(f"blob {name[:12]} holds no arrays: {error}") from None

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
        data = self.objects.get(f"stages/{key}.json")
        return _fitted(StageResult, unseal(data, f"stage {key}"), f"stage {key}") if data is not None else None

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
        attempt = len(self._attempts(record.id))
        while True:
            record = record.model_copy(update={"attempt": attempt})
            name = f"records/{record.id}/{attempt:04d}.json"
            if self.objects.put(name, seal(record.model_dump(mode="json"))):
                return record
            attempt += 1

    def record(self, run_id: str, spec: RunSpec | None = None) -> Record | None:
        """The last whole attempt of a run, or None. Its spec need not be read by those who know it."""
        for name, table in self._whole(self._attempts(run_id)):
            known = {"spec": spec} if spec else {}
            return _fitted(Record, {**migrate(table), **known}, name)
        return None

    def statuses(self) -> dict[str, Status]:
        """How the last whole attempt of every run ended, by its identity. Reads less than all of the records would."""
        attempts: dict[str, list[str]] = {}
        for name in self.objects.names("records/"):
            attempts.setdefault(name.split("/")[1], []).append(name)
        found = ((run_id, next(self._whole(names), None)) for run_id, names in attempts.items())
        return {run_id: last[1]["status"] for run_id, last in found if last}

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
                found.append(unseal(self.objects.get(name) or b"", name))
        return found

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

    def _attempts(self, run_id: str) -> list[str]:
        return list(self.objects.names(f"records/{run_id}/"))

    def _whole(self, names: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        """The tables of objects whose seals hold, the last one first."""
        for name in reversed(names):
            with suppress(DamagedError):
                yield name, unseal(self.objects.get(name) or b"", name)


def open_store(folder: Path) -> Store:
    """The store in a local folder, created where it is absent. Raises StoreError where it cannot be written."""
    objects = LocalObjects(folder)
    objects.prepare()
    partial = folder / "partial"
    partial.mkdir(exist_ok=True)
    return Store(objects, partial)


def read_store(folder: Path) -> Store:
    """The store in a local folder, for reading. Raises StoreError where there is none."""
    if not (folder / "stages").is_dir() and not (folder / "records").is_dir():
        raise StoreError(f"no results in {folder}: run a study first, or name its store with --store")
    return Store(LocalObjects(folder), folder / "partial")


def write_tensors(tensors: Mapping[str, Tensor], header: Mapping[str, Json]) -> bytes:
    """Safetensors bytes, the same for the same values: safetensors keeps no order of its own in several entries."""
    import safetensors.torch
    import torch

    ready = {
        # a copy: safetensors refuses tensors that share memory, as tied weights do
        name: tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    return safetensors.torch.save(ready, metadata={"header": canonical(header)})


def read_tensors(data: bytes) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and header of bytes that `write_tensors` made. Raises DamagedError where they are not valid."""
    import safetensors.torch
    from safetensors import SafetensorError

    try:
        tensors = safetensors.torch.load(data)
        size = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + size]).get("__metadata__", {})
        return tensors, json.loads(metadata.get("header", "{}"))
    except (SafetensorError, ValueError) as error:
        raise DamagedError(f"not valid safetensors: {error}") from None


def migrate(table: dict[str, Any]) -> dict[str, Any]:
    """The record's table in today's schema. Raises StoreError for a version that this one does not know."""
    version = table.get("schema_version")
    if version != SCHEMA_VERSION:
        raise StoreError(f"record of schema version {version}: this fairprune reads version {SCHEMA_VERSION}")
    return table


def _fitted(model: type[M], table: dict[str, Any], what: str) -> M:
    try:
        return model.model_validate(table)
    except ValidationError as error:
        raise StoreError(f"{what} does not fit the schema: {error.errors()[0]['msg']}") from None


def _blob(name: str) -> str:
    return f"blobs/{name[:2]}/{name}"
