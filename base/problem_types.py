"""Which types of problems there are: each has a page in docs/problems, and a test holds the pages against the code."""

from functools import cache

from django.conf import settings

FOLDER = settings.BASE_DIR / "docs" / "problems"


@cache
def problem_slugs() -> tuple[str, ...]:
    """Return the names of the pages, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.md")))


def problem_types() -> list[str]:
    """Return what may stand as ``type`` in a problem."""
    return [f"/problems/{slug}" for slug in problem_slugs()]


def problem_names() -> list[str]:
    """Return what generated clients call the types, in their order."""
    return [slug.replace("-", "_").upper() for slug in problem_slugs()]
