"""Folders of pictures, one folder per class, decoded by Pillow. Files are taken in the order of their names.

Images that are all grey have one channel, with transparency (which is dropped) or without; else all have three, and
whatever is not RGB is converted to it. What was converted is told in a note.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from nas.data.parts import LAYOUT, MAX_BYTES, DataError, Part

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
DEPTHS = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV", "La", "RGBa")
GREY = ("1", "L", "LA")
SHOWN_FAULTS = 8

Found = tuple[dict[str, Part], tuple[str, ...], tuple[str, ...]]  # the parts, the classes, and notes


def read_folder(folder: Path) -> Found:
    given = {path.name: path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")}
    if "train" not in given:
        return _read_parts({"train": folder})
    names = {"train": "train", "val": "validation", "valid": "validation", "validation": "validation", "test": "test"}
    if unknown := sorted(set(given) - set(names)):
        raise DataError(f"{folder} has train/ and also {unknown[0]}/", help=LAYOUT)
    folders: dict[str, Path] = {}
    for name, path in sorted(given.items()):
        if (other := folders.setdefault(names[name], path)) != path:
            raise DataError(f"{folder} has both {other.name}/ and {name}/", help="keep one of them")
    return _read_parts(folders)


def _read_parts(folders: Mapping[str, Path]) -> Found:
    files: dict[str, list[tuple[Path, str]]] = {}
    classes: tuple[str, ...] = ()
    for part, folder in sorted(folders.items(), key=lambda item: item[0] != "train"):
        found = tuple(sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")))
        if not found:
            raise DataError(f"{folder} has no class folders", help=LAYOUT)
        if classes and found != classes:
            odd = sorted(set(found) ^ set(classes))
            raise DataError(f"{folder} and {folders['train']} differ in their classes: {', '.join(odd)}", help=LAYOUT)
        classes = found
        files[part] = []
        for name in classes:
            images = sorted(path for path in (folder / name).iterdir() if path.suffix.lower() in SUFFIXES)
            if not images:
                raise DataError(
                    f"class folder {folder / name} has no images",
                    help=f"remove it, or put images there ({', '.join(SUFFIXES)})",
                )
            files[part].extend((path, name) for path in images)
    parts, notes = _decode(files, classes)
    return parts, classes, notes


def _decode(
    files: Mapping[str, Sequence[tuple[Path, str]]], classes: tuple[str, ...]
) -> tuple[dict[str, Part], tuple[str, ...]]:
    """Decodes every file, and says at once which can't be read or have another size; with what was converted."""
    every = [path for listed in files.values() for path, _ in listed]
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
    if unreadable:  # some may break off only within their pixels
        for path in tuple(headers):
            guarded(path, lambda image: image.load())
    _refuse(sorted(unreadable), "cannot be read", "repair or remove them; nothing was changed")
    sizes = [size for size, _ in headers.values()]
    width, height = max(set(sizes), key=lambda size: (sizes.count(size), size))
    odd = [f"{path}: {size[0]}x{size[1]}" for path, (size, _) in headers.items() if size != (width, height)]
    _refuse(odd, f"whose size is not {width}x{height} as that of the others", "bring all images to one size first")
    deep = [f"{path}: {mode}" for path, (_, mode) in headers.items() if mode not in DEPTHS]
    _refuse(deep, "with more than 8 bits a channel, which would be cut off", "bring them to 0..255 first")
    mode = "L" if all(mode in GREY for _, mode in headers.values()) else "RGB"
    channels = len(mode)
    if (num_bytes := len(every) * channels * height * width) > MAX_BYTES:
        raise DataError(
            f"{len(every)} images of {width}x{height} need {num_bytes >> 30} GiB, more than {MAX_BYTES >> 30}",
            help="make the images smaller, or give fewer of them",
        )
    result = {}
    for part, listed in files.items():
        images = np.empty((len(listed), channels, height, width), dtype=np.uint8)
        for row, (path, _) in enumerate(listed):

            def read(image: Image.Image, row: int = row, images: NDArray[np.uint8] = images) -> None:
                pixels = np.asarray(image.convert(mode), dtype=np.uint8)
                images[row] = pixels.reshape(height, width, channels).transpose(2, 0, 1)

            guarded(path, read)
        index = {name: label for label, name in enumerate(classes)}
        result[part] = Part(images, np.array([index[name] for _, name in listed], dtype=np.int64))
    _refuse(unreadable, "cannot be read", "repair or remove them; nothing was changed")
    return result, _converted([mode for _, mode in headers.values()], mode)


def _converted(modes: Sequence[str], wanted: str) -> tuple[str, ...]:
    """A note on the images that are not as they were: of how many, and of which modes of Pillow."""
    others = Counter(mode for mode in modes if mode != wanted and (mode, wanted) != ("1", "L"))
    if not others:
        return ()
    num, listed = others.total(), ", ".join(f"{count} {mode}" for mode, count in sorted(others.items()))
    lost = ", without their transparency" if any(mode.endswith("A") for mode in others) else ""
    return (f"{num} of {len(modes)} images {'are' if num > 1 else 'is'} converted to {wanted}{lost}: {listed}",)


def _refuse(faults: Sequence[str], what: str, help: str) -> None:
    if faults:
        shown = "".join(f"\n  {fault}" for fault in faults[:SHOWN_FAULTS])
        more = f"\n  and {len(faults) - SHOWN_FAULTS} more" if len(faults) > SHOWN_FAULTS else ""
        raise DataError(f"{len(faults)} image{'s' * (len(faults) != 1)} {what}:{shown}{more}", help=help)
