"""Editors write templates."""

import json

from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.browser.conftest import LogIn, Submit, Work
from tests.fakes.openai_server import FakeOpenAi
from users.access import Role


def section(page: Page, number: int) -> Locator:
    return page.get_by_role("group", name=f"Section {number}", exact=True)


def grip(row: Locator) -> Locator:
    return row.locator("[data-grip]")


def types_shown(page: Page) -> list[str]:
    fields = page.get_by_role("group", name="Section").get_by_label("Type").all()
    return [field.input_value() for field in fields]


def press(page: Page, key: str, button: Locator) -> None:
    button.focus()
    page.keyboard.press(key)


def test_an_editor_writes_a_template_and_the_next_context_is_prompted_with_it(
    log_in: LogIn, submit: Submit, work: Work, model_server: FakeOpenAi
) -> None:
    page = log_in(Role.EDITOR)
    page.get_by_role("link", name="Templates").first.click()
    page.get_by_role("link", name="Technical article").click()
    expect(page.get_by_role("group", name="Section")).to_have_count(3)

    # add one, fill it, move it up with the keyboard alone, put one away and take it back
    page.get_by_role("button", name="Add section").click()
    added = section(page, 4)
    expect(added.get_by_label("Type")).to_be_focused()
    page.keyboard.type("history")
    added.get_by_label("Instructions").fill("Tell how it came about")
    press(page, "Enter", page.get_by_role("button", name="Move section 4 up"))
    expect(page.get_by_role("status")).to_have_text("The section is now at place 3 of 4.")
    expect(page.get_by_role("button", name="Move section 3 up")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("The section is now at place 2 of 4.")
    assert types_shown(page) == ["introduction", "history", "body", "conclusion"]
    press(page, "Space", page.get_by_role("button", name="Remove section 4"))
    expect(page.get_by_role("group", name="Section")).to_have_count(3)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("group", name="Section")).to_have_count(4)
    press(page, "Enter", page.get_by_role("button", name="Remove section 3"))

    # with a mouse: up over the first one; what Escape ends moves nothing
    grip(section(page, 2)).drag_to(section(page, 1).locator("[data-title]"))
    expect(page.get_by_role("status")).to_have_text("The section is now at place 1 of 3.")
    assert types_shown(page) == ["history", "introduction", "conclusion"]
    grip(section(page, 2)).hover()
    page.mouse.down()
    section(page, 1).locator("[data-title]").hover()
    expect(section(page, 1)).to_have_class("section-row drop-before")
    page.keyboard.press("Escape")
    page.mouse.up()
    expect(section(page, 1)).to_have_class("section-row")
    grip(section(page, 1)).drag_to(section(page, 2).get_by_label("Words, at least"))

    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("The draft is saved.")).to_be_visible()
    expect(page.get_by_role("group", name="Section")).to_have_count(3)
    assert types_shown(page) == ["introduction", "history", "conclusion"]

    # an unknown variable is marked while it is typed; it may stand in a draft, but not be published
    section(page, 2).get_by_label("Instructions").fill(
        "{% for word in keywords %}{{ word | upper }}{% endfor %} Tell how {{ titel }} came about, in the {{ tone }}"
    )
    expect(section(page, 2).locator(".is-unknown")).to_have_text(["titel"])
    expect(section(page, 2).locator(".is-known")).to_have_text(["word", "keywords", "word", "tone"])
    expect(section(page, 2).get_by_label("Instructions")).to_have_accessible_description("Not a variable: titel")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Nothing was published: the sections need a correction.")).to_be_visible()
    expect(section(page, 2)).to_contain_text("titel")
    expect(section(page, 2)).to_contain_text("line 1")
    expect(section(page, 1)).not_to_contain_text("titel")
    section(page, 2).get_by_label("Instructions").fill("Tell how {{ title }} came about")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Version 2 is published: it is live now.")).to_be_visible()

    # what has changed since, side by side
    page.get_by_role("link", name="Compare version 1 with the live version").click()
    expect(page.get_by_role("heading", name="Sections: 1 added, 1 removed.")).to_be_visible()
    expect(page.get_by_role("group", name="history").get_by_role("insertion")).to_contain_text("came about")

    submit("The Stapler")
    work()
    prompt = json.dumps(model_server.bodies[-1]["messages"])
    assert "Tell how The Stapler came about" in prompt
    assert "Cover the main points in detail" not in prompt


def test_an_editor_copies_a_template_and_brings_it_in_from_a_file(log_in: LogIn, model_server: FakeOpenAi) -> None:
    page = log_in(Role.EDITOR)
    page.goto("/admin/templates_app/template/tmpl_article_technical/change/")
    page.get_by_role("button", name="Duplicate").click()
    expect(page.get_by_text("This is the copy, as a draft.")).to_be_visible()
    expect(page.get_by_role("textbox", name="Name")).to_have_value("Technical article (copy)")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    file = download.value.path().read_text().replace("key takeaways", "chief takeaways") + "    # a comment\n"

    page.get_by_role("link", name="Templates", exact=True).first.click()
    page.get_by_role("link", name="Import").click()
    chosen: FilePayload = {"name": "copy.yaml", "mimeType": "application/yaml", "buffer": file.encode()}
    page.get_by_label("File", exact=True).set_input_files(chosen)
    page.get_by_role("button", name="See what it would change").click()
    expect(page.get_by_text("It has a draft that says something else")).to_be_visible()

    # as a template of its own
    anew = "\n".join(
        line.replace("- id:", "- name: From a file #") for line in file.splitlines() if "name:" not in line
    )
    page.get_by_label("File", exact=True).set_input_files({**chosen, "buffer": anew.encode()})
    page.get_by_label("are published").check()
    page.get_by_role("button", name="See what it would change").click()
    entry = page.get_by_role("group", name="From a file")
    expect(entry).to_contain_text("new")
    entry.get_by_text("The text").click()
    expect(entry.get_by_role("insertion").last).to_have_text("Summarize the chief takeaways")
    page.get_by_role("button", name="Import and publish").click()
    expect(page.get_by_text("1 template imported, the texts published.")).to_be_visible()
    expect(page.get_by_role("row", name="From a file")).to_contain_text("v1")
