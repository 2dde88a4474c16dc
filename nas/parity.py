"""Whether two ways of running a network compute the same.

Letters: N images of a batch. Arrays are float32 (N, *shape), by name of input or output.
Free of torch; onnxruntime is loaded with the first session.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graphs import Graph

BATCHES = (1, 3, 7)
TOLERANCE = 1e-4

Arrays = Mapping[str, NDArray[np.float32]]
Run = Callable[[Arrays], Arrays]


@dataclass(frozen=True, slots=True)
class Parity:
    """The largest difference of any output at any batch size, and as a share of the output's largest value."""

    max_abs_diff: float
    max_rel_diff: float
    ok: bool

    def as_dict(self) -> dict[str, float | bool]:
        return {"max_abs_diff": self.max_abs_diff, "max_rel_diff": self.max_rel_diff, "ok": self.ok}


def compare(graph: Graph, reference: Run, other: Run, *, seed: int = 0) -> Parity:
    """Runs both on normal noise at each of `BATCHES`.

    Equal means: the same names and shapes, and no element differs by more than `TOLERANCE` times the largest absolute
    value of that output, however small that is: a network whose outputs are all near 0 is not equal to any other of
    that kind. Not a number is never equal.
    """
    random = np.random.default_rng(seed)
    largest, share, ok = 0.0, 0.0, True
    for batch in BATCHES:
        inputs = {
            name: random.standard_normal((batch, *type.shape), dtype=np.float32) for name, type in graph.inputs.items()
        }
        wanted, got = reference(inputs), other(inputs)
        ok &= wanted.keys() == got.keys()
        for name in wanted.keys() & got.keys():
            ok &= wanted[name].shape == got[name].shape
            if wanted[name].shape != got[name].shape:
                continue
            difference = float(np.abs(wanted[name] - got[name]).max())
            scale = float(np.abs(wanted[name]).max())
            ok &= difference <= TOLERANCE * scale
            relative = difference / scale if scale else (math.inf if difference else 0.0)
            largest, share = _worse(largest, difference), _worse(share, relative)
    return Parity(largest, share, ok)


def _worse(one: float, other: float) -> float:
    """The larger; not a number, where either is none."""
    return math.nan if math.isnan(one) or math.isnan(other) else max(one, other)


def onnx_run(path: Path) -> Run:
    """The network of an ONNX file in onnxruntime on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def run(inputs: Arrays) -> Arrays:
        return dict(zip(names, session.run(names, dict(inputs)), strict=True))

    return run
