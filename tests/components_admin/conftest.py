"""People at the admin, and what they look at."""

from collections.abc import Callable

import pytest
from django.test import Client

from users.access import Role
from users.models import Organization, User


@pytest.fixture
def logged_in(db) -> Callable[..., Client]:
    def log_in(role: Role, organization: Organization | None = None) -> Client:
        client = Client()
        client.force_login(User.objects.create_user(f"{role}", "x", role=role, organization=organization))
        return client

    return log_in


@pytest.fixture
def editor(logged_in: Callable[..., Client]) -> Client:
    return logged_in(Role.EDITOR)
