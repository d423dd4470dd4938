"""The signing key: given in production, made once in DATA_DIR on a laptop."""

import os
import secrets
from pathlib import Path


def read_or_make(path: Path) -> str:
    """Return the key in ``path``; make one, readable by its owner only, where there is none.

    Safe when several processes start at once: the file is linked into place whole, and the first one wins.
    """
    if not path.exists():
        _make(path)
    return path.read_text(encoding="utf-8").strip()


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secrets.token_urlsafe(50))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
