"""What tests of the library share."""

from collections.abc import Callable, Sequence
from io import BytesIO

import pytest

from media_app.models import Asset
from media_app.services import asset_ingest
from tests.media_app import images
from users.models import Organization


@pytest.fixture
def other(db) -> Organization:
    return Organization.objects.create(id="org_other", name="Other organization")


@pytest.fixture
def add(organization: Organization) -> Callable[..., Asset]:
    """Take an image into the library of ``organization``."""

    def _add(title: str, tags: Sequence[str] = (), alt: str = "", owner: Organization | None = organization) -> Asset:
        return asset_ingest(content=BytesIO(images.image()), title=title, alt=alt, tags=tags, organization=owner)[0]

    return _add
