"""Pareto fronts against definitions, worked by hand and by counting cells of a grid."""

from __future__ import annotations

import random
from itertools import product

import pytest

from nas.fronts import dominates, front, hypervolume, knee, share


def test_a_front_is_what_nothing_dominates() -> None:
    points = [(0.0, 5.0), (1.0, 1.0), (2.0, 4.0), (2.0, 4.0), (3.0, 2.0), (3.0, 1.0)]
    assert front(points) == [0, 2, 4]


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_a_front_agrees_with_the_definition(size: int) -> None:
    draw = random.Random(size)
    points = [tuple(float(draw.randrange(4)) for _ in range(size)) for _ in range(60)]
    first = [index for index, point in enumerate(points) if point not in points[:index]]
    wanted = [index for index in first if not any(dominates(other, points[index]) for other in points)]
    assert front(points) == wanted


def test_two_objectives_by_hand() -> None:
    assert hypervolume([(1.0, 3.0), (2.0, 2.0), (3.0, 1.0)], (0.0, 0.0)) == 6.0
    assert hypervolume([(1.0, 3.0), (-1.0, 9.0), (3.0, 0.0)], (0.0, 0.0)) == 3.0
    assert hypervolume([], (0.0, 0.0)) == 0.0


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_a_hypervolume_is_the_number_of_dominated_cells(size: int) -> None:
    """Of whole points over the origin, each unit cell counts that lies below one of them."""
    draw = random.Random(size)
    for _ in range(5):
        points = [tuple(float(draw.randrange(7)) for _ in range(size)) for _ in range(12)]
        cells = sum(
            any(all(corner < value for corner, value in zip(cell, point, strict=True)) for point in points)
            for cell in product(range(6), repeat=size)
        )
        assert hypervolume(points, (0.0,) * size) == cells


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_a_share_is_that_of_the_dominated_cells_of_a_box_wherever_it_lies(size: int) -> None:
    """Boxes of 6 cells along each side, of any origin and extent, whose points lie on corners of cells, or outside."""
    draw = random.Random(size)
    for _ in range(20):
        origin = [draw.uniform(-1e3, 1e3) for _ in range(size)]
        sides = [10 ** draw.uniform(-6, 6) for _ in range(size)]
        corners = [tuple(draw.randrange(-2, 9) for _ in range(size)) for _ in range(12)]

        def place(
            corner: tuple[int, ...], origin: list[float] = origin, sides: list[float] = sides
        ) -> tuple[float, ...]:
            return tuple(low + side * step / 6 for low, side, step in zip(origin, sides, corner, strict=True))

        cells = sum(
            any(all(step < value for step, value in zip(cell, corner, strict=True)) for corner in corners)
            for cell in product(range(6), repeat=size)
        )
        found = share([place(corner) for corner in corners], place((0,) * size), place((6,) * size))
        assert found == pytest.approx(cells / 6**size, abs=1e-6)


def test_a_side_without_extent_is_reached_by_all() -> None:
    assert share([(5.0, 0.5)], (5.0, 0.0), (5.0, 1.0)) == 0.5
    assert share([], (5.0, 0.0), (5.0, 1.0)) == 0.0


def test_the_knee_is_between_the_ends_whatever_the_units() -> None:
    points = [(0.90, -100e6), (0.89, -20e6), (0.60, -1e6)]
    assert knee(points) == 1
    assert knee(points[:1]) == 0
