"""What all tests share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.side_by_side import SideBySide

# Threads for numbers cost more than they bring: the networks are small, and tests run beside each other. Set before
# numpy and torch are imported, and handed down to all processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# No deadline: a slow machine is no fault. In CI every run draws the same examples, so that a red run can be repeated.
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "desk")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Side by side the slow tests come first, so that no process is left with one of them at the end."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SideBySide:
    from tests.side_by_side import SideBySide

    config.option.loadscopereorder = False  # it would put the functions with the most tests first
    return SideBySide(config, log)
