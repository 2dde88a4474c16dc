"""The complexity chart: where blobs stand, how large they are, and that no name lies on another."""

from __future__ import annotations

import re
from itertools import combinations
from math import pi
from random import Random
from xml.etree import ElementTree

import pytest

from nas.chart import PIXELS_PER_MILLION, Point, complexity_chart
from nas.chart_labels import LABEL_HEIGHT, Blob, PlacedLabel, place_labels

NAMESPACE = "{http://www.w3.org/2000/svg}"
POINTS = [
    Point("small", "one", 60.0, 1_000_000_000, 4_000_000),
    Point("large", "one", 70.0, 10_000_000_000, 100_000_000),
    Point("wide & <odd>", "two", 80.0, 100_000_000_000, 25_000_000),
]
FAMILIES = ("none", "one", "two")


def elements(text: str, tag: str, kind: str) -> list[ElementTree.Element]:
    found = ElementTree.fromstring(text).iter(f"{NAMESPACE}{tag}")
    return [element for element in found if element.get("class") == kind]


def blobs(text: str) -> dict[str, tuple[float, float, float]]:
    """Centre and radius of each network's blob, by its name: those of the legend have no title."""
    found = {}
    for circle in elements(text, "circle", "blob"):
        title = circle.find(f"{NAMESPACE}title")
        if title is not None and title.text:
            name = title.text.partition(":")[0]
            found[name] = float(circle.get("cx", "")), float(circle.get("cy", "")), float(circle.get("r", ""))
    return found


def test_operations_are_logarithmic_and_accuracy_is_linear() -> None:
    drawn = blobs(complexity_chart(POINTS, FAMILIES, "note"))
    (x1, y1, _), (x2, y2, _), (x3, y3, _) = (drawn[point.name] for point in POINTS)
    assert x2 - x1 == pytest.approx(x3 - x2, abs=0.2)
    assert y1 - y2 == pytest.approx(y2 - y3, abs=0.2)
    assert x1 < x2 < x3
    assert y1 > y2 > y3


def test_the_area_of_a_blob_stands_for_the_parameters() -> None:
    drawn = blobs(complexity_chart(POINTS, FAMILIES, "note"))
    for point in POINTS:
        assert pi * drawn[point.name][2] ** 2 == pytest.approx(point.params / 1e6 * PIXELS_PER_MILLION, rel=0.03)


def test_small_blobs_are_drawn_on_large_ones() -> None:
    assert list(blobs(complexity_chart(POINTS, FAMILIES, "note"))) == ["large", "wide & <odd>", "small"]


def test_it_says_what_is_shown_and_names_the_families() -> None:
    text = complexity_chart(POINTS, FAMILIES, "of two years & more")
    texts = ElementTree.fromstring(text).iter(f"{NAMESPACE}text")
    words = [element.text for element in texts if element.get("class") != "name rim"]
    for word in ("of two years & more", "one", "two", "family", "parameters", "25 M", "top-1 accuracy, %", "50"):
        assert word in words
    assert sum(word == "small" for word in words) == 1


def test_a_name_stands_in_its_place_on_a_rim_of_its_own() -> None:
    text = complexity_chart(POINTS, FAMILIES, "note")
    rims, names = elements(text, "text", "name rim"), elements(text, "text", "name")
    places = [[(one.text, one.get("x"), one.get("y")) for one in kind] for kind in (rims, names)]
    assert places[0] == places[1]
    assert len(names) == len(POINTS)
    assert text.index('class="name rim"') < text.index('class="name"')
    assert "paint-order" not in text


def test_a_family_has_the_same_colour_in_every_picture() -> None:
    def hues(points: list[Point]) -> set[str | None]:
        return {circle.get("fill") for circle in elements(complexity_chart(points, FAMILIES, ""), "circle", "blob")}

    assert hues(POINTS[:1]) < hues(POINTS)
    assert len(hues(POINTS)) == 2


def test_one_point_is_a_chart() -> None:
    text = complexity_chart(POINTS[:1], FAMILIES, "note")
    assert len(blobs(text)) == 1
    assert not re.search(r"nan|inf", text)


def test_the_same_points_give_the_same_picture() -> None:
    assert complexity_chart(POINTS, FAMILIES, "note") == complexity_chart(list(POINTS), list(FAMILIES), "note")


def overlaps(one: PlacedLabel, other: PlacedLabel) -> bool:
    (left, top, right, bottom), (left2, top2, right2, bottom2) = one.box, other.box
    return left < right2 and left2 < right and top < bottom2 and top2 < bottom


@pytest.mark.parametrize("seed", range(5))
def test_no_name_lies_on_another(seed: int) -> None:
    random = Random(seed)
    discs = [
        Blob(f"network_{index}", random.gauss(600, 140), random.gauss(400, 90), random.uniform(3, 30))
        for index in range(60)
    ]
    area = (0.0, 0.0, 1200.0, 800.0)
    placed = place_labels(discs, area)
    assert [label.name for label in placed] == [disc.name for disc in discs]
    assert [pair for pair in combinations(placed, 2) if overlaps(*pair)] == []
    for label in placed:
        assert 0 <= label.x < label.x + label.width <= 1200
        assert 0 <= label.y < label.y + LABEL_HEIGHT <= 800


def test_names_that_overlap_would_be_seen() -> None:
    assert overlaps(PlacedLabel("a", 0, 0, 10, None), PlacedLabel("b", 9, 11, 10, None))
    assert not overlaps(PlacedLabel("a", 0, 0, 10, None), PlacedLabel("b", 10, 0, 10, None))


def test_a_name_alone_stands_beside_its_blob() -> None:
    (label,) = place_labels([Blob("alone", 100.0, 100.0, 8.0)], (0.0, 0.0, 500.0, 500.0))
    assert (label.x, label.y, label.leader) == (110.0, 94.0, None)
