"""Data sets: what is read, how it is split, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nas.data import Data, DataError, FinalData, Part, SearchData, load_data
from nas.mistakes import Mistakes


@pytest.fixture(scope="module")
def digits() -> Data:
    return load_data("digits")


def test_digits_are_split_60_20_20_class_by_class(digits: Data) -> None:
    parts = (digits.search.train, digits.search.validation, digits.final.test)
    assert [len(part) for part in parts] == [1079, 359, 359]  # 1,797 images
    for part in parts:
        counts = np.bincount(part.labels, minlength=10)
        assert counts.max() - counts.min() <= 6  # the classes have 174 to 183 images
    assert digits.search.image_shape == (1, 8, 8)
    assert digits.search.classes == tuple("0123456789")
    assert digits.search.train.images.dtype == np.uint8
    assert digits.search.train.images.max() == 16


def test_the_parts_are_disjoint_and_complete(digits: Data) -> None:
    from sklearn.datasets import load_digits

    parts = (digits.search.train, digits.search.validation, digits.final.test)
    ours = [(image.tobytes(), label) for part in parts for image, label in zip(part.images, part.labels, strict=True)]
    there = load_digits()
    theirs = zip(there.images.astype(np.uint8), there.target, strict=True)
    assert sorted(ours) == sorted((image.tobytes(), label) for image, label in theirs)


def test_a_search_is_given_no_test_part() -> None:
    assert {field.name for field in fields(SearchData) if "Part" in str(field.type)} == {"train", "validation"}
    assert {field.name for field in fields(FinalData) if "Part" in str(field.type)} == {"train", "test"}


def test_the_final_training_gets_training_and_validation_part(digits: Data) -> None:
    train, validation = digits.search.train.images, digits.search.validation.images
    assert np.array_equal(digits.final.train.images, np.concatenate([train, validation]))


def test_mean_and_std_are_those_of_the_training_part(digits: Data) -> None:
    train = digits.search.train.images.astype(np.float64)
    assert digits.search.mean[0] == pytest.approx(train.mean())
    assert digits.search.std[0] == pytest.approx(train.std())


def test_a_fingerprint_is_that_of_bytes_and_split(digits: Data, tmp_path: Path) -> None:
    assert load_data("digits").fingerprint == digits.fingerprint
    assert load_data("digits", seed=1).fingerprint != digits.fingerprint
    x, y = np.zeros((20, 4, 4), np.uint8), np.arange(20) % 2
    prints = set()
    for change in range(3):
        np.savez(tmp_path / "a.npz", x=x + np.uint8(change == 1), y=(y + (change == 2)) % 2)
        prints.add(load_data(tmp_path / "a.npz").fingerprint)
    assert len(prints) == 3


def write_image(path: Path, colour: int | tuple[int, int, int], size: tuple[int, int] = (6, 5)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L" if isinstance(colour, int) else "RGB", size, colour).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for label, name in enumerate(("cat", "dog")):
        for index in range(10):
            write_image(tmp_path / "set" / name / f"{index}.png", (100 * label, index, 7))
    return tmp_path / "set"


def test_a_folder_of_classes_is_read_and_split(folder: Path) -> None:
    data = load_data(folder)
    assert data.search.classes == ("cat", "dog")
    assert data.search.image_shape == (3, 5, 6)
    parts = (data.search.train, data.search.validation, data.final.test)
    assert [len(part) for part in parts] == [12, 4, 4]
    for part in parts:
        for image, label in zip(part.images, part.labels, strict=True):
            assert image[0].min() == image[0].max() == 100 * label
            assert image[2].max() == 7
    assert data.source == str(folder)


def test_grey_images_have_one_channel(tmp_path: Path) -> None:
    for name in "ab":
        for index in range(5):
            write_image(tmp_path / name / f"{index}.png", 10 * index)
    assert load_data(tmp_path).search.image_shape == (1, 5, 6)


@pytest.mark.parametrize(
    ("modes", "channels", "notes"),
    [
        (["1", "L"], 1, ()),
        (["L", "LA"], 1, ("5 of 10 images are converted to L, without their transparency: 5 LA",)),
        (["RGB", "L"], 3, ("5 of 10 images are converted to RGB: 5 L",)),
        (["P", "P"], 3, ("10 of 10 images are converted to RGB: 10 P",)),
        (["CMYK", "RGBA"], 3, ("10 of 10 images are converted to RGB, without their transparency: 5 CMYK, 5 RGBA",)),
    ],
)
def test_all_images_get_one_number_of_channels_and_what_is_converted_is_told(
    tmp_path: Path, modes: list[str], channels: int, notes: tuple[str, ...]
) -> None:
    for name, mode in zip("ab", modes, strict=True):
        (tmp_path / name).mkdir()
        for index in range(5):
            image = Image.new("RGB", (6, 5), (255, 255, 255)).convert(mode)
            if mode.endswith("A"):
                image.putalpha(7)
            image.save(tmp_path / name / f"{index}.{'tif' if mode == 'CMYK' else 'png'}")
    data = load_data(tmp_path)
    assert data.search.image_shape == (channels, 5, 6)
    assert data.notes == notes
    assert data.final.train.images.min() == 255  # white, whatever the mode: transparency darkens nothing


def test_a_test_folder_is_the_test_part_and_a_fifth_of_train_the_validation_part(tmp_path: Path) -> None:
    for part, num in (("train", 10), ("test", 3)):
        for name in "ab":
            for index in range(num):
                write_image(tmp_path / part / name / f"{index}.jpg", 200 if part == "test" else 0)
    data = load_data(tmp_path)
    assert [len(part) for part in (data.search.train, data.search.validation, data.final.test)] == [16, 4, 6]
    assert data.final.test.images.min() >= 198
    assert data.final.train.images.max() <= 2


def test_all_three_parts_may_be_folders(tmp_path: Path) -> None:
    for part, num in (("train", 4), ("val", 1), ("test", 2)):
        for name in "ab":
            for index in range(num):
                write_image(tmp_path / part / name / f"{index}.png", 9)
    data = load_data(tmp_path)
    assert [len(part) for part in (data.search.train, data.search.validation, data.final.test)] == [8, 2, 4]


def spoil_two(folder: Path) -> None:
    (folder / "dog" / "3.png").write_bytes(b"no image")
    whole = (folder / "dog" / "4.png").read_bytes()
    (folder / "dog" / "4.png").write_bytes(whole[:41])  # which has a size, and no pixels


def leave_one_class(folder: Path) -> None:
    for path in (folder / "dog").iterdir():
        path.unlink()
    (folder / "dog").rmdir()


def deepen_one(folder: Path) -> None:
    Image.fromarray(np.full((5, 6), 1000, dtype=np.uint16)).save(folder / "cat" / "0.png")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_two, r"2 images cannot be read:\n  .*dog/3.png: .*\n  .*dog/4.png: "),
        (lambda folder: (folder / "eel").mkdir(), r"class folder .*eel has no images"),
        (lambda folder: write_image(folder / "cat" / "x.png", (0, 0, 0), (7, 5)), r"not 6x5 .*\n  .*cat/x.png: 7x5"),
        (leave_one_class, r"has 1 class, at least 2 are needed"),
        (
            lambda folder: write_image(folder / "eel" / "0.png", (0, 0, 0)),
            r"class eel of .* has 1 image, too few to split off a test and a validation part",
        ),
        (lambda folder: write_image(folder / "train" / "cat" / "0.png", (0, 0, 0)), r"has train/ and also cat/"),
        (deepen_one, r"1 image with more than 8 bits a channel, .*\n  .*cat/0.png: I;16"),
    ],
    ids=["corrupt", "empty class", "another size", "one class", "too few", "mixed layout", "16 bits"],
)
def test_a_folder_that_is_no_data_set_is_refused(folder: Path, spoil: Callable[[Path], None], message: str) -> None:
    spoil(folder)
    with pytest.raises(DataError, match=message) as caught:
        load_data(folder)
    assert caught.value.help


def test_images_that_lie_elsewhere_are_left_out_and_told(folder: Path) -> None:
    for place in ("loose.png", "cat/sub/1.png", "cat/sub/deep/2.png", "dog/.hidden/3.png"):
        write_image(folder / place, (9, 9, 9))
    data = load_data(folder)
    assert data.notes == (
        f"1 image lies beside the class folders, {folder}/loose.png: left out",
        f"2 images lie in folders within a class folder, as {folder}/cat/sub/1.png: left out",
    )
    assert len(data.search.train) + len(data.search.validation) + len(data.final.test) == 20


def test_images_beside_the_folders_of_parts_are_told(folder: Path) -> None:
    folder.rename(folder.parent / "train")
    (folder.parent / "both").mkdir()
    (folder.parent / "train").rename(folder.parent / "both" / "train")
    write_image(folder.parent / "both" / "loose.png", (9, 9, 9))
    [note] = load_data(folder.parent / "both").notes
    assert note.endswith("both/loose.png: left out")


def test_the_folder_of_a_class_is_no_data_set_and_its_images_are_told(folder: Path) -> None:
    write_image(folder / "cat" / "sub" / "x.png", (0, 0, 0))
    with pytest.raises(Mistakes) as caught:
        load_data(folder / "cat")
    told = [error.message for error in caught.value.errors]
    assert f"10 images lie beside the class folders, as {folder}/cat/0.png" in told
    with pytest.raises(DataError, match=r"dog has no class folders, and 10 images lie in it, as .*dog/0.png"):
        load_data(folder / "dog")


def test_all_that_is_wrong_with_a_folder_is_told_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil_two(folder)
    for name, number in (("eel", 2), ("fox", 4)):
        for index in range(number):
            write_image(folder / name / f"{index}.png", (0, 0, 0))
    for name in ("gnu", "hen"):
        (folder / name).mkdir()
    write_image(folder / "cat" / "x.png", (0, 0, 0), (7, 5))
    monkeypatch.chdir(folder.parent)
    with pytest.raises(Mistakes) as caught:
        load_data(folder.name)
    told = [error.message.partition(" (0 bytes")[0].splitlines() for error in caught.value.errors]
    assert told == [
        ["2 class folders have no images:", f"  {folder.name}/gnu", f"  {folder.name}/hen"],
        [
            f"2 classes of {folder.name} have too few images to split off a test and a validation part:",
            "  eel: 2",
            "  fox: 4",
        ],
        [
            "2 images cannot be read:",
            f"  {folder.name}/dog/3.png: cannot identify image file '{folder.name}/dog/3.png'",
            f"  {folder.name}/dog/4.png: image file is truncated",
        ],
        ["1 image whose size is not 6x5 as that of the others:", f"  {folder.name}/cat/x.png: 7x5"],
    ]


def test_a_part_that_is_given_needs_no_number_of_images(tmp_path: Path) -> None:
    for part in ("train", "val", "test"):
        for name in "ab":
            write_image(tmp_path / part / name / "0.png", 0)
    assert load_data(tmp_path).search.classes == ("a", "b")


def test_parts_with_different_classes_are_refused(tmp_path: Path) -> None:
    for part, names in (("train", "abc"), ("test", "ab")):
        for name in names:
            for index in range(5):
                write_image(tmp_path / part / name / f"{index}.png", 0)
    with pytest.raises(DataError, match="differ in their classes: c"):
        load_data(tmp_path)


@pytest.mark.parametrize("source", ["nowhere", "a folder/that/is/not"])
def test_a_source_that_is_not_there_is_refused(source: str) -> None:
    with pytest.raises(DataError, match="there is no data at"):
        load_data(source)


def test_an_npz_file_is_read_with_its_own_test_part(tmp_path: Path) -> None:
    x = np.arange(20 * 16, dtype=np.int64).reshape(20, 4, 4).astype(np.uint8)
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(20) % 2, x_test=x[:4], y_test=np.arange(4) % 2)
    data = load_data(tmp_path / "a.npz")
    assert [len(part) for part in (data.search.train, data.search.validation, data.final.test)] == [16, 4, 4]
    assert np.array_equal(data.final.test.images[:, 0], x[:4])
    assert data.search.classes == ("0", "1")


IMAGES = np.zeros((10, 3, 4, 4), np.uint8)
LABELS = np.arange(10) % 2


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": IMAGES}, "has no array `x`"),
        ({"x": IMAGES}, "has no array `y`"),
        ({"x": IMAGES.astype(np.float32), "y": LABELS}, r"is float32 \(10, 3, 4, 4\)\n  help: .* 0..255, as uint8"),
        ({"x": IMAGES * np.float32("nan"), "y": LABELS}, r"is float32 .*, and not all of it is finite"),
        ({"x": IMAGES.transpose(0, 2, 3, 1), "y": LABELS}, r"\(10, 4, 4, 3\)\n  help: .*x.transpose\(0, 3, 1, 2\)"),
        ({"x": IMAGES, "y": np.eye(2)[LABELS]}, r"help: labels are numbers: y.argmax\(axis=1\)"),
        ({"x": IMAGES[:, :2], "y": LABELS}, r"is uint8 \(10, 2, 4, 4\)"),
        ({"x": IMAGES, "y": LABELS[:9]}, "for 10 images"),
        ({"x": IMAGES, "y": LABELS - 1}, "go from -1 to 0"),
        ({"x": IMAGES, "y": LABELS * 2}, "has no image of class 1"),
        ({"x": IMAGES, "y": LABELS * 0}, "has 1 class, .*\n  help: labels are 0..K-1"),
        ({"x": IMAGES, "y": LABELS, "x_test": IMAGES[:, :, :3], "y_test": LABELS}, "differ in image shape"),
        ({"x": np.array([{}], dtype=object), "y": LABELS}, "cannot be read"),
    ],
)
def test_an_npz_file_that_is_no_data_set_is_refused(
    tmp_path: Path, arrays: dict[str, np.ndarray], message: str
) -> None:
    np.savez(tmp_path / "a.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=message):
        load_data(tmp_path / "a.npz")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,2\n")
    with pytest.raises(DataError, match=r"is not an \.npz file"):
        load_data(tmp_path / "a.csv")
    (tmp_path / "b.npz").write_bytes(b"PK no archive")
    with pytest.raises(DataError, match="cannot be read"):
        load_data(tmp_path / "b.npz")


def test_a_part_has_as_many_images_as_labels(digits: Data) -> None:
    for part in (digits.search.train, digits.final.test):
        assert isinstance(part, Part)
        assert len(part) == len(part.images) == len(part.labels)


@pytest.mark.parametrize(
    ("name", "help"),
    [
        ("digit", "did you mean `digits`?"),
        ("phots", "did you mean `photos`?"),
        ("nothing-like-it", "give `digits`, a folder of images or an .npz file"),
    ],
)
def test_data_that_are_not_there_are_told_with_what_may_be_meant(
    name: str, help: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=f"there is no data at {name}") as caught:
        load_data(name)
    assert caught.value.help == help
