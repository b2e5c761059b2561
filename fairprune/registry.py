"""Components by name: a fixed table of what ships, and `module:attribute` for a user's own.

Looking a name up imports nothing, so listing and planning stay fast. Nothing registers itself by import.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, Literal

from fairprune.canonical import digest_bytes
from fairprune.errors import SpecError, unknown

Kind = Literal["criterion", "training", "repair", "allocation", "network", "dataset", "objective"]
LIBRARIES = ("torchvision", "timm")  # extras whose networks are named as LIBRARY:NAME


@dataclass(frozen=True)
class Entry:
    """A component: where it lives, and the version that enters the identity of runs that name it."""

    name: str
    where: str  # module:attribute
    version: str
    summary: str


# raised when the same spec computes something else; of all others it is 1
_VERSIONS = {"lamp": "2", "synflow": "2", "taylor": "2"}


def _table(base: str, *rows: tuple[str, str, str]) -> MappingProxyType[str, Entry]:
    return MappingProxyType(
        {name: Entry(name, f"{base}{where}", _VERSIONS.get(name, "1"), summary) for name, where, summary in rows}
    )


BUILTIN: MappingProxyType[Kind, MappingProxyType[str, Entry]] = MappingProxyType(
    {
        "criterion": _table(
            "fairprune.pruning.criteria.",
            ("random", "random:random", "a score drawn at random for every unit"),
            ("magnitude", "magnitude:magnitude", "|w| (Janowsky 1989; Han et al. 2015)"),
            ("gradient_weight", "gradient:gradient_weight", "|w * dL/dw| on calibration data (Blalock et al. 2020)"),
            ("activation_weight", "activation:activation_weight", "|w| * mean |input| (Blalock et al. 2020)"),
            ("l1_norm", "norms:l1_norm", "L1 norm of a filter (Li et al. 2017, arXiv:1608.08710)"),
            ("l1_largest", "norms:l1_largest", "control: the largest filters go first (Li et al. 2017)"),
            ("l2_norm", "norms:l2_norm", "L2 norm of a filter (He et al. 2018, arXiv:1808.06866)"),
            ("fpgm", "geometric_median:fpgm", "distance of a filter to the others (He et al. 2019, arXiv:1811.00250)"),
            ("lamp", "lamp:lamp", "w^2 / squares that are not smaller (Lee et al. 2021, arXiv:2010.07611)"),
            ("obd_hutchinson", "brain_damage:obd_hutchinson", "1/2 h w^2, h by Hutchinson's probes (LeCun 1990)"),
            ("obd_fisher", "brain_damage:obd_fisher", "1/2 h w^2, h of the empirical Fisher (LeCun 1990)"),
            ("taylor", "taylor:taylor", "squared gradient of a gate behind the filter (arXiv:1906.10771)"),
            ("snip", "snip:snip", "|w * dL/dw| before training (arXiv:1810.02340)"),
            ("grasp", "grasp:grasp", "w * Hg before training (arXiv:2002.07376)"),
            ("synflow", "synflow:synflow", "synaptic flow before training, without data (arXiv:2006.05467)"),
            ("hrank", "hrank:hrank", "mean rank of a filter's feature maps (arXiv:2002.10179)"),
            ("thinet", "thinet:thinet", "channels whose absence the next layer notices least (arXiv:1707.06342)"),
            ("regression", "regression:regression", "channels by LASSO on the next layer's outputs (arXiv:1707.06168)"),
            ("obs", "obs:obs", "w^2 / (2 [F^-1]_qq) (Hassibi and Stork 1993; WoodFisher, arXiv:2004.14340)"),
            ("bn_scale", "batch_norm:bn_scale", "|scale| of the batch norm behind (arXiv:1708.06519)"),
        ),
        "training": _table(
            "fairprune.pruning.training.",
            ("gradual", "gradual:gradual", "the smallest weights go by a cubic schedule (arXiv:1710.01878)"),
            ("set", "sparse_evolutionary:sparse_evolutionary", "random masks, regrown at random (arXiv:1707.04780)"),
            ("rigl", "rigl:rigl", "random masks, regrown where gradients are large (arXiv:1911.11134)"),
            ("movement", "movement:movement", "weights that move towards zero go by a schedule (arXiv:2005.07683)"),
            ("l0", "l0:l0", "hard concrete gates, a penalty on the expected number open (arXiv:1712.01312)"),
            ("variational_dropout", "variational_dropout:variational_dropout", "learnt variances (arXiv:1701.05369)"),
            ("slimming", "slimming:slimming", "an L1 penalty on scales of batch norms (arXiv:1708.06519)"),
            ("sss", "sss:sss", "factors on blocks or channels, driven to zero (arXiv:1707.01213)"),
            ("soft_filter", "soft_filter:soft_filter", "filters are zeroed and trained on (arXiv:1808.06866)"),
            ("group_norm", "group_norm:group_norm", "whole dependency groups shrink (DepGraph, arXiv:2301.12900)"),
            ("greg1", "greg:greg1", "filters chosen at the start, a growing L2 penalty (arXiv:2012.09243)"),
            ("greg2", "greg:greg2", "filters chosen as they shrink, a growing L2 penalty (arXiv:2012.09243)"),
            ("tpp", "tpp:tpp", "greg1, and filters are decorrelated (TPP, arXiv:2207.12534)"),
        ),
        "repair": _table(
            "fairprune.pruning.repairs.",
            ("obs", "obs:obs", "the joint update of optimal brain surgeon, block by block (arXiv:2004.14340)"),
            ("orthogonal", "orthogonal:orthogonal", "orthogonal rows or columns (OrthP, arXiv:2105.05916)"),
            ("least_squares", "least_squares:least_squares", "outputs are reconstructed from the inputs kept"),
        ),
        "allocation": _table(
            "fairprune.pruning.allocation:",
            ("global", "global_", "one ranking over all layers"),
            ("uniform", "uniform", "the same ratio in every layer"),
            ("given", "given", "ratios per layer pattern, from the spec"),
            ("erk", "erk", "Erdos-Renyi-Kernel: weights in proportion to a layer's dimensions (arXiv:1911.11134)"),
            ("balanced", "balanced", "the same number of units in every layer (arXiv:2210.02412)"),
            ("like", "like", "the per-layer amounts of another method"),
        ),
        "network": _table(
            "fairprune.networks.",
            ("lenet300", "lenet:lenet300", "LeNet-300-100 (LeCun et al. 1998), fully connected"),
            ("lenet5", "lenet:lenet5", "LeNet-5: 6-16 convolutions, 120-84, 28x28 padded to 32x32"),
            ("lenet5_caffe", "lenet:lenet5_caffe", "LeNet-5-Caffe: 20-50 convolutions, 500"),
            ("digits_cnn", "digits:digits_cnn", "a small network with batch norm for 8x8 digits"),
            ("resnet20", "resnet_cifar:resnet20", "CIFAR ResNet-20 (He et al. 2016)"),
            ("resnet32", "resnet_cifar:resnet32", "CIFAR ResNet-32"),
            ("resnet44", "resnet_cifar:resnet44", "CIFAR ResNet-44"),
            ("resnet56", "resnet_cifar:resnet56", "CIFAR ResNet-56"),
            ("resnet110", "resnet_cifar:resnet110", "CIFAR ResNet-110"),
            ("preresnet110", "preresnet:preresnet110", "pre-activation ResNet-110, basic blocks (CIFAR)"),
            ("preresnet164", "preresnet:preresnet164", "pre-activation ResNet-164, bottlenecks (CIFAR)"),
            ("vgg16", "vgg:vgg16", "VGG-16 with batch norm, CIFAR; Linear 512, batch norm, ReLU, Linear"),
            ("vgg19", "vgg:vgg19", "VGG-19 with batch norm, CIFAR; one Linear"),
            ("densenet40", "densenet:densenet40", "DenseNet-40, growth 12 (CIFAR)"),
            ("resnet18", "resnet_imagenet:resnet18", "ImageNet ResNet-18"),
            ("resnet34", "resnet_imagenet:resnet34", "ImageNet ResNet-34"),
            ("resnet50", "resnet_imagenet:resnet50", "ImageNet ResNet-50"),
            ("vgg16_imagenet", "vgg:vgg16_imagenet", "ImageNet VGG-16 without batch norm, modules as in torchvision"),
            ("vgg16_a", "predefined:vgg16_a", "CIFAR VGG-16 after L1-norm pruning (Li et al. 2017, arXiv:1608.08710)"),
            ("resnet56_a", "predefined:resnet56_a", "CIFAR ResNet-56 after L1-norm pruning, a tenth of each stage"),
            ("resnet56_b", "predefined:resnet56_b", "CIFAR ResNet-56 after L1-norm pruning, more of early stages"),
            ("resnet110_a", "predefined:resnet110_a", "CIFAR ResNet-110 after L1-norm pruning, first stage"),
            ("resnet110_b", "predefined:resnet110_b", "CIFAR ResNet-110 after L1-norm pruning, all stages"),
            ("resnet34_a", "predefined:resnet34_a", "ImageNet ResNet-34 after L1-norm pruning"),
            ("resnet34_b", "predefined:resnet34_b", "ImageNet ResNet-34 after L1-norm pruning, more of it"),
            ("resnet50_30", "predefined:resnet50_30", "ImageNet ResNet-50, 30 % KEPT (ThiNet, arXiv:1707.06342)"),
            ("resnet50_50", "predefined:resnet50_50", "ImageNet ResNet-50, 50 % KEPT (ThiNet)"),
            ("resnet50_70", "predefined:resnet50_70", "ImageNet ResNet-50, 70 % KEPT (ThiNet)"),
            ("vgg_conv", "predefined:vgg_conv", "ImageNet VGG-16 of half the channels (ThiNet)"),
            ("vgg_gap", "predefined:vgg_gap", "VGG-Conv with global average pooling and one Linear (ThiNet)"),
            ("vgg_tiny", "predefined:vgg_tiny", "ImageNet VGG-16 of a quarter of the channels, one Linear (ThiNet)"),
            ("vgg_5x", "predefined:vgg_5x", "ImageNet VGG-16 after regression-based pruning (arXiv:1707.06168)"),
        ),
        "dataset": _table(
            "fairprune.data.",
            ("digits", "digits:digits", "1,797 handwritten digits, 8x8, inside scikit-learn"),
            ("mnist", "mnist:mnist", "MNIST, IDX files"),
            ("cifar10", "cifar:cifar10", "CIFAR-10, Parquet or the original batches"),
            ("cifar100", "cifar:cifar100", "CIFAR-100, Parquet or the original batches"),
            ("folder", "folder:folder", "any folder of images by class"),
        ),
        "objective": _table(
            "fairprune.measure.",
            ("classification", "accuracy:classification", "cross-entropy; top-1, top-5"),
        ),
    }
)


def find(kind: Kind, name: str, folder: Path | None = None) -> Entry:
    """The component of that name; a user's own (`module:attribute`) is versioned by the hash of its source file."""
    library = name.partition(":")[0]
    if kind == "network" and library in LIBRARIES:
        return Entry(name, name, f"{library} {_installed(library)}", "a network of that library")
    if ":" not in name:
        table = BUILTIN[kind]
        if name not in table:
            raise SpecError(unknown(kind, name, table) + "; your own: module:attribute of a file beside the study")
        return table[name]
    source = _source(name.partition(":")[0], folder)
    return Entry(name, name, f"sha256:{digest_bytes(source.read_bytes())}", "your own")


def load(kind: Kind, name: str, folder: Path | None = None) -> Any:
    """The component itself, imported on demand."""
    entry = find(kind, name, folder)
    module_name, _, attribute = entry.where.partition(":")
    module = importlib.import_module(module_name) if ":" not in name else _import(module_name, folder)
    try:
        return getattr(module, attribute)
    except AttributeError:
        raise SpecError(unknown(f"attribute of {module_name}", attribute, _public(module))) from None


def _installed(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        raise SpecError(f"{library} is not installed: pip install 'fairprune[{library}]'") from None


def _public(module: ModuleType) -> list[str]:
    return [name for name in vars(module) if not name.startswith("_")]


def _source(module: str, folder: Path | None) -> Path:
    beside = (folder or Path.cwd()) / (module.replace(".", "/") + ".py")
    if beside.is_file():
        return beside
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        found = None
    if found is None or found.origin is None or not found.has_location:
        named = module.removesuffix(".py").removeprefix("./").replace("/", ".")  # if it is the path of a file
        expected = f"expected '{named}'" if named != module else f"expected the file {beside}"
        raise SpecError(f"no module '{module}': {expected}, or an installed module of that name")
    return Path(found.origin)


def _import(module: str, folder: Path | None) -> ModuleType:
    source = _source(module, folder)
    unique = f"fairprune_user_{digest_bytes(str(source.resolve()).encode())[:8]}_{module.replace('.', '_')}"
    if unique in sys.modules:
        return sys.modules[unique]
    found = importlib.util.spec_from_file_location(unique, source)
    if found is None or found.loader is None:
        raise SpecError(f"{source} cannot be imported as a Python module")
    imported = importlib.util.module_from_spec(found)
    sys.modules[unique] = imported
    try:
        found.loader.exec_module(imported)
    except Exception as error:
        del sys.modules[unique]
        raise SpecError(f"{source} cannot be imported: {type(error).__name__}: {error}") from error
    return imported
