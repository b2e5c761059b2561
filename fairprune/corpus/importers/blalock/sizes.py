"""The columns of results.csv about parameters and operations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fairprune.corpus.importers.blalock.names import names
from fairprune.corpus.importers.reading import Line
from fairprune.corpus.importers.units import rate_from_kept, rate_from_saved, rate_from_sizes, rounded, unit_of
from fairprune.corpus.tables import Note

AGREE = 0.02  # by which part two rates of a row may differ: sizes are printed with two or three figures


@dataclass(frozen=True)
class _Of:
    """The columns of one size, and the fields that they become."""

    now: str
    dense: str
    saved: str
    kept: str
    ratio: str
    field: str
    base_field: str
    rate_field: str


_PARAMS = _Of(
    *("MParams", "OrigMParams", "savedParams", "keptParams", "old/new Nparam"),
    *("params_m", "base_params_m", "compression"),
)
_FLOPS = _Of("GFLOPS", "OrigGFLOPS", "savedFLOPS", "keptFLOPS", "old/new FLOPS", "flops_g", "base_flops_g", "speedup")


def sizes(line: Line, network: str | None, dataset: str | None, notes: list[Note]) -> dict[str, float | str | None]:
    """Sizes before and after and their ratios; `notes` grows by what is interpreted or left out."""
    found: dict[str, float | str | None] = {}
    for of in (_PARAMS, _FLOPS):
        now, dense = line.number_in(of.now), line.number_in(of.dense)
        rate = _rate(line, of, now, dense, notes)
        found |= {of.field: now, of.base_field: dense, of.rate_field: rate}
        if of is _FLOPS and (now is not None or dense is not None):
            known = dense if dense is not None else (now * rate if now is not None and rate else None)
            found["flops_unit"] = _unit(line, known, dense is None, network, dataset, notes)
    return found


def _rate(line: Line, of: _Of, now: float | None, dense: float | None, notes: list[Note]) -> float | None:
    """Dense over pruned: what the row prints, else what follows from its sizes."""
    stated = list(_stated(line, of, notes))
    follows = rate_from_sizes(dense, now) if now is not None and dense is not None else None
    if stated:
        for other, how in [*stated[1:], *([(follows, "its sizes")] if follows else [])]:
            if other is not None and abs(other / stated[0][0] - 1) > AGREE:
                text = f"{stated[0][0]:.4g} by {stated[0][1]}, {other:.4g} by {how}; the former stands"
                notes.append(line.interpreted(of.rate_field, text))
        return stated[0][0]
    if follows is not None:
        notes.append(line.interpreted(of.rate_field, "not printed; dense over pruned, as the row gives both"))
        return rounded(follows)
    if now is not None and dense is not None:
        notes.append(line.left_out(of.rate_field, f"{now:g} is more than the dense {dense:g}"))
    return None


def _stated(line: Line, of: _Of, notes: list[Note]) -> Iterator[tuple[float, str]]:
    """The rates that the row prints, with the column each comes from."""
    ratio = line.number_in(of.ratio)
    saved, kept = line.number_in(of.saved, percent=True), line.number_in(of.kept, percent=True)
    for column, printed, rate in (
        (of.ratio, ratio, ratio if ratio is None or ratio >= 1 else None),
        (of.saved, saved, None if saved is None else rate_from_saved(saved)),
        (of.kept, kept, None if kept is None else rate_from_kept(kept)),
    ):
        if rate is not None:
            yield rounded(rate), column
        elif printed is not None:
            notes.append(line.left_out(of.rate_field, f"{column} {printed:g} gives no rate of 1 or more"))


def _unit(
    line: Line, dense: float | None, worked_out: bool, network: str | None, dataset: str | None, notes: list[Note]
) -> str | None:
    """What is counted, by comparison with the network's multiply-adds; null where that is open."""
    usual = next((e for e in names("networks").by_name.values() if e["key"] == network and dataset in e["on"]), None)
    if dense is None or usual is None:
        notes.append(line.interpreted("flops_unit", "null: no dense count, or no usual one to compare it with"))
        return None
    macs = usual["macs_g"]
    unit = unit_of(dense, macs)
    near = {"macs": "near", "2x macs": "near twice", None: f"{dense:.4g} G is neither near nor near twice"}[unit]
    how = "the dense count, worked out, is " if worked_out else ""
    text = f"{unit or 'null'}: {how}{near} the usual {macs:.4g} G multiply-adds"
    notes.append(line.interpreted("flops_unit", text))
    return unit
