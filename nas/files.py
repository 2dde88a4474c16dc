"""Files that are whole or not there, and outlive a power cut where they have to. Free of torch."""

from __future__ import annotations

import errno
import os
from pathlib import Path

_HAS_NO_SYNC = (errno.EINVAL, errno.ENOTSUP)  # of a folder, as some network file systems say it


def replace_file(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Puts this content in the place of what stands there; whoever reads sees the one or the other, whole.

    `durable` forces it onto the disk. Raises: OSError; nothing is then left behind.
    """
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with unfinished.open("wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(unfinished, path)
        if durable:
            sync_folder(path.parent)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Forces onto the disk which files a folder has: until then a power cut takes even one that is written through.

    Raises: OSError.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _HAS_NO_SYNC:
            raise
    finally:
        os.close(descriptor)
