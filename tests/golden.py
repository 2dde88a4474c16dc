"""Golden texts: what people read, kept in files. `UPDATE_GOLDEN=1 pytest` writes them anew; review the diff."""

from __future__ import annotations

import os
from pathlib import Path

UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"


def assert_golden(path: Path, text: str) -> None:
    """The text is that of the file, or becomes it."""
    if UPDATE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    assert path.is_file(), f"{path.name} is missing: UPDATE_GOLDEN=1 pytest writes it"
    assert text == path.read_text("utf-8")
