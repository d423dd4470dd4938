"""Editors set components up and chain them to pipelines."""

from playwright.sync_api import Browser, Locator, Page, expect

from components.models import Component, Pipeline
from tests.browser.conftest import LogIn
from tests.fakes.openai_server import FakeOpenAi, failing
from users.access import Role


def step(page: Page, number: int) -> Locator:
    return page.get_by_role("group", name=f"Step {number}", exact=True)


def add_step(page: Page, number: int, component: str) -> None:
    page.get_by_role("button", name="Add step").click()
    step(page, number).get_by_label("Component").select_option(component)


def test_an_editor_corrects_a_number_in_the_form_of_a_component(log_in: LogIn, model_server: FakeOpenAi) -> None:
    page = log_in(Role.EDITOR)
    page.get_by_role("link", name="Component settings").click()
    page.get_by_role("link", name="Writer: precise").click()
    temperature = page.get_by_label("Temperature")
    expect(temperature).to_have_value("0.2")

    # the browser itself knows the bounds; what gets past it is refused beside the field
    temperature.fill("3")
    page.get_by_role("button", name="Save", exact=True).click()
    assert temperature.evaluate("field => field.validity.rangeOverflow")
    page.locator("form#component_form").evaluate("form => { form.noValidate = true }")
    page.get_by_role("button", name="Save", exact=True).click()
    field = page.locator(".field-setting_temperature")
    expect(field).to_contain_text("less than or equal to 2")
    assert Component.objects.get(pk="comp_ai_generator_precise").config["temperature"] == 0.2

    temperature.fill("1.5")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert Component.objects.get(pk="comp_ai_generator_precise").config["temperature"] == 1.5

    # does it work? and what is said where it does not
    page.locator("#result_list").get_by_role("link", name="Writer: precise").click()
    page.get_by_role("link", name="Test").click()
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.get_by_role("heading", name="It works.")).to_be_visible()
    assert model_server.bodies[-1]["temperature"] == 1.5
    model_server.next(failing(401, "Incorrect API key."))
    page.get_by_role("button", name="Test again").click()
    expect(page.get_by_role("alert")).to_contain_text("It does not work: Key refused")


def test_an_editor_builds_a_pipeline_row_by_row(log_in: LogIn, model_server: FakeOpenAi) -> None:
    page = log_in(Role.EDITOR)
    page.goto("/admin/components/pipeline/add/")
    page.get_by_role("textbox", name="Id").fill("pipe_from_browser")
    page.get_by_label("Name").fill("From the browser")
    page.get_by_label("Context type").fill("article")
    step(page, 1).get_by_label("Component").select_option("template")
    add_step(page, 2, "transformer")
    add_step(page, 3, "ai_generator")
    step(page, 3).locator("[data-grip]").drag_to(step(page, 2).locator("[data-title]"))
    step(page, 2).get_by_text("Own settings, condition, errors").click()
    step(page, 2).get_by_label("Own settings").fill("temperature: hot")

    # the picture follows what is typed
    picture = page.get_by_role("list", name="The way of a context")
    expect(picture.get_by_role("listitem")).to_have_text(["template", "ai_generatorown temperature", "transformer"])
    step(page, 3).get_by_text("Runs beside the step above").click()
    expect(picture.get_by_role("listitem").last).to_contain_text("at the same timeai_generator")
    step(page, 3).get_by_text("Runs beside the step above").click()
    expect(picture.get_by_role("listitem")).to_have_count(3)

    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Nothing was saved: the steps need a correction.")).to_be_visible()
    expect(step(page, 2)).to_contain_text("temperature: ")
    expect(step(page, 2).get_by_label("Own settings")).to_be_visible()
    assert not Pipeline.objects.filter(pk="pipe_from_browser").exists()

    step(page, 2).get_by_label("Own settings").fill("temperature: 0.1")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()
    assert Pipeline.objects.get(pk="pipe_from_browser").steps == [
        "template",
        {"component": "ai_generator", "config": {"temperature": 0.1}},
        "transformer",
    ]


def test_settings_are_saved_without_scripts_too(log_in: LogIn, chromium: Browser, model_server: FakeOpenAi) -> None:
    signed_in = log_in(Role.EDITOR)
    base = signed_in.url.partition("/admin/")[0]
    plain = chromium.new_context(
        base_url=base, java_script_enabled=False, storage_state=signed_in.context.storage_state()
    )
    page = plain.new_page()
    page.goto("/admin/components/component/comp_ai_generator_precise/change/")
    page.get_by_label("Temperature").fill("1")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    plain.close()
    assert Component.objects.get(pk="comp_ai_generator_precise").config["temperature"] == 1
