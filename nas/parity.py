"""Whether two ways of running a network compute the same.

Letters: N images of a batch. Arrays are float32 (N, *shape), by name of input or output.
Free of torch; onnxruntime is loaded with the first session.
"""

from __future__ import annotations

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
    """`max_abs_diff` is the largest difference of any output at any batch size."""

    max_abs_diff: float
    ok: bool

    def as_dict(self) -> dict[str, float | bool]:
        return {"max_abs_diff": self.max_abs_diff, "ok": self.ok}


def compare(graph: Graph, reference: Run, other: Run, *, seed: int = 0) -> Parity:
    """Runs both on normal noise at each of `BATCHES`.

    Equal means: the same names and shapes, and no element differs by more than `TOLERANCE` times the largest absolute
    value of that output, or times 1 where that is larger. Not a number is never equal.
    """
    random = np.random.default_rng(seed)
    largest, ok = 0.0, True
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
            ok &= difference <= TOLERANCE * max(1.0, float(np.abs(wanted[name]).max()))
            largest = max(largest, difference) if difference == difference else difference
    return Parity(largest, ok)


def onnx_run(path: Path, num_threads: int = 1) -> Run:
    """The network of an ONNX file in onnxruntime on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def run(inputs: Arrays) -> Arrays:
        return dict(zip(names, session.run(names, dict(inputs)), strict=True))

    return run
