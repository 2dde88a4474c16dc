"""What a data set is once it is in memory, and the error of all that is none.

Letters: N images, C channels, H height, W width. Images are uint8 as they were read (digits: 0..16, files: 0..255).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blocks.errors import FixpointError

MAX_BYTES = 8 << 30
LAYOUT = "a data folder holds one folder of images per class, or train/, test/ and maybe val/ that do"


class DataError(FixpointError):
    """Images that cannot be read, or that are no data set."""


@dataclass(frozen=True, eq=False)
class Part:
    """`images`: uint8 (N, C, H, W); `labels`: int64 (N,), an index into the class names."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class SearchData:
    """What a search and its workers may see. `mean` and `std` are those of the training part, one per channel."""

    train: Part
    validation: Part
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        channels, height, width = self.train.images.shape[1:]
        return channels, height, width


@dataclass(frozen=True, eq=False)
class FinalData:
    """What the final training sees: `train` is training and validation together, `test` is measured on once."""

    train: Part
    test: Part
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Data:
    """A data set. `fingerprint` is the sha256 of every part's bytes, its shapes, the class names and the split seed.

    `notes` is what was remarked on reading.
    """

    source: str
    search: SearchData
    final: FinalData
    fingerprint: str
    split_seed: int
    notes: tuple[str, ...] = ()
