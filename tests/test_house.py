"""The checkout itself keeps its promises."""

import tomllib
from pathlib import Path

import pytest
from django.core.management import call_command

from base.version import VERSION


@pytest.mark.django_db
def test_models_and_migrations_agree():
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_version_is_told_once():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    assert project["project"]["version"] == VERSION
