"""The first administrator: without one nobody could enter the admin."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from users.access import Role
from users.models import User

USERNAME = "admin"
FALLBACK_USERNAME = "administrator"


@dataclass(frozen=True)
class Login:
    """How to enter the admin. ``password`` is None where somebody has chosen another one than we made."""

    username: str
    password: str | None


def password_file() -> Path:
    """Return where the password that we made is kept."""
    return Path(settings.DATA_DIR) / "admin-password"


def administrator_ensure() -> Login:
    """Make an administrator with a random password where there is no administrator at all.

    The password is written first, into a file that only its owner can read: a crash before the account is made
    leaves a file that the next run replaces.
    """
    if not User.objects.filter(role=Role.ADMINISTRATOR).exists():
        password = secrets.token_urlsafe(12)
        write_private(password_file(), password)
        is_taken = User.objects.filter(username=USERNAME).exists()
        User.objects.create_superuser(FALLBACK_USERNAME if is_taken else USERNAME, password)
    return administrator_login()


def administrator_login() -> Login:
    """Return the log-in of an active administrator; the one whose password we know comes first."""
    password = password_file().read_text(encoding="utf-8").strip() if password_file().exists() else None
    people = list(User.objects.filter(role=Role.ADMINISTRATOR, is_active=True).order_by("created_at")[:10])
    for person in people:
        if password and person.username in (USERNAME, FALLBACK_USERNAME) and person.check_password(password):
            return Login(person.username, password)
    return Login(people[0].username if people else USERNAME, None)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")
    draft.replace(path)
