"""Networks as ONNX files for other runtimes, checked by running them in one: onnxruntime.

Needs the extra `onnx`. torch has two exporters: the older one, by tracing, takes a second or less and only `onnx`; the
newer one takes half a minute for a deep network and three packages more. Both say the same of what a trace can follow.
"""

from __future__ import annotations

import copy
import importlib
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.jit._trace import TracerWarning

from fairprune.errors import NetworkError, brief
from fairprune.files import write_bytes
from fairprune.measure.conditions import Conditions, batch
from fairprune.measure.latency import Timed, by_clock
from fairprune.measure.timing import in_turn

TOLERANCE = 1e-4  # of the largest output: sums of fp32 in another order
CHECKED = (1, 3)  # batch sizes, neither of which is traced
TRACED = 2
INPUT, OUTPUT = "input", "output"
# What the exporter says of itself on every network: deprecated, and some constants left for the runtime to fold.
NOISE = (
    (DeprecationWarning, r"You are using the legacy TorchScript-based ONNX export"),
    (DeprecationWarning, r"The feature will be removed. Please remove usage of this function"),
    (UserWarning, r"Constant folding - Only steps=1 can be constant folded"),
)


@dataclass(frozen=True)
class Exported:
    """An ONNX file. `difference`: the largest between its outputs and torch's, as a fraction of the largest output."""

    path: Path
    bytes: int
    difference: float


def export_onnx(network: nn.Module, example: Tensor, path: Path | str) -> Exported:
    """Write a network as an ONNX file with inputs "input" [batch, ...] and "output", checked in onnxruntime.

    The network is exported in evaluation mode, on the CPU, and left as it is. Any batch size is taken; for 1 and 3
    random samples of the shape of `example` [n, ...] the outputs are torch's, to within 1e-4 of the largest. Raises
    NetworkError where onnx or onnxruntime is not installed, where the network cannot be exported, or where its outputs
    are others: then nothing is written.
    """
    pairs = [_expected(network, batch(example, size)) for size in CHECKED]
    model = onnx_model(network, example)
    difference = max(_difference(model, inputs, outputs) for inputs, outputs in pairs)
    if not difference <= TOLERANCE:
        raise NetworkError(
            f"{type(network).__name__} as ONNX yields other outputs: they differ by {difference:.2g} of the largest, "
            f"expected at most {TOLERANCE:g}"
        )
    write_bytes(Path(path), model)
    return Exported(Path(path), len(model), difference)


def onnx_model(network: nn.Module, example: Tensor) -> bytes:
    """A network as an ONNX model, not checked."""
    _installed("onnx")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        try:
            with _without_noise():
                torch.onnx.export(
                    copy.deepcopy(network).eval().cpu(),
                    (batch(example, TRACED),),
                    path,
                    dynamo=False,
                    input_names=[INPUT],
                    output_names=[OUTPUT],
                    dynamic_axes={INPUT: {0: "batch"}, OUTPUT: {0: "batch"}},
                )
        except Exception as error:
            raise NetworkError(f"{type(network).__name__} cannot be exported to ONNX: {brief(error)}") from error
        return path.read_bytes()


def compare_onnx(models: Mapping[str, bytes], example: Tensor, conditions: Conditions) -> tuple[Timed, ...]:
    """ONNX models in onnxruntime in turn, at each batch size, on the CPU in fp32, otherwise as `compare_latency`."""
    threads = conditions.threads or torch.get_num_threads()
    sessions = {name: _session(model, threads) for name, model in models.items()}
    found = []
    for size in conditions.batch_sizes:
        inputs = batch(example, size)
        timers = [by_clock(partial(session.run, None, {INPUT: inputs.numpy()})) for session in sessions.values()]
        found.append(Timed(size, dict(zip(sessions, in_turn(timers, conditions.seconds), strict=True))))
    return tuple(found)


def _expected(network: nn.Module, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Inputs, and what torch makes of them."""
    with torch.no_grad():
        outputs = copy.deepcopy(network).eval().cpu()(inputs)
    if not isinstance(outputs, Tensor):
        raise NetworkError(f"{type(network).__name__} returns a {type(outputs).__name__}: expected one tensor")
    return inputs, outputs


def _difference(model: bytes, inputs: Tensor, expected: Tensor) -> float:
    """The largest difference of outputs, over the largest output of torch; NaN where one is not finite."""
    [found] = _session(model, torch.get_num_threads()).run(None, {INPUT: inputs.numpy()})
    return float((torch.from_numpy(found) - expected).abs().max() / expected.abs().max().clamp_min(1e-30))


def _session(model: bytes, threads: int) -> Any:
    runtime = _installed("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # else it slows down who comes next
    return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _installed(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise NetworkError(
            f"ONNX needs {name}, which cannot be imported ({error}): pip install 'fairprune[onnx]'"
        ) from None


@contextmanager
def _without_noise() -> Iterator[None]:
    with warnings.catch_warnings():
        for category, message in NOISE:
            warnings.filterwarnings("ignore", message, category)
        # torch's own modules look at shapes while they are traced, which changes nothing; what others do is told
        warnings.filterwarnings("ignore", category=TracerWarning, module=r"torch\.")
        yield
