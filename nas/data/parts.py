"""What a data set is once it is in memory, and the error of all that is none.

Letters: N images, C channels, H height, W width. Images are uint8 as they were read (digits: 0..16, files: 0..255).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blocks.errors import FixpointError

MAX_BYTES = 8 << 30
FEWEST_IMAGES = 5  # of a class, to split off a fifth
SHOWN_FAULTS = 8
LAYOUT = "a data folder holds one folder of images per class, or train/, test/ and maybe val/ that do"


class DataError(FixpointError):
    """Images that cannot be read, or that are no data set."""


def listed(faults: Sequence[str]) -> str:
    """Faults as lines below a message, those beyond `SHOWN_FAULTS` as a number."""
    more = [f"and {len(faults) - SHOWN_FAULTS} more"] * (len(faults) > SHOWN_FAULTS)
    return "".join(f"\n  {fault}" for fault in [*faults[:SHOWN_FAULTS], *more])


def too_few(counts: Mapping[str, int], given: Collection[str], source: str) -> list[DataError]:
    """What is wrong with the numbers of images of each class of the training part, where a part that is not `given` is
    split off from it: at most one error, with all such classes."""
    missing = " and a ".join(part for part in ("test", "validation") if part not in given)
    few = {name: count for name, count in counts.items() if 0 < count < FEWEST_IMAGES}
    if not missing or not few:
        return []
    help = f"at least {FEWEST_IMAGES} images of every class are needed where the parts are not given"
    what = f"to split off a {missing} part"
    if len(few) > 1:
        rows = [f"{name}: {count}" for name, count in few.items()]
        return [DataError(f"{len(few)} classes of {source} have too few images {what}:{listed(rows)}", help=help)]
    [(name, count)] = few.items()
    return [DataError(f"class {name} of {source} has {count} image{'s' * (count != 1)}, too few {what}", help=help)]


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
