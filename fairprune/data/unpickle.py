"""Reading pickles of plain data without executing anything.

A pickle is a program that may call any function by name. Here only the few names of arrays and bytes resolve, and
to stand-ins that can only hold values: numpy's own unpickling never runs, and nothing a pickle names is imported.
"""

from __future__ import annotations

import io
import pickle
from math import prod
from typing import Any

import numpy as np

from fairprune.errors import DataError, brief


class _Bytes:
    """Stands in for `_codecs.encode` and `bytes`, by which protocols up to 2 write bytes as text in latin-1."""

    def __new__(cls, text: object = "", encoding: object = "latin1") -> Any:  # bytes, which are no _Bytes
        if not isinstance(text, str) or encoding not in ("latin1", b"latin1"):
            raise pickle.UnpicklingError("expected text in latin1")
        return text.encode("latin1")

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("bytes have no state")


class _Dtype:
    """Stands in for `numpy.dtype`: booleans and numbers of fixed size only."""

    __slots__ = ("code", "order")

    def __init__(self, code: object = "", *_: object) -> None:
        text = code.decode("latin1") if isinstance(code, bytes) else code
        if not isinstance(text, str) or text[:1] not in ("u", "i", "f", "b") or text[1:] not in ("1", "2", "4", "8"):
            raise pickle.UnpicklingError(f"array of {text!r}, expected numbers")
        self.code, self.order = text, "|"

    def __setstate__(self, state: Any) -> None:
        order = state[1].decode("latin1") if isinstance(state[1], bytes) else state[1]
        if order not in ("|", "<", ">", "="):
            raise pickle.UnpicklingError(f"byte order {order!r}")
        self.order = order


class _Array:
    """Stands in for `numpy.ndarray` and for the function that makes an empty one before its state is set."""

    __slots__ = ("values",)

    def __init__(self, *_: object) -> None:
        self.values = np.empty(0, np.uint8)

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, content = state
        if not isinstance(dtype, _Dtype) or not isinstance(content, bytes):
            raise pickle.UnpicklingError("array without plain content")
        kind = np.dtype(dtype.order + dtype.code)
        if prod(shape) * kind.itemsize != len(content):
            raise pickle.UnpicklingError(f"array of {len(content)} bytes, expected {prod(shape) * kind.itemsize}")
        self.values = np.frombuffer(content, kind).reshape(shape, order="F" if fortran else "C")


_ALLOWED: dict[tuple[str, str], type] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("_codecs", "encode"): _Bytes,
    ("__builtin__", "bytes"): _Bytes,  # empty bytes
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> type:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return _ALLOWED[module, name]


def read_pickle(content: bytes, where: str) -> Any:
    """A pickle of dicts, lists, text, bytes, numbers and numpy arrays of numbers (read-only); bytes stay bytes.

    Raises DataError naming `where` for anything else, and for a damaged or truncated pickle.
    """
    try:
        return _plain(_Unpickler(io.BytesIO(content), encoding="bytes").load())
    except Exception as error:  # a damaged pickle fails in any way
        raise DataError(
            f"{where}: refused or damaged, expected a pickle of plain arrays only ({brief(error)})"
        ) from error


def _plain(value: Any) -> Any:
    """The value with arrays in the place of their stand-ins, in a dict's values and at the top."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value.values if isinstance(value, _Array) else value
