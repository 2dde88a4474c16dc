"""Export: a trained network as a folder that needs no search engine, with a proof that every format computes the same.

    architecture.yaml     the exact document
    model.safetensors     the weights by address, float32
    model.onnx            one file, any batch size
    manifest.json         hashes, versions, costs, budget, parity, and what the caller adds

A bundle is written beside its place and moved there when everything is proved; a failure leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors import torch as safetensors
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from graphs import Budget, Graph, load
from graphs.costs import Costs
from nas.manifest import (
    ARCHITECTURE,
    FORMAT,
    FORMAT_VERSION,
    MANIFEST,
    ONNX,
    WEIGHTS,
    Bundle,
    ExportError,
    digest,
    placed_folder,
    read_manifest,
    refuse_taken,
    versions,
    write_bytes,
)
from nas.parity import BATCHES, TOLERANCE, Arrays, Parity, Run, compare, onnx_run

OPSET = 20
MAX_WEIGHT_BYTES = 2_000_000_000  # a protobuf message, and so an ONNX file in one piece, ends at 2 GiB
NORMS = {"weight": (0.5, 1.5), "bias": (-0.2, 0.2), "running_mean": (-0.2, 0.2), "running_var": (0.5, 1.5)}  # random
KEPT_METADATA = "pkg.torch.onnx.name_scopes"

__all__ = ["Bundle", "ExportError", "export", "load_bundle", "random_weights", "read_weights"]


def export(
    graph: Graph,
    state: Mapping[str, Tensor],
    to: Path,
    *,
    budget: Budget | None = None,
    metadata: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    on_wait: Callable[[str], None] | None = None,
) -> Bundle:
    """Write a bundle of a network with these weights, and prove it.

    `state` has the keys of `graph.compile().state_dict()`, with what only training outputs need or without; `metadata`
    is JSON for the manifest. An empty folder may stand at `to`; a bundle there is replaced only where `overwrite` says
    so. `on_wait` is told what takes some seconds, before it does.

    Raises: ExportError where the weights don't fit the graph, the budget is not kept by the compiled model, a format
    computes something else, or the folder can't be written.
    """
    to = Path(to)
    refuse_taken(to, overwrite=overwrite)
    if 4 * graph.costs().params > MAX_WEIGHT_BYTES:
        raise ExportError(f"{graph.costs().params:,} parameters are too many for one ONNX file of 2 GiB")
    budget = budget or Budget()
    module = compiled(graph, state)
    counted = _count(graph, module)
    _refuse_over_budget(graph, budget, counted)
    if on_wait:
        on_wait(f"writing {to}, and proving that every format computes what {graph.name} does")
    with placed_folder(to, overwrite=overwrite) as folder:
        weights = {key: value.detach().cpu().contiguous() for key, value in module.state_dict().items()}
        write_bytes(folder / ARCHITECTURE, graph.text().encode())
        write_bytes(folder / WEIGHTS, safetensors.save(weights, metadata={"hash": graph.hash}))
        write_bytes(folder / ONNX, onnx_bytes(graph, module))
        parity = _prove(graph, module, folder)
        files = {name: digest(folder / name) for name in (ARCHITECTURE, WEIGHTS, ONNX)}
        manifest = {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "name": graph.name,
            "hash": graph.hash,
            "input": {name: list(type.shape) for name, type in graph.inputs.items()},
            "output": {name: list(graph.types[value].shape) for name, value in graph.outputs.items()},
            "costs": {
                "params": counted.params,
                "buffers": counted.buffers,
                "macs": counted.macs,
                "flops": counted.flops,
                "activation_bytes": counted.activation_bytes,
                "peak_bytes": counted.peak_bytes,
            },
            "budget": {"bounds": budget.as_dict(), "kept": True},
            "parity": {
                "batches": list(BATCHES),
                "tolerance": TOLERANCE,
                "formats": {name: result.as_dict() for name, result in parity.items()},
            },
            "files": files,
            "versions": versions(),
            "metadata": dict(metadata or {}),
        }
        write_bytes(folder / MANIFEST, (json.dumps(manifest, indent=2, allow_nan=False) + "\n").encode())
        files = {**files, MANIFEST: digest(folder / MANIFEST)}
    return Bundle(to, files, {name: result.as_dict() for name, result in parity.items()})


def load_bundle(path: Path) -> tuple[Graph, dict[str, Tensor]]:
    """The network and the weights of a bundle, every file checked against the manifest and each against the other.

    Raises: ExportError where something is missing, was changed or doesn't belong together.
    """
    path = Path(path)
    manifest = read_manifest(path)
    graph = load(path / ARCHITECTURE)
    if graph.hash != manifest.get("hash"):
        raise ExportError(f"{path / ARCHITECTURE} is not the network of {path / MANIFEST}: its hash is {graph.hash}")
    state, stamp = read_weights(path / WEIGHTS)
    if stamp != graph.hash:
        raise ExportError(f"{path / WEIGHTS} holds the weights of another network: {stamp or 'it names none'}")
    refuse_misfit(graph, state)
    return graph, state


def read_weights(path: Path) -> tuple[dict[str, Tensor], str]:
    """The tensors of a safetensors file by key, and the hash of the network that they are of, if it says so.

    Raises: ExportError.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, (file.metadata() or {}).get("hash", "")  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ExportError(f"{path} can't be read as safetensors: {error}") from None


def random_weights(graph: Graph, seed: int = 0) -> dict[str, Tensor]:
    """Weights that mean nothing, but with which a proof of parity does; torch's random state stays as it is.

    Convolutions keep the variance of what they read, and each norm has statistics of its own: with torch's defaults
    the images never reach the outputs of a deep network, and a format that reads them wrong would pass.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = graph.as_shipped.compile()
        for part in module.modules():
            if isinstance(part, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(part.weight)
            elif isinstance(part, nn.BatchNorm2d | nn.GroupNorm | nn.PReLU):
                for name, (least, most) in NORMS.items():
                    if (values := getattr(part, name, None)) is not None:
                        nn.init.uniform_(values, least, most)
        return dict(module.state_dict())


def compiled(graph: Graph, state: Mapping[str, Tensor]) -> nn.Module:
    """The network with these weights on the CPU in float32, in evaluation mode. Raises: ExportError."""
    graph, state = graph.as_shipped, _shipped_weights(graph, state)
    refuse_misfit(graph, state)
    module = graph.compile(channels_last=False)  # what an exporter would write down as operations
    module.load_state_dict(dict(state))
    return module.eval()


def _shipped_weights(graph: Graph, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Without the weights that only training outputs need."""
    if graph.trained is None:
        return state
    kept = graph.as_shipped.compile(device="meta").state_dict()
    heads = graph.compile(device="meta").state_dict().keys() - kept.keys()
    return {key: value for key, value in state.items() if key not in heads}


def refuse_misfit(graph: Graph, state: Mapping[str, Tensor]) -> None:
    """Raises ExportError where weights are missing, of no node, of another shape, or not finite; it names one."""
    wanted = graph.as_shipped.compile(device="meta").state_dict()
    for key in wanted:
        if key not in state:
            raise ExportError(f"there are no weights for `{key}`", help=f"{graph.name} has {len(wanted)} tensors")
    for key, value in state.items():
        if key not in wanted:
            raise ExportError(f"`{key}` is no tensor of {graph.name}")
        if value.shape != wanted[key].shape:
            raise ExportError(f"`{key}` has shape {_shape(wanted[key])}, its weights have {_shape(value)}")
        if not bool(torch.isfinite(value).all()):
            raise ExportError(f"the weights of `{key}` are not finite", help="the training diverged")


def onnx_bytes(graph: Graph, module: nn.Module) -> bytes:
    """The network as an ONNX model in one piece: opset 20, any batch size, inputs and outputs named as in the graph.

    Node by node: what runs it folds norms and fuses activations as its machine likes, and the weights stay those of the
    bundle.

    What the exporter notes about each node is dropped but for the addresses: it holds paths of the machine.
    """
    from nas.onnx_operators import translations

    examples = tuple(torch.zeros(2, *type.shape) for type in graph.inputs.values())  # a batch of 1 would be fixed
    try:
        with _silence():
            program = torch.onnx.export(
                module,
                examples,
                dynamo=True,
                dynamic_shapes=tuple({0: "batch"} for _ in examples),
                input_names=list(graph.inputs),
                output_names=list(graph.outputs),
                opset_version=OPSET,
                external_data=False,
                verbose=False,
                custom_translation_table=translations(),
            )
            assert program is not None
            model = program.model_proto
    except torch.onnx.OnnxExporterError as error:
        raise ExportError(f"torch can't export {graph.name} to ONNX: {str(error).splitlines()[0]}") from error
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    if opsets.get("") != OPSET:
        raise ExportError(f"the exporter wrote opset {opsets}, not {OPSET}", help="update torch and onnxscript")
    for part in (*model.graph.node, *model.graph.input, *model.graph.output, *model.graph.value_info, model.graph):
        kept = [(entry.key, entry.value) for entry in part.metadata_props if entry.key == KEPT_METADATA]
        del part.metadata_props[:]
        for key, value in kept:
            part.metadata_props.add(key=key, value=value)
    model.metadata_props.add(key="fixpoint.name", value=graph.name)
    model.metadata_props.add(key="fixpoint.hash", value=graph.hash)
    content: bytes = model.SerializeToString()
    return content


def torch_run(graph: Graph, module: nn.Module) -> Run:
    """A module on arrays, in evaluation mode."""

    def run(inputs: Arrays) -> Arrays:
        with torch.inference_mode():
            result = module(*(torch.from_numpy(np.asarray(inputs[name])) for name in graph.inputs))
        outputs = result if isinstance(result, dict) else {next(iter(graph.outputs)): result}
        return {name: value.numpy() for name, value in outputs.items()}

    return run


def _count(graph: Graph, module: nn.Module) -> Costs:
    """The costs of the graph, with the parameters and MACs that the module really has, counted by torch."""
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        module(*(torch.zeros(1, *type.shape) for type in graph.inputs.values()))
    params = sum(parameter.numel() for parameter in module.parameters())
    return replace(graph.costs(), params=params, macs=counter.get_total_flops() // 2)


def _refuse_over_budget(graph: Graph, budget: Budget, counted: Costs) -> None:
    if budget.admits(counted):
        return
    missed = ", ".join(f"{name} by {ratio:.1%}" for name, ratio in budget.violations(counted).items() if ratio > 0)
    raise ExportError(
        f"{graph.name} as compiled does not keep the budget: it misses {missed}",
        help=f"it has {counted.params:,} parameters and {counted.macs:,} MACs; the budget is {budget}",
    )


def _prove(graph: Graph, module: nn.Module, folder: Path) -> dict[str, Parity]:
    """What each format computes, read back from the disk, against the module. Raises: ExportError."""
    again = load(folder / ARCHITECTURE)
    if again.hash != graph.hash:
        raise ExportError(f"the text of {graph.name} does not give the same network again: {again.hash}")
    restored = compiled(again, read_weights(folder / WEIGHTS)[0])
    reference = torch_run(graph, module)
    parity = {
        "safetensors": compare(graph, reference, torch_run(again, restored)),
        "onnx": compare(graph, reference, onnx_run(folder / ONNX)),
    }
    for name, result in parity.items():
        if not result.ok:
            raise ExportError(
                f"{name} computes something else than the network: they differ by up to {result.max_abs_diff:.3g}, "
                f"{result.max_rel_diff:.1g} of the largest output",
                help=f"{TOLERANCE:g} of it is allowed; nothing was written",
            )
    return parity


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Without what the exporters print, log and warn about: an export ends in a proof or in an error."""
    nowhere = io.StringIO()
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "()"
