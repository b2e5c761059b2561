"""Networks in and out of the store: a network is its factory, a plan and a state; never a pickle."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from fairprune.execute.workshop import Workshop, root_task
from fairprune.networks.build import build
from fairprune.pruning.apply import planned
from fairprune.pruning.plan import DensePlan, MaskPlan, Plan, from_tensors, to_tensors
from fairprune.record import StageResult
from fairprune.spec import Task
from fairprune.stages import Stage


@dataclass(frozen=True)
class Model:
    """A network and what has been pruned from it, relative to the dense one."""

    network: nn.Module
    plan: Plan

    @property
    def masks(self) -> dict[str, Tensor]:
        """Parameter name -> mask, empty unless weights are masked."""
        return dict(self.plan.masks) if isinstance(self.plan, MaskPlan) else {}


def dense_network(workshop: Workshop, task: Task) -> nn.Module:
    """The task's network as its factory builds it, on the CPU."""
    data = workshop.data(task.data)
    return build(task.network, data.shape, data.classes, workshop.folder)


def planned_network(workshop: Workshop, task: Task, plan: Plan) -> nn.Module:
    """The network in the shape that a plan leaves: physically smaller for channels and blocks, dense for masks."""
    return planned(dense_network(workshop, task), plan)


def load_plan(workshop: Workshop, result: StageResult) -> Plan:
    """The plan that a stage left; everything is kept where it left none."""
    return from_tensors(*workshop.store.tensors(result.blobs["plan"])) if "plan" in result.blobs else DensePlan()


def load_model(workshop: Workshop, stage: Stage, result: StageResult) -> Model:
    """The network that a stage left, on the CPU."""
    plan = load_plan(workshop, result)
    network = planned_network(workshop, root_task(stage), plan)
    state, _ = workshop.store.tensors(result.blobs["network"])
    network.load_state_dict(state)
    return Model(network, plan)


def save_model(workshop: Workshop, model: Model) -> dict[str, str]:
    """Blobs of a network: its state and its plan."""
    blobs = {"network": workshop.store.put_tensors(model.network.state_dict())}
    if not isinstance(model.plan, DensePlan):
        blobs["plan"] = workshop.store.put_tensors(*to_tensors(model.plan))
    return blobs
