"""What compiling a network is worth on a GPU, and how much of the card it uses.

    python -m benchmarks.compile_gpu [--seconds 330] [--only inference] [--device cuda] [--quick]

Everything in bfloat16 and channels_last: inference with weights in bfloat16, a training step (SGD with momentum) under
autocast. Ours and torchvision's module, each as it is and through `torch.compile`, whose own time is not counted. CUDA
events, medians of interleaved rounds after a warm-up. Beside each: images a second, and the arithmetic done, 2 MACs an
image and three times that for a step of training, as a share of what one product of 8192 x 8192 matrices reaches on the
same card in the same run.

The most telling sections come first; what the time does not suffice for is left out and said so. A section that fails
costs its own rows. Rows are printed as they come, and all of them as JSON at the end (in a file of `--to`, too).

Needs torchvision, and none of the project's tools for tests.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
import sys
import traceback
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import torch
from torch import Tensor, nn

import search_spaces
from graphs import Graph

ROUNDS = 7
Step = Callable[[], object]


@dataclass(frozen=True)
class Row:
    """One contender: `milliseconds` a call (median), `spread` its lowest and highest; `share` of the card's limit."""

    network: str
    work: str
    contender: str
    batch: int
    milliseconds: float
    spread: tuple[float, float]
    images_per_second: float
    teraflops: float
    share: float
    ratio: float | None = None  # of this one's time to ours of the same kind, within a round


@dataclass
class Bench:
    """A run: its device, its limit in TFLOP/s, its rows, and when it has to end."""

    device: torch.device
    deadline: float
    quick: bool
    limit: float = 0.0
    rows: list[Row] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def on_gpu(self) -> bool:
        return self.device.type == "cuda"

    def left(self) -> float:
        """Seconds."""
        return self.deadline - perf_counter()

    def milliseconds(self, run: Step, calls: int) -> float:
        """One call, of several in a row."""
        if not self.on_gpu:
            begin = process_time()
            for _ in range(calls):
                run()
            return 1e3 * (process_time() - begin) / calls
        first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize()
        first.record()
        for _ in range(calls):
            run()
        last.record()
        torch.cuda.synchronize()
        return first.elapsed_time(last) / calls

    def interleaved(self, contenders: dict[str, Step]) -> dict[str, list[float]]:
        """Milliseconds of each in every round."""
        calls = {}
        for key, run in contenders.items():
            for _ in range(1 if self.quick else 4):
                run()
            calls[key] = max(1, min(200, round(40 / max(self.milliseconds(run, 1), 1e-3))))
        rounds = 3 if self.quick else ROUNDS
        times: dict[str, list[float]] = {key: [] for key in contenders}
        for number in range(rounds):
            for key in list(contenders) if number % 2 else list(reversed(contenders)):
                times[key].append(self.milliseconds(contenders[key], 1 if self.quick else calls[key]))
        return times

    def record(self, graph: Graph, work: str, batch: int, contenders: dict[str, Step]) -> None:
        """Measure contenders side by side and print their rows; the first is what the others are compared with."""
        times = self.interleaved(contenders)
        first = next(iter(contenders))
        for key, values in times.items():
            median = statistics.median(values)
            rate = 1e3 * batch / median
            teraflops = 2e-12 * graph.costs().macs * rate * (3 if "step" in work else 1)
            ratio = statistics.median(a / b for a, b in zip(values, times[first], strict=True))
            share = teraflops / self.limit if self.limit else 0.0
            row = Row(
                graph.name, work, key, batch, median, (min(values), max(values)), rate, teraflops, share,
                None if key == first else ratio,
            )  # fmt: skip
            self.rows.append(row)
            told = "" if row.ratio is None else f"{row.ratio:.2f}"
            print(
                f"| {row.network} | {work} | {key} | {batch} | {median:.3f} [{min(values):.3f}..{max(values):.3f}] | "
                f"{rate:,.0f} | {teraflops:.1f} | {share:.1%} | {told} |",
                flush=True,
            )


def torchvision_models() -> Any:
    """torchvision's builders, where its compiled operators load and where they don't."""
    try:
        import torchvision

        return torchvision.models
    except RuntimeError:
        from tests import references

        return references.torchvision().models


def theirs(name: str) -> nn.Module:
    options = {"aux_logits": False, "init_weights": False} if name in ("googlenet", "inception_v3") else {}
    module: nn.Module = getattr(torchvision_models(), name)(**options)
    return module


def images(bench: Bench, graph: Graph, batch: int, dtype: torch.dtype) -> Tensor:
    shape = next(iter(graph.inputs.values())).shape
    x = torch.randn(batch, *shape, device=bench.device, dtype=dtype)
    return x.contiguous(memory_format=torch.channels_last)


def limit_of(bench: Bench) -> float:
    """TFLOP/s of a product of bfloat16 matrices, the best of some."""
    size = 512 if bench.quick or not bench.on_gpu else 8192
    left, right = (torch.randn(size, size, device=bench.device, dtype=torch.bfloat16) for _ in range(2))
    for _ in range(3):
        left @ right
    fastest = min(bench.milliseconds(lambda: left @ right, 10) for _ in range(5))
    return 2e-9 * size**3 / fastest


def without_gradients(module: nn.Module, x: Tensor) -> Step:
    def run() -> object:
        with torch.inference_mode():
            return module(x)

    return run


def step_of(bench: Bench, module: nn.Module, x: Tensor, labels: Tensor) -> Step:
    """Forward under autocast, backward and update."""
    optimizer = torch.optim.SGD(module.parameters(), lr=1e-3, momentum=0.9, fused=bench.on_gpu)

    def run() -> None:
        with torch.autocast(bench.device.type, dtype=torch.bfloat16):
            loss = nn.functional.cross_entropy(module(x).float(), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return run


def inference(bench: Bench, name: str, batches: tuple[int, ...], compiled: bool | str) -> None:
    """Ours, ours with a horizontal fusion more or less, and torchvision's."""
    graph = search_spaces.load_network(name)
    device = str(bench.device)
    other = theirs(name).to(bench.device, torch.bfloat16).to(memory_format=torch.channels_last).eval()
    module = graph.compile(mode="infer", device=device, dtype="bfloat16", torch_compile=compiled)
    if compiled:
        other = torch.compile(other, **({"mode": compiled} if isinstance(compiled, str) else {}))  # type: ignore[call-overload]
    work = "inference" + (
        f", torch.compile {compiled if isinstance(compiled, str) else ''}".rstrip() if compiled else ""
    )
    for batch in batches:
        x = images(bench, graph, batch, torch.bfloat16)
        contenders = {"ours": without_gradients(module, x), "torchvision": without_gradients(other, x)}
        if not compiled:
            plain = graph.as_shipped.compile(device=device, dtype="bfloat16").eval()
            contenders["ours, node by node"] = without_gradients(plain, x)
        bench.record(graph, work, batch, contenders)


def training(bench: Bench, name: str, batches: tuple[int, ...], compiled: bool) -> None:
    """A step of ours, of ours without horizontal fusion where that is another network, and of torchvision's."""
    graph = search_spaces.load_network(name).as_shipped
    for batch in batches:
        x, labels = images(bench, graph, batch, torch.float32), torch.arange(batch, device=bench.device) % 1000
        modules: dict[str, nn.Module] = {
            "ours": graph.compile(device=str(bench.device), torch_compile=compiled),
            "torchvision": theirs(name).to(bench.device).to(memory_format=torch.channels_last).train(),
        }
        if name == "googlenet" and not compiled:
            modules["ours, no horizontal fusion"] = graph.compile(device=str(bench.device), without=("horizontal",))
        if compiled:
            modules["torchvision"] = torch.compile(modules["torchvision"])  # type: ignore[assignment]
        contenders = {key: step_of(bench, module, x, labels) for key, module in modules.items()}
        bench.record(graph, "training step" + ", torch.compile" * compiled, batch, contenders)
        del modules, contenders
        clear(bench)


def fused_convolutions(bench: Bench) -> None:
    """What cuDNN's convolution with bias and ReLU would give over the three operations."""
    for channels, size, kernel in ((64, 56, 3), (256, 14, 3), (1024, 14, 1)):
        for batch in (1, 256):
            x = torch.randn(batch, channels, size, size, device=bench.device, dtype=torch.bfloat16)
            x = x.contiguous(memory_format=torch.channels_last)
            weight = torch.randn(channels, channels, kernel, kernel, device=bench.device, dtype=torch.bfloat16)
            weight = weight.contiguous(memory_format=torch.channels_last)
            bias, pad = torch.randn(channels, device=bench.device, dtype=torch.bfloat16), [kernel // 2] * 2
            given = (x, weight, bias)
            split = bench.interleaved({
                "apart": lambda given=given, pad=pad: torch.conv2d(*given, 1, pad).relu_(),
                "fused": lambda given=given, pad=pad: torch.cudnn_convolution_relu(*given, [1, 1], pad, [1, 1], 1),
            })  # fmt: skip
            apart, fused = (statistics.median(split[key]) for key in ("apart", "fused"))
            print(f"cuDNN {kernel}x{kernel}, {channels} channels, {size}x{size}, batch {batch}: conv2d + relu_ "
                  f"{apart:.4f} ms, cudnn_convolution_relu {fused:.4f} ms", flush=True)  # fmt: skip


def clear(bench: Bench) -> None:
    gc.collect()
    if bench.on_gpu:
        torch.cuda.empty_cache()


def sections(bench: Bench) -> list[tuple[str, int, Callable[[], None]]]:
    """What is measured, in order, each with the seconds that it needs at most."""
    batches = (1, 4) if bench.quick else (1, 32, 256)
    large = batches[-1:]
    if bench.quick:
        return [
            ("inference of resnet18", 0, lambda: inference(bench, "resnet18", batches, compiled=False)),
            ("training of resnet18", 0, lambda: training(bench, "resnet18", large, compiled=False)),
            ("training of googlenet", 0, lambda: training(bench, "googlenet", large, compiled=False)),
        ]
    return [
        ("inference of resnet50", 15, lambda: inference(bench, "resnet50", batches, compiled=False)),
        ("training of resnet50", 15, lambda: training(bench, "resnet50", batches[1:], compiled=False)),
        ("inference of googlenet", 15, lambda: inference(bench, "googlenet", batches, compiled=False)),
        ("training of googlenet", 15, lambda: training(bench, "googlenet", large, compiled=False)),
        ("inference of mobilenet_v2", 10, lambda: inference(bench, "mobilenet_v2", batches, compiled=False)),
        ("compiled inference of resnet50", 60, lambda: inference(bench, "resnet50", large, compiled=True)),
        ("compiled training of resnet50", 90, lambda: training(bench, "resnet50", large, compiled=True)),
        ("small batch", 60, lambda: inference(bench, "resnet50", batches[:1], compiled="reduce-overhead")),
        ("fused convolutions", 10, lambda: fused_convolutions(bench)),
        ("inference of efficientnet_b0", 10, lambda: inference(bench, "efficientnet_b0", batches, compiled=False)),
        ("inference of densenet121", 10, lambda: inference(bench, "densenet121", batches, compiled=False)),
        ("compiled inference of googlenet", 60, lambda: inference(bench, "googlenet", large, compiled=True)),
        ("compiled, 32 images", 60, lambda: inference(bench, "resnet50", batches[1:2], compiled=True)),
        ("compiled inference of mobilenet_v2", 60, lambda: inference(bench, "mobilenet_v2", large, compiled=True)),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=330, help="begin nothing that might not end by then")
    parser.add_argument("--only", default="", help="the sections whose names begin so")
    parser.add_argument("--quick", action="store_true", help="small networks and batches, to see that it runs")
    parser.add_argument("--to", default=os.environ.get("OUT"), help="a folder for compile_gpu.json")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.backends.cudnn.benchmark = True
    bench = Bench(torch.device(arguments.device), perf_counter() + arguments.seconds, arguments.quick)
    card = torch.cuda.get_device_name() if bench.on_gpu else platform.processor() or "CPU"
    machine = {
        "card": card,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
    }
    try:
        import torchvision

        machine["torchvision"] = torchvision.__version__
    except (ImportError, RuntimeError):
        pass
    if bench.on_gpu:
        machine["cudnn"] = str(torch.backends.cudnn.version())
    try:
        bench.limit = limit_of(bench)
    except Exception:  # noqa: BLE001 (the rest is worth having)
        bench.failures.append(f"limit: {traceback.format_exc(limit=3)}")
    print(f"{machine}\nlimit: {bench.limit:.0f} TFLOP/s, a product of bfloat16 matrices of 8192 x 8192\n")
    print("| network | work | contender | batch | ms | images/s | TFLOP/s | of the limit | time / ours |")
    print(f"|{'---|' * 9}", flush=True)
    for name, seconds, section in sections(bench):
        if not name.startswith(arguments.only):
            continue
        if bench.left() < seconds:
            bench.failures.append(f"{name}: left out, {bench.left():.0f} s are left")
            continue
        begin = perf_counter()
        try:
            section()
        except Exception:  # noqa: BLE001 (it costs its own rows)
            bench.failures.append(f"{name}: {traceback.format_exc(limit=-4)}")
        clear(bench)
        print(f"[{name}: {perf_counter() - begin:.0f} s]", file=sys.stderr, flush=True)
        if arguments.to:
            content = {"machine": machine, "limit": bench.limit, "rows": [asdict(row) for row in bench.rows]}
            (Path(arguments.to) / "compile_gpu.json").write_text(json.dumps(content, indent=1))
    print("\n" + "\n".join(bench.failures))
    print(json.dumps({"machine": machine, "limit": bench.limit, "rows": [asdict(row) for row in bench.rows]}))


if __name__ == "__main__":
    main()
