"""Training on tensors: one candidate, one device, one epoch at a time.

Letters: N images, B images of a batch, C channels, H height, W width. The images stay on the device as uint8 and are
normalised batch by batch. The same seed on the same device gives the same numbers; the random state of torch outside is
left as it was. Does not check that the graph fits the images: the driver does.
"""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from nas.checkpoints import CheckpointError, Checkpoints
from nas.data.parts import FinalData, Part, SearchData
from nas.recipe import Recipe
from nas.seeds import derive_seed
from nas.trials import Diverged, Failed, OutOfMemory

if TYPE_CHECKING:
    from graphs import Graph

EVALUATION_BATCH = 256  # of 2,048 images the maps of a wide network take gigabytes, and no less time
MODULE, OPTIMIZER = "module.", "optimizer."  # what the names of tensors begin with in a checkpoint
HEAD_WEIGHT = 0.3  # of the loss of an auxiliary classifier: Szegedy et al. 2014 (arXiv 1409.4842), section 5


class DivergedError(Exception):
    """The loss is not finite; the text says in which epoch."""


@dataclass(frozen=True)
class EpochResult:
    """`epoch` counts from 1; losses are means per image, `validation_accuracy` is in 0..1, `seconds` wall time.

    `note` says what became of a checkpoint that could not be read or written.
    """

    epoch: int
    train_loss: float
    validation_loss: float
    validation_accuracy: float
    seconds: float
    note: str = ""


@dataclass(frozen=True)
class Score:
    """`loss` is the mean cross-entropy per image without label smoothing, `accuracy` is in 0..1."""

    loss: float
    accuracy: float


@dataclass(frozen=True)
class Portion:
    """A part of a training: on from epoch `begin` (0: from scratch) to epoch `until`, a checkpoint at each of `saves`.

    `checkpoints` are those of `trial`; None keeps nothing, and begins from scratch.
    """

    trial: int
    until: int
    begin: int = 0
    saves: tuple[int, ...] = ()
    checkpoints: Checkpoints | None = None


def epochs(
    graph: Graph,
    data: SearchData,
    recipe: Recipe,
    seed: int,
    num_epochs: int,
    device: str = "cpu",
    portion: Portion | None = None,
) -> Iterator[EpochResult]:
    """Trains the graph on `data.train`; after every epoch, what it is worth on `data.validation`.

    The schedule ends after `num_epochs`, so the first epochs of a long training are not those of a short one. With a
    `portion`, only these epochs of it; on the CPU they are to the bit those of a training without a break. Where the
    checkpoint to go on from is not sound, an earlier one is, or the beginning, and the first result says so.

    Raises: DivergedError; what torch raises where memory runs out (see `outcome`).
    """
    portion = portion or Portion(trial=0, until=num_epochs)
    training, note = _begin(lambda: Training(graph, data.train, data, recipe, seed, num_epochs, device), portion)
    validation = training.place(data.validation)
    while training.epoch < portion.until:
        begin = perf_counter()
        train_loss = training.run_epoch()
        score = training.score(validation)
        if training.epoch in portion.saves and portion.checkpoints is not None:
            try:
                training.save(portion.checkpoints, portion.trial)
            except CheckpointError as error:
                note = f"{note}the checkpoint of epoch {training.epoch} was not written: {error}"
        yield EpochResult(training.epoch, train_loss, score.loss, score.accuracy, perf_counter() - begin, note)
        note = ""


def _begin(make: Callable[[], Training], portion: Portion) -> tuple[Training, str]:
    """A training at the last sound checkpoint up to `portion.begin`, and what is wrong with those after it."""
    training, notes = make(), []
    if portion.checkpoints is None:
        return training, ""
    kept = portion.checkpoints.by_trial().get(portion.trial, [])
    for epoch in sorted({epoch for epoch in kept if 0 < epoch < portion.begin} | {portion.begin}, reverse=True):
        if epoch == 0:
            break
        try:
            training.restore(portion.checkpoints, portion.trial, epoch)
        except CheckpointError as error:
            notes.append(f"the checkpoint of epoch {epoch} {error}; ")
            training = make()
        else:
            break
    return training, "".join(notes)


def outcome(trial: int, error: Exception) -> Diverged | OutOfMemory | Failed:
    """The event that an exception in a trial amounts to."""
    if isinstance(error, DivergedError):
        return Diverged(trial, str(error))
    if is_out_of_memory(error):
        return OutOfMemory(trial, str(error).splitlines()[0] if str(error) else type(error).__name__)
    return Failed(trial, "".join(traceback.format_exception(error)))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this is memory running out. torch has no class of its own for it on the CPU, only a message."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError)
        and any(mark in str(error) for mark in ("can't allocate memory", "not enough memory", "CUDA out of memory"))
    )


class Training:
    """A network in training on one part. `statistics` gives the mean and std that images are normalised with."""

    def __init__(
        self,
        graph: Graph,
        part: Part,
        statistics: SearchData | FinalData,
        recipe: Recipe,
        seed: int,
        num_epochs: int,
        device: str = "cpu",
    ) -> None:
        self.recipe = recipe
        self.seed = seed
        self.num_epochs = num_epochs
        self.epoch = 0
        self.device = torch.device(device)
        self._on_gpu = self.device.type == "cuda"
        self._images, self._labels = self.place(part)
        self._graph = graph
        shape = (1, len(statistics.mean), 1, 1)
        self._mean = torch.tensor(statistics.mean, device=self.device).view(shape)
        self._std = torch.tensor(statistics.std, device=self.device).view(shape)
        with self._seeded("weights"):
            self.module = graph.compile(device=device)
            initialise(self.module)
        self._norms = [
            (part, part.momentum)
            for part in self.module.modules()
            if isinstance(part, nn.BatchNorm2d) and part.momentum is not None
        ]
        self._generator = torch.Generator(self.device)
        self._generator.manual_seed(derive_seed(seed, "batches"))
        # A last batch of fewer than half the size would move the batch norm statistics more than it teaches.
        self._num_batches = max(1, round(len(part) / recipe.batch_size))
        self._num_steps = num_epochs * self._num_batches
        self._step = 0
        self._optimizer = _optimizer(self.module, recipe, fused=self.device.type in ("cpu", "cuda"))

    def place(self, part: Part) -> tuple[Tensor, Tensor]:
        """The images uint8 (N, C, H, W) and labels (N,) of a part, on the device."""
        return torch.from_numpy(part.images).to(self.device), torch.from_numpy(part.labels).to(self.device)

    def run_epoch(self) -> float:
        """One pass over the part in a new order; the mean loss. Raises: DivergedError."""
        self.module.train()
        self.epoch += 1
        total = torch.zeros((), device=self.device)
        with self._seeded(self.epoch):
            order = torch.randperm(len(self._labels), generator=self._generator, device=self.device)
            for rows in order.tensor_split(self._num_batches):
                total += self._train_on(self._augmented(self._images[rows]), self._labels[rows])
        loss = float(total) / self._num_batches
        if not math.isfinite(loss):
            raise DivergedError(f"the loss became {loss} in epoch {self.epoch}")
        return loss

    def score(self, placed: tuple[Tensor, Tensor]) -> Score:
        """Loss and accuracy on a part that `place` gave. Raises: DivergedError."""
        images, labels = placed
        self.module.eval()
        loss = torch.zeros((), device=self.device, dtype=torch.float64)
        correct = torch.zeros((), device=self.device, dtype=torch.int64)
        with torch.inference_mode():
            for begin in range(0, len(labels), EVALUATION_BATCH):
                wanted = labels[begin : begin + EVALUATION_BATCH]
                logits = self._forward(images[begin : begin + EVALUATION_BATCH]).float()
                loss += functional.cross_entropy(logits, wanted, reduction="sum")
                correct += (logits.argmax(dim=1) == wanted).sum()
        score = Score(float(loss) / len(labels), int(correct) / len(labels))
        if not math.isfinite(score.loss):
            raise DivergedError(f"the validation loss became {score.loss} in epoch {self.epoch}")
        return score

    def state(self) -> dict[str, Tensor]:
        """A copy of the state_dict of what ships, on the CPU, contiguous."""
        kept = self._graph.as_shipped.compile(device="meta").state_dict()
        state = {name: value for name, value in self.module.state_dict().items() if name in kept}
        return {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}

    def save(self, checkpoints: Checkpoints, trial: int) -> None:
        """Writes all that the epochs to come depend on. Raises: CheckpointError."""
        tensors = {f"{MODULE}{name}": value for name, value in self.module.state_dict().items()}
        for index, state in self._optimizer.state_dict()["state"].items():
            tensors |= {f"{OPTIMIZER}{index}.{name}": value for name, value in state.items() if value is not None}
        tensors["generator"] = self._generator.get_state()
        tensors["step"] = torch.tensor(self._step)
        on_cpu = {name: tensor.detach().cpu() for name, tensor in tensors.items()}
        checkpoints.write(trial, self.epoch, on_cpu, self._identity)

    def restore(self, checkpoints: Checkpoints, trial: int, epoch: int) -> None:
        """The inverse of `save`. Raises: CheckpointError; this training is then of no use any more."""
        tensors = checkpoints.read(trial, epoch, self._identity)
        parameters = [parameter for group in self._optimizer.param_groups for parameter in group["params"]]
        state: dict[int, dict[str, Tensor]] = {}
        try:
            self._step = int(tensors.pop("step"))
            self._generator.set_state(tensors.pop("generator"))
            for name in [name for name in tensors if name.startswith(OPTIMIZER)]:
                index, _, what = name.removeprefix(OPTIMIZER).partition(".")
                value, parameter = tensors.pop(name), parameters[int(index)]
                if value.shape == parameter.shape:  # in the layout of the parameter, as fused optimizers take it to be
                    value = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
                state.setdefault(int(index), {})[what] = value
            self._optimizer.load_state_dict({**self._optimizer.state_dict(), "state": state})
            self.module.load_state_dict({name.removeprefix(MODULE): value for name, value in tensors.items()})
        except (KeyError, IndexError, ValueError, RuntimeError) as error:
            raise CheckpointError(f"does not fit: {next(iter(str(error).splitlines()), '')}") from None
        self.epoch = epoch

    @property
    def _identity(self) -> str:
        """Which training this is: of another one, a checkpoint is worth nothing here."""
        return f"{self._graph.hash} seed {self.seed} of {self.num_epochs} epochs, {self.recipe.model_dump_json()}"

    def _train_on(self, images: Tensor, labels: Tensor) -> Tensor:
        rate = self.recipe.learning_rate * _schedule(self.recipe, self._step / self._num_steps)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._step += 1
        self._correct_running_statistics()
        loss = self._loss(self._forward(images), labels)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
        return loss.detach()

    def _correct_running_statistics(self) -> None:
        """Lets the running statistics of a norm be the mean over all batches, until the momentum it declares is more.

        With the momentum alone they begin at mean 0 and variance 1, and hardly leave them in a training of few steps:
        the correction of a bias as in Kingma & Ba 2015 (arXiv 1412.6980, section 3).
        """
        for norm, declared in self._norms:
            norm.momentum = max(declared, 1 / self._step)

    def _loss(self, logits: Tensor | dict[str, Tensor], labels: Tensor) -> Tensor:
        """The cross-entropy of logits (B, K), and a share of that of every training output."""
        smoothing = self.recipe.label_smoothing
        if isinstance(logits, Tensor):
            return functional.cross_entropy(logits, labels, label_smoothing=smoothing)
        losses = {
            name: functional.cross_entropy(value, labels, label_smoothing=smoothing) for name, value in logits.items()
        }
        (output,) = self._graph.outputs
        main = losses.pop(output)
        return main + HEAD_WEIGHT * sum(losses.values(), torch.zeros_like(main))

    def _forward(self, images: Tensor) -> Any:
        """Logits (B, K) of uint8 images (B, C, H, W); in training mode a dict, where training has other outputs."""
        batch = (images.float() - self._mean) / self._std
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self._on_gpu):
            return self.module(batch)

    def _augmented(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) each moved, and maybe mirrored, on its own; in one gather for the batch."""
        shift, num_images = self.recipe.shift, len(images)
        height, width = images.shape[2:]
        if not shift and not self.recipe.flip:
            return images
        rows = torch.arange(height, device=self.device).expand(num_images, height)
        columns = torch.arange(width, device=self.device).expand(num_images, width)
        if self.recipe.flip:
            mirrored = torch.rand(num_images, 1, generator=self._generator, device=self.device) < 0.5
            columns = torch.where(mirrored, width - 1 - columns, columns)
        if shift:
            moves = torch.randint(2 * shift + 1, (2, num_images, 1), generator=self._generator, device=self.device)
            rows, columns = rows + moves[0], columns + moves[1]
            images = functional.pad(images, (shift, shift, shift, shift))
        every = torch.arange(num_images, device=self.device)[:, None, None]
        return images.permute(0, 2, 3, 1)[every, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)

    def _seeded(self, what: str | int) -> _Seeded:
        return _Seeded(derive_seed(self.seed, what), self.device)


class _Seeded:
    """Inside, torch's global random state (dropout, default initialisation) is that of a seed; outside, as before."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self._seed = seed
        self._fork = torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])

    def __enter__(self) -> None:
        self._fork.__enter__()
        torch.manual_seed(self._seed)

    def __exit__(self, *error: object) -> None:
        self._fork.__exit__(None, None, None)


def initialise(module: nn.Module) -> None:
    """He's normal initialisation for every convolution (arXiv 1502.01852, eq. 10), in place; the rest stays torch's."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def _optimizer(module: nn.Module, recipe: Recipe, *, fused: bool) -> torch.optim.Optimizer:
    """Weight decay for matrices and kernels alone: on biases and norms it only costs accuracy (arXiv 1812.01187)."""
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    groups = [
        {"params": [parameter for parameter in parameters if parameter.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [parameter for parameter in parameters if parameter.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=fused)
    return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0)


def _schedule(recipe: Recipe, progress: float) -> float:
    """The factor on the learning rate after this share of all steps."""
    warmup = recipe.warmup if recipe.schedule == "one_cycle" else 0.0
    if progress < warmup:
        return 0.04 + 0.96 * progress / warmup
    return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))
