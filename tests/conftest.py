"""What all tests share."""

from __future__ import annotations

import os

from hypothesis import settings

# No deadline: a slow machine is no fault. In CI every run draws the same examples, so that a red run can be repeated.
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "desk")
