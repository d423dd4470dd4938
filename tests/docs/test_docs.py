"""What exists is documented, and what is documented exists."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import get_commands
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework import exceptions
from rest_framework.views import APIView

from base.problems import Problem
from components.explanations import EXPLANATIONS
from tests.docs.pages import PAGES, README, ROOT, anchors, between, links, prose, section, table_rows, text_of

SETTINGS = ROOT / "config" / "settings.py"
API = ROOT / "docs" / "api.md"
OPERATE = ROOT / "docs" / "operate.md"
ENGINE = ROOT / "docs" / "engine.md"
ROOMS = ("base", "users", "templates_app", "media_app", "components", "contexts", "config")
METHODS = ("get", "post", "put", "patch", "delete")
# raised by nothing here: what they stand for is a Problem of ours
DRF_UNUSED = (exceptions.APIException, exceptions.ValidationError)


def code(cell: str) -> str:
    """Return the first thing in a cell that is marked as code."""
    found = re.search(r"`([^`]+)`", cell)
    return found[1] if found else cell


# --- settings -------------------------------------------------------------------------------------------------
def settings_read() -> dict[str, ast.expr | None]:
    """Return every variable that the settings read, with its default."""
    calls = [node for node in ast.walk(ast.parse(text_of(SETTINGS))) if isinstance(node, ast.Call)]
    found: dict[str, ast.expr | None] = {}
    for call in calls:
        if (
            isinstance(call.func, ast.Attribute)
            and isinstance(call.func.value, ast.Name)
            and call.func.value.id == "env"
        ):
            name = ast.literal_eval(call.args[0])
            found[name] = next((word.value for word in call.keywords if word.arg == "default"), None)
    return found


def test_every_setting_is_in_the_readme_and_no_other():
    documented = [code(name) for name, *_ in table_rows(section(README, "Settings"))]
    assert sorted(documented) == sorted(settings_read())


def test_defaults_in_the_readme_are_those_of_the_code():
    shown = {code(name): default for name, default, _ in table_rows(section(README, "Settings"))}
    for name, default in settings_read().items():
        value = eval_number(default)
        if isinstance(value, bool):
            assert shown[name] == f"`{int(value)}`", name
        elif value not in ("", [], None):
            assert shown[name] == f"`{value}`", name


def eval_number(node: ast.expr | None) -> object:
    """Return a plain default, products of numbers too; None where it follows from other settings."""
    try:
        return eval(compile(ast.Expression(node), "settings", "eval"), {"__builtins__": {}}) if node else None
    except NameError:
        return None


# --- the API --------------------------------------------------------------------------------------------------
def patterns(entries: list[URLPattern | URLResolver], before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in entries:
        route = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry.url_patterns, route)
        else:
            yield "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route), entry


def api_routes() -> set[tuple[str, str, str]]:
    """Return (method, route, scope) of everything below /api."""
    found = set()
    for route, entry in patterns(get_resolver().url_patterns):
        view: type[APIView] | None = getattr(entry.callback, "view_class", None)
        if not route.startswith("/api/") or view is None:
            continue
        for method in METHODS:
            if hasattr(view, method):
                found.add((method.upper(), route, scope_of(view, method)))
    return found


def scope_of(view: type[APIView], method: str) -> str:
    if view.__module__.startswith("drf_spectacular"):
        return "nobody asks"
    scope = getattr(view, "read_scope" if method == "get" else "write_scope", None)
    return scope.value if scope else "any key"


def test_every_route_is_documented_with_its_scope_and_no_other():
    rows = table_rows(section(API, "Routes and scopes"))
    assert {(code(method), code(route), code(scope)) for method, route, scope, _ in rows} == api_routes()


def test_routes_outside_of_the_api_are_named():
    outside = {
        route for route, _ in patterns(get_resolver().url_patterns) if not route.startswith(("/api/", "/admin/"))
    }
    for route in outside - {"/"}:
        assert f"`{route.partition('{')[0]}`" in text_of(API), route


def our_problems(cls: type[Problem] = Problem) -> Iterator[type[Problem]]:
    for child in cls.__subclasses__():
        yield child
        yield from our_problems(child)


def problem_types() -> set[str]:
    """Return the type of every problem that the code can answer."""
    ours = {cls.type for cls in our_problems()}
    drf = {cls.default_code for cls in vars(exceptions).values() if is_drf_error(cls) and cls not in DRF_UNUSED}
    source = "\n".join(text_of(path) for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")))
    plain = {
        name.lower() for name in re.findall(r"(?:plain_problem|problem_body|_refuse)\(\s*HTTPStatus\.(\w+)", source)
    }
    direct = set(re.findall(r"problem_document\([^)]*type=\"([\w-]+)\"", source))
    return {name.replace("_", "-") for name in ours | drf | plain | direct}


def is_drf_error(cls: object) -> bool:
    return isinstance(cls, type) and issubclass(cls, exceptions.APIException)


def test_every_type_of_problem_is_documented_and_no_other():
    rows = table_rows(section(API, "Errors"))
    assert {code(cell).removeprefix("/problems/") for cell, *_ in rows} == problem_types()


def test_statuses_of_our_problems_are_those_of_the_code():
    shown = {code(cell).removeprefix("/problems/"): status for cell, status, _ in table_rows(section(API, "Errors"))}
    for cls in our_problems():
        assert shown[cls.type] == str(cls.status)


# --- operation ------------------------------------------------------------------------------------------------
def test_every_management_command_is_documented():
    ours = {
        name
        for name, app in get_commands().items()
        if str(app) in {config.name for config in apps.get_app_configs()} and str(app) in ROOMS
    }
    documented = {code(cell).split()[1] for cell, *_ in table_rows(section(OPERATE, "Commands"))}
    assert documented == ours


def test_every_reason_of_a_failure_is_documented_and_no_other():
    documented = {code(cell) for cell, *_ in table_rows(section(OPERATE, "Why contexts fail"))}
    assert documented == set(EXPLANATIONS)


def test_every_promise_of_the_engine_names_tests_that_exist():
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", text_of(ENGINE))
    assert len(named) > 20
    for path, test in named:
        assert re.search(rf"^\s*(?:async )?def {test}\(", text_of(ROOT / path), re.MULTILINE), f"{path}::{test}"


# --- pages ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path):
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_that_a_page_names_exists(page: Path):
    for path in re.findall(rf"`((?:{'|'.join(ROOMS)}|script|tests|docs)/[\w./]*)`", prose(page)):
        assert (ROOT / path).exists(), path


def test_every_room_is_in_the_readme():
    rooms = {code(cell).strip("/") for cell, _ in table_rows(section(README, "Where things are"))}
    assert {*ROOMS, "script", "tests", "benchmarks", "docs"} == rooms


def test_readme_has_a_walk():
    assert "curl" in between(text_of(README), "walk")


def test_every_event_that_wants_attention_is_logged():
    tables = table_rows(section(OPERATE, "Data and logs"))
    events = [
        code(cell) for cell, *_ in tables if re.fullmatch(r"`[a-z]+_[a-z_]+`", cell) and code(cell) != "secret_key"
    ]
    source = "\n".join(text_of(path) for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")))
    assert len(events) >= 9
    for event in events:
        assert re.search(rf"logger\.\w+\(\s*\"{event}\b", source), event
