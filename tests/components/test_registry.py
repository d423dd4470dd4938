"""Components that come from outside of this project."""

import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from components.pipeline import Step
from components.registry import component_types
from components.services import component_build, pipeline_plan
from tests.components.conftest import NO_TOOLS, view

SHOUT = '''
from components.contract import Component, ComponentConfig


class ShoutConfig(ComponentConfig):
    mark: str = "!"


class Shout(Component[ShoutConfig]):
    name = "shout"
    description = "Writes the title in capitals."
    Config = ShoutConfig
    reads = frozenset({"title"})
    writes = frozenset({"shouted"})

    async def process(self, context, tools):
        return {"shouted": context.data["title"].upper() + self.config.mark}


class Twin(Shout):
    """Carries the name of another."""


class Nameless(Component[ShoutConfig]):
    async def process(self, context, tools):
        return {}
'''


@pytest.fixture(autouse=True)
def _types_are_read_anew():
    component_types.cache_clear()
    yield
    component_types.cache_clear()
    sys.modules.pop("shouting_package", None)


@pytest.fixture
def package(tmp_path: Path, monkeypatch) -> Path:
    """An installed package: a module, and the metadata that pip writes."""
    (tmp_path / "shouting_package.py").write_text(SHOUT)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def announce(package: Path, *lines: str) -> None:
    metadata = package / "shouting_package-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting-package\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("\n".join(["[draftline.components]", *lines]))


async def test_component_of_an_installed_package_runs(package):
    announce(package, "shout = shouting_package:Shout")
    pipeline_plan(["template", {"component": "shout", "config": {"mark": "?"}}], from_client=True)
    component = component_build(Step("shout", "shout", overrides={"mark": "?"}))
    assert await component.process(view({"title": "hello"}), NO_TOOLS) == {"shouted": "HELLO?"}


def test_component_that_a_setting_names_is_known(package, settings):
    settings.COMPONENTS = ["shouting_package.Shout"]
    assert component_types()["shout"].description == "Writes the title in capitals."


def test_component_that_is_named_twice_the_same_way_is_one(package, settings):
    announce(package, "shout = shouting_package:Shout")
    settings.COMPONENTS = ["shouting_package.Shout"]
    assert "shout" in component_types()


@pytest.mark.parametrize(
    ("path", "words"), [("Twin", "Two components"), ("Nameless", "needs a name"), ("ShoutConfig", "no subclass")]
)
def test_class_that_is_no_component_of_its_own_is_refused(package, settings, path, words):
    settings.COMPONENTS = ["shouting_package.Shout", f"shouting_package.{path}"]
    with pytest.raises(ImproperlyConfigured, match=words):
        component_types()


def test_built_in_components_are_there():
    assert set(component_types()) == {"template", "ai_generator", "transformer", "media", "http"}
    assert all(cls.description for cls in component_types().values())
