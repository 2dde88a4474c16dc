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

    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: Positive = 0.05
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: NotNegative = 0.05
    schedule: Literal["one_cycle", "cosine"] = "one_cycle"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.25
    batch_size: Annotated[int, Field(ge=2)] = 128
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.1
    shift: Annotated[int, Field(ge=0)] = 1
    flip: bool = False
    epochs: Annotated[int, Field(ge=1)] = 24
    final_epochs: Annotated[int, Field(ge=1)] = 60


DIGITS = Recipe()
PHOTOS = Recipe(learning_rate=0.01, shift=4, flip=True, epochs=15, final_epochs=60)


# Images below this size are glyphs, not photographs, and too small for a GPU's kernels to pay.
SMALL_IMAGE = 24


def default_recipe(height: int, width: int) -> Recipe:
    """The recipe for images of this size where the user gives none: for photographs, or for glyphs."""
    return PHOTOS if min(height, width) >= SMALL_IMAGE else DIGITS
