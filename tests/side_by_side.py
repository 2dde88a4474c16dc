"""How `pytest -n` shares the tests out: which run in one process, in their order, and which come first.

Not by the marker of pytest-xdist, xdist_group: with pytest 9.2 it has no effect.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from xdist.scheduler import LoadScopeScheduling

# They start clusters, which have processes of their own; one cluster at a time.
WITH_RAY = {"test_executors.py", "test_faults.py", "test_ray_executor.py"}


class SideBySide(LoadScopeScheduling):  # type: ignore[misc]
    """The tests with Ray together; of the others those of one function, which often share what they prepare."""

    def _split_scope(self, nodeid: str) -> str:
        function = nodeid.partition("[")[0]
        return "ray" if PurePosixPath(function.partition("::")[0]).name in WITH_RAY else function
