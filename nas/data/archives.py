"""Arrays from outside: .npz files, and the digits that come with scikit-learn."""

from __future__ import annotations

import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nas.data.parts import MAX_BYTES, DataError, Part

DIGITS = "datasets/data/digits.csv.gz"  # within scikit-learn


def read_digits() -> tuple[dict[str, Part], tuple[str, ...]]:
    """The 1,797 handwritten digits of scikit-learn: 8x8, one channel, values 0..16 (UCI optdigits, its test half).

    Read from its file, a row for each image, and the label last: to import scikit-learn takes seconds.
    """
    package = find_spec("sklearn")
    assert package is not None
    assert package.origin is not None
    table = np.loadtxt(Path(package.origin).parent / DIGITS, delimiter=",", dtype=np.int64)
    images = table[:, :-1].astype(np.uint8).reshape(-1, 1, 8, 8)
    return {"train": Part(images, table[:, -1].copy())}, tuple("0123456789")


def read_npz(path: Path) -> tuple[dict[str, Part], tuple[str, ...]]:
    if path.suffix.lower() != ".npz":
        raise DataError(f"{path} is not an .npz file", help="give `digits`, a folder of images or an .npz file")
    try:
        with zipfile.ZipFile(path) as archive:
            num_bytes = sum(member.file_size for member in archive.infolist())
        if num_bytes > MAX_BYTES:
            raise DataError(
                f"{path} unpacks to {num_bytes / 2**30:.1f} GiB", help=f"at most {MAX_BYTES >> 30} are read"
            )
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise DataError(
            f"{path} cannot be read: {error}", help="write it with numpy.savez(path, x=images, y=labels)"
        ) from None
    keys = {"train": ("x", "y"), "validation": ("x_val", "y_val"), "test": ("x_test", "y_test")}
    parts = {}
    for part, (images_key, labels_key) in keys.items():
        if images_key in arrays or labels_key in arrays or part == "train":
            for key in (images_key, labels_key):
                if key not in arrays:
                    raise DataError(
                        f"{path} has no array `{key}`", help=f"it has {', '.join(sorted(arrays)) or 'none'}"
                    )
            parts[part] = _part_of_arrays(arrays[images_key], arrays[labels_key], f"{path}, {images_key}", labels_key)
    shapes = {part.images.shape[1:] for part in parts.values()}
    if len(shapes) > 1:
        raise DataError(f"the parts of {path} differ in image shape: {sorted(shapes)}", help="bring them to one shape")
    num_classes = 1 + max(int(part.labels.max()) for part in parts.values())
    for name, one in parts.items():
        if missing := set(range(num_classes)) - {int(label) for label in np.unique(one.labels)}:
            raise DataError(f"the {name} part of {path} has no image of class {min(missing)}", help="labels are 0..K-1")
    return parts, tuple(str(label) for label in range(num_classes))


def _part_of_arrays(images: NDArray[np.generic], labels: NDArray[np.generic], where: str, key: str) -> Part:
    shape_help = "images are uint8 (N, C, H, W) or (N, H, W), C being 1 or 3; labels are integers (N,)"
    if images.ndim == 4 and images.shape[1] not in (1, 3) and images.shape[3] in (1, 3):
        raise DataError(
            f"{where} is {images.dtype} {images.shape}", help="channels come before height: x.transpose(0, 3, 1, 2)"
        )
    if images.dtype.kind == "f":
        unknown = ", and not all of it is finite" if not np.isfinite(images).all() else ""
        raise DataError(
            f"{where} is {images.dtype} {images.shape}{unknown}", help="images are whole numbers, 0..255, as uint8"
        )
    if images.ndim == 3:
        images = images[:, np.newaxis]
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3) or 0 in images.shape:
        raise DataError(f"{where} is {images.dtype} {images.shape}", help=shape_help)
    if labels.ndim == 2 and len(labels) == len(images) and labels.shape[1] > 1:
        raise DataError(
            f"the labels `{key}` of {where} are {labels.dtype} {labels.shape}",
            help="labels are numbers: y.argmax(axis=1)",
        )
    if labels.shape != images.shape[:1] or labels.dtype.kind not in "iu":
        raise DataError(
            f"the labels `{key}` of {where} are {labels.dtype} {labels.shape}, for {len(images)} images",
            help=shape_help,
        )
    if int(labels.min()) < 0 or int(labels.max()) >= len(labels):
        raise DataError(f"the labels of {where} go from {labels.min()} to {labels.max()}", help="labels are 0..K-1")
    return Part(np.ascontiguousarray(images, dtype=np.uint8), labels.astype(np.int64))
