"""Networks from specs: built by name, and checked against the data before any compute."""

from __future__ import annotations

import copy
import importlib
import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from fairprune import registry
from fairprune.errors import FairpruneError, NetworkError, SpecError, unknown
from fairprune.networks.shaped import check_shaped
from fairprune.spec import NetworkSpec

Factory: TypeAlias = Callable[..., nn.Module]  # (classes, channels, **options)
Shape: TypeAlias = tuple[int, int, int]  # channels, height, width
_EXPECTED = "expected a function (classes, channels, ...)"
Entered: TypeAlias = tuple[str, nn.Module, tuple[Any, ...]]  # layer, and what it was called with


def build(spec: NetworkSpec, shape: Shape, classes: int, folder: Path | None = None) -> nn.Module:
    """A network on the CPU for inputs [n, channels, height, width] that returns logits [n, classes].

    Its weights are a fixed draw; `initialise` gives those of a seed. A factory with a parameter `size` gets the
    height where the spec does not set it. A user's own `module:factory` is looked for in `folder` first; networks of
    `torchvision:` and `timm:` are built without their published weights. Global random state is untouched.
    Raises SpecError for unknown names and options, and NetworkError for a network that cannot be built, or that does
    not take a zero input of that shape to [1, classes].
    """
    factory = _factory(spec.name, folder)
    options = _options(spec, factory, shape)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        try:
            network = factory(classes, shape[0], **options)
        except FairpruneError:
            raise
        except Exception as error:
            raise NetworkError(f"network '{spec.name}' cannot be built: {_reason(error)}") from error
        if not isinstance(network, nn.Module):
            raise NetworkError(f"network '{spec.name}': expected a torch.nn.Module, got {type(network).__name__}")
        _check(spec.name, network, shape, classes)
    return network


def _factory(name: str, folder: Path | None) -> Factory:
    library, _, model = name.partition(":")
    if library == "torchvision":
        return _torchvision(model)
    if library == "timm":
        return _timm(model)
    factory: Factory = registry.load("network", name, folder)
    if not callable(factory) or isinstance(factory, nn.Module):
        raise NetworkError(f"network '{name}': {_EXPECTED}, got a value of type {type(factory).__name__}")
    return factory


def _torchvision(model: str) -> Factory:
    models = _library("torchvision").models
    if model not in models.list_models():
        raise SpecError(unknown("torchvision network", model, models.list_models()))

    def factory(classes: int, channels: int, **options: Any) -> nn.Module:
        if channels != 3:
            raise NetworkError(f"the data has {channels} channels, network 'torchvision:{model}' takes 3")
        network: nn.Module = models.get_model(model, weights=None, num_classes=classes, **options)
        return network

    return factory


def _timm(model: str) -> Factory:
    timm = _library("timm")
    if model not in timm.list_models():
        raise SpecError(unknown("timm network", model, timm.list_models()))

    def factory(classes: int, channels: int, **options: Any) -> nn.Module:
        network: nn.Module = timm.create_model(model, num_classes=classes, in_chans=channels, **options)
        return network

    return factory


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise NetworkError(
            f"networks named '{name}:...' need {name}, which cannot be imported ({error}):"
            f" expected the extra of that name, pip install 'fairprune[{name}]'"
        ) from error


def _options(spec: NetworkSpec, factory: Factory, shape: Shape) -> dict[str, Any]:
    signature = inspect.signature(factory)
    try:
        signature.bind_partial(0, 0)
    except TypeError:
        taken = f"{spec.name.rpartition(':')[2]}{signature.replace(return_annotation=inspect.Signature.empty)}"
        raise NetworkError(f"network '{spec.name}': {_EXPECTED}, got {taken}") from None
    parameters = list(signature.parameters.values())[2:]
    named = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    anything = any(p.kind is p.VAR_KEYWORD for p in parameters)
    for option in spec.options:
        if option not in named and not anything:
            raise SpecError(unknown(f"option of network '{spec.name}'", option, named))
    fitted = {"size": shape[1]} if "size" in named else {}
    return fitted | spec.options


def _check(name: str, network: nn.Module, shape: Shape, classes: int) -> None:
    """Run a copy of the network, in evaluation mode, on one zero input. Raises NetworkError."""
    check_shaped(network)
    probe = copy.deepcopy(network).eval()
    running: list[Entered] = []  # layers entered and not yet left: on a failure, the last one is the culprit
    _watch(probe, running)
    with torch.no_grad():
        try:
            output = probe(torch.zeros(1, *shape))
        except Exception as error:
            raise NetworkError(_misfit(name, shape, running, error)) from error
    if not isinstance(output, Tensor) or output.dim() != 2 or len(output) != 1:
        got = list(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise NetworkError(f"network '{name}' returns {got} for one input: expected logits of shape [1, {classes}]")
    if output.shape[1] != classes:
        raise NetworkError(f"the data has {classes} classes, network '{name}' returns {output.shape[1]}")


def _watch(network: nn.Module, running: list[Entered]) -> None:
    def enter(path: str, module: nn.Module, args: tuple[Any, ...]) -> None:
        running.append((path, module, args))

    def leave(*_: Any) -> None:
        running.pop()

    for path, module in network.named_modules():
        if not list(module.children()):
            module.register_forward_pre_hook(partial(enter, path))
            module.register_forward_hook(leave)


def _misfit(name: str, shape: Shape, running: list[Entered], error: Exception) -> str:
    size = "x".join(map(str, shape))
    where = f"network '{name}'"
    if running:
        path, module, args = running[-1]
        where = f"layer '{path}' of network '{name}'"
        got = args[0].shape if args and isinstance(args[0], Tensor) else ()
        channels, features = getattr(module, "in_channels", None), getattr(module, "in_features", None)
        if channels is not None and len(got) > 1 and got[1] != channels:
            return f"the data has {shape[0]} channels: {where} takes {channels} and gets {got[1]}"
        if features is not None and got and got[-1] != features:
            return f"input size {size} does not fit: {where} takes {features} features and gets {got[-1]}"
    small = any(sign in str(error) for sign in ("too small", "can't be greater than actual input size"))
    return f"input size {size} {'is too small for' if small else 'does not fit'} {where}: {_reason(error)}"


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
