"""Folders of pictures, one folder per class, decoded by Pillow. Files are taken in the order of their names.

Images that are all grey have one channel, with transparency (which is dropped) or without; else all have three, and
whatever is not RGB is converted to it. What was converted is told in a note, and so are images that lie elsewhere than
in a class folder, which are left out.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from nas.data.parts import LAYOUT, MAX_BYTES, DataError, Part, listed, too_few
from nas.mistakes import together

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
DEPTHS = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV", "La", "RGBa")
UNREADABLE = "repair or remove them; nothing was changed"
GREY = ("1", "L", "LA")

Found = tuple[dict[str, Part], tuple[str, ...], tuple[str, ...]]  # the parts, the classes, and notes


def read_folder(folder: Path) -> Found:
    given = {path.name: path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")}
    if "train" not in given:
        return _read_parts({"train": folder}, ())
    names = {"train": "train", "val": "validation", "valid": "validation", "validation": "validation", "test": "test"}
    if unknown := sorted(set(given) - set(names)):
        raise DataError(f"{folder} has train/ and also {unknown[0]}/", help=LAYOUT)
    folders: dict[str, Path] = {}
    for name, path in sorted(given.items()):
        if (other := folders.setdefault(names[name], path)) != path:
            raise DataError(f"{folder} has both {other.name}/ and {name}/", help="keep one of them")
    return _read_parts(folders, [path for path in _images_in(folder) if path.name not in given])


def _read_parts(folders: Mapping[str, Path], loose: Sequence[Path]) -> Found:
    """The parts that lie in these folders; `loose` are images beside them."""
    beside, below = [*loose], list[Path]()
    files: dict[str, list[tuple[Path, str]]] = {}
    classes: tuple[str, ...] = ()
    empty: list[str] = []
    for part, folder in sorted(folders.items(), key=lambda item: item[0] != "train"):
        found = tuple(sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")))
        beside += [path for path in _images_in(folder) if path.name not in found]
        if not found:
            raise DataError(f"{folder} has no class folders{_told(beside, ', and {} in it')}", help=LAYOUT)
        if classes and found != classes:
            odd = sorted(set(found) ^ set(classes))
            raise DataError(f"{folder} and {folders['train']} differ in their classes: {', '.join(odd)}", help=LAYOUT)
        classes = found
        files[part] = []
        for name in classes:
            images = _images_in(folder / name)
            below += _images_below(folder / name)
            empty += [] if images else [str(folder / name)]
            files[part].extend((path, name) for path in images)
    numbers = Counter(name for _, name in files["train"])
    faults = [*_without_images(empty), *too_few(numbers, folders, str(folders["train"]))]
    elsewhere = (_told(beside, "{} beside the class folders"), _told(below, "{} in folders within a class folder"))
    if faults or len(classes) < 2:
        faults += [DataError(told, help=LAYOUT) for told in elsewhere if told]
    parts, notes = _decode(files, classes, faults)
    return parts, classes, (*notes, *(f"{told}: left out" for told in elsewhere if told))


def _images_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)


def _images_below(folder: Path) -> list[Path]:
    """The images in the folders of a folder, at any depth; hidden folders are passed over."""
    found: list[Path] = []
    for place, inner, names in os.walk(folder):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        if Path(place) != folder:
            found += [Path(place, name) for name in sorted(names) if Path(name).suffix.lower() in SUFFIXES]
    return found


def _told(images: Sequence[Path], where: str) -> str:
    """How many images lie there, and the first of them; nothing where none do."""
    num = len(images)
    lie = f"{num} image{'s lie' if num > 1 else ' lies'}"
    return where.format(lie) + f"{', as' if num > 1 else ','} {images[0]}" if images else ""


def _without_images(folders: Sequence[str]) -> list[DataError]:
    """What is said of class folders that are empty: at most one error."""
    help = f"remove {'it' if len(folders) == 1 else 'them'}, or put images there ({', '.join(SUFFIXES)})"
    if len(folders) > 1:
        return [DataError(f"{len(folders)} class folders have no images:{listed(folders)}", help=help)]
    return [DataError(f"class folder {folder} has no images", help=help) for folder in folders]


def _decode(
    files: Mapping[str, Sequence[tuple[Path, str]]], classes: tuple[str, ...], faults: list[DataError]
) -> tuple[dict[str, Part], tuple[str, ...]]:
    """Decodes every file; with what was converted.

    Raises: DataError, or Mistakes, with the `faults` that were found before and with all files that can't be read, have
    another size or too many bits.
    """
    every = [path for members in files.values() for path, _ in members]
    headers: dict[Path, tuple[tuple[int, int], str]] = {}
    unreadable: list[str] = []

    def guarded(path: Path, read: Callable[[Image.Image], object]) -> None:
        try:
            with Image.open(path) as image:
                read(image)
        except (
            OSError,
            ValueError,
            SyntaxError,
            EOFError,
            UnidentifiedImageError,
            Image.DecompressionBombError,
        ) as error:
            unreadable.append(f"{path}: {str(error).splitlines()[0] if str(error) else type(error).__name__}")

    for path in every:
        guarded(path, lambda image, path=path: headers.__setitem__(path, (image.size, image.mode)))  # type: ignore[misc]
    if unreadable or faults:  # some may break off only within their pixels
        for path in tuple(headers):
            guarded(path, lambda image: image.load())
    faults += _faults(sorted(unreadable), "cannot be read", UNREADABLE)
    sizes = [size for size, _ in headers.values()]
    width, height = max(set(sizes), key=lambda size: (sizes.count(size), size), default=(1, 1))
    odd = [f"{path}: {size[0]}x{size[1]}" for path, (size, _) in headers.items() if size != (width, height)]
    faults += _faults(
        odd, f"whose size is not {width}x{height} as that of the others", "bring all images to one size first"
    )
    deep = [f"{path}: {mode}" for path, (_, mode) in headers.items() if mode not in DEPTHS]
    faults += _faults(deep, "with more than 8 bits a channel, which would be cut off", "bring them to 0..255 first")
    if faults:
        raise together(faults)
    mode = "L" if all(mode in GREY for _, mode in headers.values()) else "RGB"
    channels = len(mode)
    if (num_bytes := len(every) * channels * height * width) > MAX_BYTES:
        raise DataError(
            f"{len(every)} images of {width}x{height} need {num_bytes >> 30} GiB, more than {MAX_BYTES >> 30}",
            help="make the images smaller, or give fewer of them",
        )
    result = {}
    for part, members in files.items():
        images = np.empty((len(members), channels, height, width), dtype=np.uint8)
        for row, (path, _) in enumerate(members):

            def read(image: Image.Image, row: int = row, images: NDArray[np.uint8] = images) -> None:
                pixels = np.asarray(image.convert(mode), dtype=np.uint8)
                images[row] = pixels.reshape(height, width, channels).transpose(2, 0, 1)

            guarded(path, read)
        index = {name: label for label, name in enumerate(classes)}
        result[part] = Part(images, np.array([index[name] for _, name in members], dtype=np.int64))
    for error in _faults(unreadable, "cannot be read", UNREADABLE):
        raise error
    return result, _converted([mode for _, mode in headers.values()], mode)


def _converted(modes: Sequence[str], wanted: str) -> tuple[str, ...]:
    """A note on the images that are not as they were: of how many, and of which modes of Pillow."""
    others = Counter(mode for mode in modes if mode != wanted and (mode, wanted) != ("1", "L"))
    if not others:
        return ()
    num, listed = others.total(), ", ".join(f"{count} {mode}" for mode, count in sorted(others.items()))
    lost = ", without their transparency" if any(mode.endswith("A") for mode in others) else ""
    return (f"{num} of {len(modes)} images {'are' if num > 1 else 'is'} converted to {wanted}{lost}: {listed}",)


def _faults(images: Sequence[str], what: str, help: str) -> list[DataError]:
    """What is said of images with one thing wrong: at most one error."""
    said = f"{len(images)} image{'s' * (len(images) != 1)} {what}:{listed(images)}"
    return [DataError(said, help=help)] if images else []
