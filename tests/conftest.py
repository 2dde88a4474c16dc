"""What all tests share."""

from __future__ import annotations

import os

from hypothesis import settings

# Threads for numbers cost more than they bring: the networks are small, and tests run beside each other. Set before
# numpy and torch are imported, and handed down to all processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# No deadline: a slow machine is no fault. In CI every run draws the same examples, so that a red run can be repeated.
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "desk")
