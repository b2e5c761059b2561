"""What pruning took from each layer."""

from __future__ import annotations

from dataclasses import dataclass

from fairprune.measure.cost import Cost, Kind


@dataclass(frozen=True)
class Change:
    """A layer's parameters, and multiply-adds for one sample, before and after; 0 where the layer has gone."""

    name: str
    kind: Kind
    params: tuple[int, int]
    macs: tuple[int, int]


def changes(before: Cost, after: Cost) -> tuple[Change, ...]:
    """Every layer of either network that costs something, in the order of the first."""
    old, new = ({layer.name: layer for layer in cost.layers} for cost in (before, after))
    found = []
    for name, layer in {**old, **new}.items():
        pair = [cost.get(name) for cost in (old, new)]
        params, macs = ([getattr(part, of) if part else 0 for part in pair] for of in ("params", "macs"))
        if any(params) or any(macs):
            found.append(Change(name, layer.kind, (params[0], params[1]), (macs[0], macs[1])))
    return tuple(found)
