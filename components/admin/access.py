"""Which rows a member of staff may change, beyond what the role allows."""

from django.http import HttpRequest

from components.models import Pipeline
from users.models import User


def person_of(request: HttpRequest) -> User:
    """Return who is asking; the admin lets only users in."""
    assert isinstance(request.user, User)
    return request.user


def bound_to(request: HttpRequest) -> str | None:
    """Return the organization that the person is bound to; None for staff of Draftline and for administrators."""
    person = person_of(request)
    return None if person.is_superuser else person.organization_id


def is_own(request: HttpRequest, pipeline: Pipeline | None) -> bool:
    """Tell whether the person may change a pipeline: shared ones are for those who are bound to no organization."""
    own = bound_to(request)
    return own is None or pipeline is None or pipeline.organization_id == own
