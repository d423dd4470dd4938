"""What the tests of webhooks share: endpoints, a receiver that really listens, ends as the engine makes them."""

from collections.abc import Iterator

import pytest

from contexts.webhooks.endpoints import EndpointWish, endpoint_create
from contexts.webhooks.events import SUBSCRIBABLE
from contexts.webhooks.listeners import listeners
from contexts.webhooks.models import WebhookEndpoint
from tests.contexts.webhooks.receiver import Receiver
from users.models import Organization


@pytest.fixture(autouse=True)
def _nobody_listens_afterwards() -> Iterator[None]:
    listeners.__init__()  # type: ignore[misc]
    yield
    listeners.__init__()  # type: ignore[misc]


@pytest.fixture(autouse=True)
def _receivers_are_on_this_machine(settings) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE = True


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def other_organization(organization: Organization) -> Organization:
    return Organization.objects.create(id="org_other", name="Other organization")


@pytest.fixture
def endpoint(organization: Organization, receiver: Receiver) -> WebhookEndpoint:
    """An endpoint that wants to hear of everything."""
    return make_endpoint(organization, receiver.url)


def make_endpoint(organization: Organization, url: str, *events: str) -> WebhookEndpoint:
    wish = EndpointWish(url, list(events or SUBSCRIBABLE))
    return endpoint_create(wish, organization_id=organization.pk)[0]
