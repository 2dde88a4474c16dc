"""How candidates are trained, as data: optimizer, schedule, augmentation, number of epochs. Free of torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class Recipe(BaseModel):
    """One way of training, the same for every candidate of a run.

    The learning rate rises linearly over `warmup` (a share of all steps) to `learning_rate` and falls to zero by a
    cosine: `one_cycle` (Smith & Topin 2018, arXiv 1708.07120, without the cycle of the momentum); `cosine` begins at
    the top (Loshchilov & Hutter 2017, arXiv 1608.03983, without restarts). Augmentation: every training image is moved
    by up to `shift` pixels each way, what comes in is zero, and mirrored half of the time where `flip`. A trial has
    `epochs`; the best candidates are trained again, and the winner finally, for `final_epochs`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    optimizer: Literal["adamw", "sgd"] = Field("adamw", description="What changes the weights.")
    learning_rate: Positive = Field(0.05, description="The highest learning rate of a training.")
    momentum: float = Field(0.9, ge=0, lt=1, description="Momentum of sgd (Nesterov's); adamw has none.")
    weight_decay: NotNegative = Field(0.05, description="Weight decay of all weights but biases, scales and shifts.")
    schedule: Literal["one_cycle", "cosine"] = Field(
        "one_cycle", description="How the learning rate goes: up and down, or down alone; by a cosine to zero."
    )
    warmup: float = Field(0.25, ge=0, lt=1, description="Share of all steps in which one_cycle goes up.")
    batch_size: int = Field(128, ge=2, description="Images of a step.")
    label_smoothing: float = Field(0.1, ge=0, lt=1, description="Share of a label that goes to all classes alike.")
    shift: int = Field(1, ge=0, description="Augmentation: move training images by up to so many pixels each way.")
    flip: bool = Field(False, description="Augmentation: mirror half of the training images, left to right.")
    epochs: int = Field(24, ge=1, description="Epochs of a trial.")
    final_epochs: int = Field(60, ge=1, description="Epochs to retrain the best and the winner.")

    @property
    def augmentation(self) -> str:
        """What is done to training images, by the keys that ask for it: `shift 4, flip`."""
        asked = [f"shift {self.shift}"] * (self.shift > 0) + ["flip"] * self.flip
        return ", ".join(asked) or "none"

    def __str__(self) -> str:
        length = f"{self.epochs} epochs ({self.final_epochs} for the best)"
        how = f"{self.optimizer}, learning rate {self.learning_rate:g}, batches of {self.batch_size}"
        return f"{length}, {how}; augmentation: {self.augmentation}"


DIGITS = Recipe()
PHOTOS = Recipe(learning_rate=0.01, shift=4, flip=True, epochs=15, final_epochs=60)


# Images below this size are glyphs, not photographs, and too small for a GPU's kernels to pay.
SMALL_IMAGE = 24


def default_recipe(height: int, width: int) -> Recipe:
    """The recipe for images of this size where the user gives none: for photographs, or for glyphs."""
    return PHOTOS if min(height, width) >= SMALL_IMAGE else DIGITS
