"""How a health check sees that a cluster turns: its parent touches a file at every look. Knows no Django: quick."""

import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path

# A look that waits for a database without an answer takes this long, and is no fault of the cluster's.
SILENT_SECONDS = 90.0


def alive_file(cluster: str) -> Path:
    """Return the file of a cluster: one for each user of this machine, or of this container."""
    return Path(tempfile.gettempdir()) / f"draftline-{os.getuid()}-{cluster}.alive"


def note_alive(cluster: str) -> None:
    """Say that the cluster turns; where nothing can be written there, only the health check misses it."""
    with suppress(OSError):
        alive_file(cluster).touch()


def is_alive(cluster: str) -> bool:
    """Tell whether the cluster's parent has looked lately."""
    try:
        return time.time() - alive_file(cluster).stat().st_mtime < SILENT_SECONDS
    except OSError:
        return False
