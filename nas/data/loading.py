"""From the name of a data set to its three parts: reads, splits, measures, fingerprints."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from graphs.faults import nearest
from nas.data.archives import read_digits, read_npz
from nas.data.parts import LAYOUT, Data, DataError, FinalData, Part, SearchData, too_few
from search_spaces.catalog import nearest_file

PARTS = ("train", "validation", "test")


def load_data(source: str | Path, seed: int = 0) -> Data:
    """Reads `digits`, a folder of class folders, or an .npz file.

    The arrays of the file are `x`, `y` and maybe `x_val`, `y_val`, `x_test`, `y_test`. Parts that the source does not
    have itself are split off, stratified by class and by `seed`: 60 % train, 20 % validation, 20 % test, or a fifth of
    the training part for validation where there is a test part.

    Raises: DataError; Mistakes, where there are several.
    """
    notes: tuple[str, ...] = ()
    given = str(source)
    if str(source) == "digits" and not Path("digits").is_dir():
        parts, classes = read_digits()
    else:
        path = Path(source).expanduser()
        if path.is_dir():
            from nas.data.folders import read_folder

            parts, classes, notes = read_folder(path)
        elif path.is_file():
            parts, classes = read_npz(path)
        else:
            meant = nearest(str(source), ("digits",)) or nearest_file(path, ("", ".npz"))
            help = meant or "give `digits`, a folder of images or an .npz file"
            raise DataError(f"there is no data at {source}", help=help)
        source = str(path.resolve())
    if len(classes) < 2:
        help = "labels are 0..K-1" if Path(source).is_file() else LAYOUT
        raise DataError(f"{given} has {len(classes)} class, at least 2 are needed", help=help)
    return _assemble(str(source), _split(parts, classes, given, seed), classes, seed, notes)


def _split(parts: Mapping[str, Part], classes: tuple[str, ...], source: str, seed: int) -> dict[str, Part]:
    """Splits off what is missing, class by class, so that every class is in every part. Raises: DataError."""
    numbers = np.bincount(parts["train"].labels, minlength=len(classes))
    for error in too_few(dict(zip(classes, map(int, numbers), strict=True)), parts, source):
        raise error
    result = dict(parts)
    if "test" not in parts:
        result |= _split_off("test", result["train"], 0.2, seed)
    if "validation" not in parts:
        result |= _split_off("validation", result["train"], 0.2 if "test" in parts else 0.25, seed)
    return result


def _split_off(name: str, whole: Part, share: float, seed: int) -> dict[str, Part]:
    generator = np.random.default_rng([seed, PARTS.index(name)])
    taken = np.zeros(len(whole), dtype=bool)
    for label in np.unique(whole.labels):
        members = np.flatnonzero(whole.labels == label)
        num_taken = max(1, round(share * len(members)))
        taken[generator.permutation(members)[:num_taken]] = True
    return {
        name: Part(whole.images[taken], whole.labels[taken]),
        "train": Part(whole.images[~taken], whole.labels[~taken]),
    }


def _assemble(
    source: str, parts: Mapping[str, Part], classes: tuple[str, ...], seed: int, notes: tuple[str, ...]
) -> Data:
    train, validation, test = parts["train"], parts["validation"], parts["test"]
    pixels = train.images.shape[0] * train.images.shape[2] * train.images.shape[3]
    histograms = [
        np.bincount(train.images[:, channel].ravel(), minlength=256) for channel in range(train.images.shape[1])
    ]
    levels = np.arange(256)
    mean = tuple(float((histogram * levels).sum() / pixels) for histogram in histograms)
    std = tuple(
        float(max(((histogram * (levels - m) ** 2).sum() / pixels) ** 0.5, 1e-3))
        for histogram, m in zip(histograms, mean, strict=True)
    )
    digest = hashlib.sha256(repr((classes, seed)).encode())
    for name in PARTS:
        digest.update(repr((name, parts[name].images.shape)).encode())
        digest.update(np.ascontiguousarray(parts[name].images).data)
        digest.update(np.ascontiguousarray(parts[name].labels).data)
    both = Part(np.concatenate([train.images, validation.images]), np.concatenate([train.labels, validation.labels]))
    return Data(
        source=source,
        search=SearchData(train, validation, classes, mean, std),
        final=FinalData(both, test, classes, mean, std),
        fingerprint=digest.hexdigest(),
        split_seed=seed,
        notes=notes,
    )
