"""What every test may ask for: an organization, its key, a client that carries the key."""

from pathlib import Path

import pytest
from rest_framework.test import APIClient

from users.access import Scope
from users.models import Organization, User
from users.services import apikey_create

SEED = Path(__file__).parent / "seed"


@pytest.fixture
def organization(db) -> Organization:
    return Organization.objects.create(id="org_test", name="Test organization")


@pytest.fixture
def api(organization: Organization) -> APIClient:
    """A client with a key that may do everything in ``organization``."""
    _, secret = apikey_create(name="tests", organization=organization, scopes=[scope.value for scope in Scope])
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


@pytest.fixture
def administrator(db) -> User:
    return User.objects.create_superuser("admin", "correct horse battery")
