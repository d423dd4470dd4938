"""What the API's tests share."""

import pytest

from users.models import Organization


@pytest.fixture
def other_organization(organization: Organization) -> Organization:
    return Organization.objects.create(id="org_other", name="Other organization")
