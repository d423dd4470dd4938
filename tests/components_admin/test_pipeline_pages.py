"""Pipelines in the admin: steps as rows, faults beside them, the stored form kept."""

from typing import Any

import pytest

from components.diagram import diagram_of
from components.models import Component, Pipeline
from users.access import Role
from users.models import Organization

pytestmark = pytest.mark.django_db
LIST = "/admin/components/pipeline/"
STEPS = ["template", "ai_generator", "transformer"]


@pytest.fixture(autouse=True)
def configured(db) -> None:
    Component.objects.create(id="comp_pictures", name="Pictures", type="media", config={"limit": 2})
    Component.objects.create(id="comp_off", name="Off", type="media", is_active=False)


def rows(*steps, **extra) -> dict[str, str]:
    """What the browser sends for these steps; a step is a component or its fields."""
    data = {"steps-TOTAL_FORMS": str(len(steps)), "steps-INITIAL_FORMS": "0", "steps-MAX_NUM_FORMS": "50"}
    for index, step in enumerate(steps):
        fields = {"component": step} if isinstance(step, str) else step
        data |= {f"steps-{index}-ORDER": str(index + 1)}
        data |= {f"steps-{index}-{name}": value for name, value in fields.items()}
    return {"name": "A pipeline", "is_active": "on", **data, **extra}


def add(client, *steps, **extra):
    return client.post(f"{LIST}add/", rows(*steps, **extra))


def as_sent(page) -> dict[str, str]:
    """What the browser would send if nobody touched the page."""
    form = page.context["adminform"].form
    data = {name: form[name].value() for name in form.fields}
    steps = page.context["steps"]
    data |= {f"steps-{name}": steps.management_form[name].value() for name in steps.management_form.fields}
    for place, row in enumerate(steps.forms, start=1):
        data |= {f"{row.prefix}-{name}": row[name].value() for name in row.fields}
        data[f"{row.prefix}-ORDER"] = str(place)
    return {name: "on" if value is True else str(value) for name, value in data.items() if value not in (None, False)}


def step_errors(response) -> list[dict[str, list[str]]]:
    assert response.status_code == 200
    return [
        {name: list(faults) for name, faults in row.errors.items()} for row in response.context["steps"].rows_to_show()
    ]


def test_names_are_stored_as_strings_with_a_chosen_id(editor):
    assert add(editor, *STEPS, "", chosen_id="pipe_mine", context_type="article").status_code == 302
    row = Pipeline.objects.get()
    assert (row.pk, row.steps, row.context_type) == ("pipe_mine", STEPS, "article")


def test_an_id_is_made_where_none_is_chosen(editor):
    assert add(editor, *STEPS).status_code == 302
    assert Pipeline.objects.get().pk.startswith("pipe_")


def test_rows_beside_each_other_own_settings_conditions_and_errors_are_stored(editor):
    response = add(
        editor,
        "template",
        {"component": "ai_generator", "overrides": "temperature: 0.2\r\nguidance: 42\r\nmodel: gpt-4o: new"},
        {"component": "comp_pictures", "beside": "on", "on_error": "skip", "overrides": "tags: sea, sky"},
        {"component": "transformer", "when": "data.tone == 'dry'", "overrides": "toc: yes"},
    )
    assert response.status_code == 302
    assert Pipeline.objects.get().steps == [
        "template",
        [
            {"component": "ai_generator", "config": {"temperature": 0.2, "guidance": "42", "model": "gpt-4o: new"}},
            {"component": "comp_pictures", "config": {"tags": ["sea", "sky"]}, "on_error": "skip"},
        ],
        {"component": "transformer", "config": {"toc": True}, "when": "data.tone == 'dry'"},
    ]


def test_rows_are_stored_in_the_order_that_was_asked_for_and_without_the_removed(editor):
    data = rows("transformer", "media", "ai_generator", "template")
    data |= {"steps-0-ORDER": "9", "steps-1-DELETE": "on", "steps-2-ORDER": "2", "steps-3-ORDER": "1"}
    assert editor.post(f"{LIST}add/", data).status_code == 302
    assert Pipeline.objects.get().steps == STEPS


@pytest.mark.parametrize(
    "steps",
    [
        STEPS,
        ["template", ["ai_generator", "comp_pictures"], "transformer"],
        [["template"], {"component": "ai_generator"}, ["media", "transformer"]],
        [{"on_error": "fail", "config": {}, "component": "template", "when": None}],
        [{"component": "template", "when": "  type == 'a' ", "config": {"template_id": "42"}}],
        [
            {
                "component": "ai_generator",
                "config": {"guidance": 'Two\nlines: "quoted" \\ ', "model": "null", "provider": None, "max_tokens": 7},
            }
        ],
        [{"component": "ai_generator", "config": {"model": " true ", "guidance": "", "temperature": 1.0}}],
        [{"component": "http", "config": {"send": ["a, b", "c"]}}],
        ["template", "template", ["media", {"component": "template"}]],
    ],
)
def test_a_round_trip_keeps_the_stored_form(editor, steps):
    if "http" in str(steps):
        Component.objects.create(id="comp_http", name="H", type="http", config={"url": "https://example.org"})
        steps = [{**steps[0], "component": "comp_http"}]
    row = Pipeline.objects.create(id="pipe_a", name="A", steps=steps)
    response = editor.post(f"{LIST}pipe_a/change/", as_sent(editor.get(f"{LIST}pipe_a/change/")))
    assert response.status_code == 302, step_errors(response)
    row.refresh_from_db()
    assert repr(row.steps) == repr(steps)


def test_what_was_not_touched_keeps_its_form_while_others_change(editor):
    pictures = {"component": "media", "on_error": "skip"}
    steps: list[Any] = [{"component": "template"}, ["ai_generator", pictures], ["transformer"]]
    Pipeline.objects.create(id="pipe_a", name="A", steps=steps)
    data = as_sent(editor.get(f"{LIST}pipe_a/change/")) | {"steps-1-overrides": "temperature: 1"}
    assert editor.post(f"{LIST}pipe_a/change/", data).status_code == 302
    first, (second, third), last = Pipeline.objects.get().steps
    assert second == {"component": "ai_generator", "config": {"temperature": 1}}
    assert [first, third, last] == [steps[0], steps[1][1], steps[2]]


@pytest.mark.parametrize(
    ("step", "field", "words"),
    [
        ({"component": "nobody"}, "component", "no component 'nobody'"),
        ({"component": "comp_off"}, "component", "no component 'comp_off'"),
        ({"component": "", "when": "type"}, "component", "Choose a component"),
        ({"component": "http"}, "component", "cannot be used by itself"),
        (
            {"component": "ai_generator", "overrides": "temperature: 3"},
            "overrides",
            "temperature: This must be at most 2.",
        ),
        ({"component": "ai_generator", "overrides": "colour: red"}, "overrides", "colour: There is no such key"),
        ({"component": "ai_generator", "overrides": "hot"}, "overrides", "Line 1: write it as"),
        ({"component": "http", "overrides": "url: https://example.org"}, "overrides", "Only staff may set 'url'"),
        ({"component": "media", "overrides": "limit: 1\nlimit: 2"}, "overrides", "Line 2: limit stands there twice"),
        ({"component": "transformer", "overrides": f"max_length: {2**70}"}, "overrides", "64 bits"),
        ({"component": "transformer", "overrides": "max_length: NaN"}, "overrides", "NaN"),
        ({"component": "media", "when": "data.["}, "when", "not a JMESPath expression"),
        ({"component": "media", "on_error": "perhaps"}, "on_error", "valid choice"),
        ({"component": "ai_generator", "beside": "on"}, "component", "both write"),
    ],
)
def test_what_is_wrong_stands_beside_its_row(editor, step, field, words):
    response = add(editor, "ai_generator", step)
    first, second = step_errors(response)
    assert not first
    assert words in " ".join(second[field])
    assert not Pipeline.objects.exists()


def test_a_first_step_runs_beside_nothing_and_a_pipeline_needs_a_step(editor):
    assert "none above" in str(step_errors(add(editor, {"component": "template", "beside": "on"}))[0]["beside"])
    response = add(editor)
    assert "The pipeline is empty" in str(response.context["adminform"].form.errors)


def test_a_new_default_takes_the_place_of_the_former_one_of_its_type_and_organization(editor, organization):
    def default(pk, **fields):
        Pipeline.objects.create(id=pk, name=pk, steps=STEPS, is_default=True, **fields)

    default("pipe_former", context_type="article")
    default("pipe_other_type", context_type="news")
    default("pipe_own", context_type="article", organization=organization)
    assert add(editor, *STEPS, chosen_id="pipe_new", context_type="article", is_default="on").status_code == 302
    defaults = Pipeline.objects.filter(is_default=True).values_list("pk", flat=True)
    assert set(defaults) == {"pipe_new", "pipe_other_type", "pipe_own"}


def test_what_is_switched_off_cannot_be_the_default(editor):
    response = add(editor, *STEPS, is_default="on", is_active="")
    assert response.context["adminform"].form.errors["is_default"]
    assert not Pipeline.objects.exists()


@pytest.mark.parametrize("chosen", ["mine", "pipe_", "pipe_Mine", "pipe_taken"])
def test_an_id_that_does_not_serve_is_refused(editor, chosen):
    Pipeline.objects.create(id="pipe_taken", name="Taken", steps=STEPS)
    assert add(editor, *STEPS, chosen_id=chosen).context["adminform"].form.errors["chosen_id"]
    assert Pipeline.objects.get().name == "Taken"


def test_a_save_from_an_old_page_is_refused(editor):
    Pipeline.objects.create(id="pipe_a", name="A", steps=STEPS)
    data = as_sent(editor.get(f"{LIST}pipe_a/change/"))
    assert editor.post(f"{LIST}pipe_a/change/", data | {"name": "B"}).status_code == 302
    assert "Somebody else" in editor.post(f"{LIST}pipe_a/change/", data | {"name": "C"}).content.decode()
    assert Pipeline.objects.get().name == "B"


def test_the_list_reads_like_the_way_of_a_context(editor):
    steps = ["template", ["ai_generator", {"component": "comp_pictures", "on_error": "skip"}], "transformer"]
    Pipeline.objects.create(id="pipe_a", name="A", steps=steps)
    assert "template → (ai_generator + comp_pictures [may fail]) → transformer" in editor.get(LIST).content.decode()


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.AUDITOR])
def test_others_only_look(logged_in, role):
    Pipeline.objects.create(id="pipe_a", name="A", steps=STEPS)
    client = logged_in(role)
    page = client.get(f"{LIST}pipe_a/change/").content.decode()
    assert "template → ai_generator → transformer" in page
    assert "steps-0-component" not in page
    assert client.post(f"{LIST}pipe_a/change/", rows(*STEPS)).status_code == 403
    assert client.get(f"{LIST}add/").status_code == 403
    assert client.post(f"{LIST}pipe_a/delete/", {"post": "yes"}).status_code == 403


def test_staff_of_one_organization_keep_to_its_pipelines(logged_in, organization):
    other = Organization.objects.create(id="org_other", name="Other")
    for pk, owner in (("pipe_own", organization), ("pipe_shared", None), ("pipe_theirs", other)):
        Pipeline.objects.create(id=pk, name=pk, steps=STEPS, organization=owner)
    client = logged_in(Role.EDITOR, organization)
    page = client.get(LIST).content.decode()
    assert "pipe_own" in page
    assert "pipe_shared" in page
    assert "pipe_theirs" not in page
    assert client.get(f"{LIST}pipe_theirs/change/").status_code == 302
    assert client.post(f"{LIST}pipe_shared/change/", rows(*STEPS)).status_code == 403
    client.post(LIST, {"action": "delete_selected", "_selected_action": ["pipe_shared", "pipe_own"], "post": "yes"})
    assert Pipeline.objects.count() == 3
    assert add(client, *STEPS).context["adminform"].form.errors["organization"]
    assert add(client, *STEPS, organization=other.pk).context["adminform"].form.errors["organization"]
    assert add(client, *STEPS, organization=organization.pk, chosen_id="pipe_new").status_code == 302
    assert Pipeline.objects.get(pk="pipe_new").organization == organization


@pytest.mark.parametrize(("is_bound", "status", "steps"), [(False, 302, ["template"]), (True, 403, STEPS)])
def test_being_bound_to_an_organization_binds_administrators_too(
    client, administrator, organization, is_bound, status, steps
):
    administrator.organization = organization if is_bound else None
    administrator.save()
    client.force_login(administrator)
    Pipeline.objects.create(id="pipe_shared", name="Shared", steps=STEPS)
    assert client.post(f"{LIST}pipe_shared/change/", rows("template")).status_code == status
    assert Pipeline.objects.get().steps == steps


def test_the_steps_are_drawn_as_stages_for_those_who_look_too(editor, logged_in):
    steps = [
        "template",
        [
            {"component": "ai_generator", "config": {"temperature": 1}},
            {"component": "comp_pictures", "on_error": "skip"},
        ],
        {"component": "transformer", "when": "data.tone == 'dry'"},
    ]
    Pipeline.objects.create(id="pipe_a", name="A", steps=steps)
    for client in (editor, logged_in(Role.AUDITOR)):
        stages = client.get(f"{LIST}pipe_a/change/").context["stages"]
        assert [[(node.name, node.component, node.notes) for node in stage] for stage in stages] == [
            [("template", "", ())],
            [("ai_generator", "", ("own temperature",)), ("Pictures", "comp_pictures", ("may fail",))],
            [("transformer", "", ("only when data.tone == 'dry'",))],
        ]


@pytest.mark.parametrize("steps", [None, {}, [None], [[]], [{"config": 3}], [7, [["a"]]]])
def test_whatever_is_stored_is_drawn(steps):
    assert len(diagram_of(steps, {})) == len(steps or [])


@pytest.mark.parametrize("step", ["nobody", "comp_off", "http", {"component": "media", "when": "data.["}])
def test_a_pipeline_that_would_not_validate_stays_as_it_was(editor, step):
    Pipeline.objects.create(id="pipe_a", name="A", steps=STEPS)
    changed = as_sent(editor.get(f"{LIST}pipe_a/change/"))
    for name, value in step.items() if isinstance(step, dict) else [("component", step)]:
        changed[f"steps-1-{name}"] = value
    assert editor.post(f"{LIST}pipe_a/change/", changed).status_code == 200
    assert Pipeline.objects.get().steps == STEPS
