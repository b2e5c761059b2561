"""What can be refused before anything is computed: procedures that do not fit a network, whatever its scores."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from fairprune.pruning.calibration import weights_of
from fairprune.pruning.deciding import Asked, Procedure, check_steps
from fairprune.pruning.layout import shown
from fairprune.pruning.mending import check_applies
from fairprune.pruning.needs.scales import scales_of
from fairprune.pruning.sequence import channels_of, check_walks, counts_ahead
from fairprune.pruning.space import Space
from fairprune.pruning.tap_repair import mending


def check_ahead(network: nn.Module, asked: Asked, how: Procedure, samples: int) -> None:
    """Raise PruneError or SpecError for what `decide` would refuse later, given that many calibration samples.

    Nothing is scored. A repair is checked as if every layer of the space lost something.
    """
    check_steps(how, asked.space)
    check_layers(network, asked.space, how, lambda: samples)
    if how.criterion and "batch_norm" in how.criterion.needs:
        scales_of(network, how.criterion, asked.space.layers, asked.space.batch_norm_of)
    sequential = how.criterion is not None and (how.criterion.scope == "sequence" or "taps" in how.criterion.needs)
    if how.criterion and sequential:
        check_walks(how.criterion)
        channels_of(asked.space)
        counts_ahead(asked.space, asked.name, asked.allocate, asked.target, asked.dense, asked.units)
    if how.repair:
        check_applies(how.repair, how.repair_options, asked.space.granularity)
        if sequential or "taps" in how.repair.needs:
            channels_of(asked.space)
            mending(how.repair, how.repair_options, seed=0)


def check_layers(network: nn.Module, space: Space, how: Procedure, samples: Callable[[], int]) -> None:
    """Raise what criterion and repair refuse of the space's layers by checks of their own, given that many samples."""
    for component, options in ((how.criterion, how.options), (how.repair, how.repair_options)):
        if component and component.check:
            weights = weights_of(network, space.layers)
            shapes = {name: shown(network.get_submodule(name), weight).shape for name, weight in weights.items()}
            component.check(shapes, samples(), {**component.options, **options})
