"""Operators set a failed context going again, by keyboard alone: with a price tag, or with a corrected result."""

from playwright.sync_api import Page, expect

from contexts.models import Context
from contexts.states import Status
from templates_app.models import Template
from templates_app.services import draft_publish, draft_save
from tests.browser.conftest import Failed, LogIn, Work
from tests.fakes.openai_server import FakeOpenAi, answer, failing
from users.access import Role

REFUSED = failing(401, "Incorrect API key provided.")
STRUCTURE = {"sections": [{"type": "introduction", "instructions": "Begin with a question."}]}


def open_page(page: Page, context: Context, link: str) -> None:
    page.goto(f"/admin/contexts/context/{context.pk}/change/")
    page.get_by_role("link", name=link).focus()
    page.keyboard.press("Enter")


def test_a_retry_shows_what_each_way_costs_before_the_click(
    log_in: LogIn, work: Work, failed: Failed, model_server: FakeOpenAi
) -> None:
    paid = failed(answer(), "The Clip")[0]
    (context,) = failed(REFUSED, "The Stapler")
    paid.refresh_from_db()
    tokens = sum(run["input_tokens"] + run["output_tokens"] for run in paid.step_runs if run["input_tokens"])
    page = log_in(Role.OPERATOR)
    open_page(page, context, "Retry…")
    first = page.locator(".dl-choice", has_text="The failed step (ai_generator)")
    expect(first.get_by_role("radio")).to_be_checked()
    expect(first).to_contain_text("Kept: template")
    expect(first).to_contain_text(f"{tokens:,}")
    expect(first).to_contain_text("the median of 1 recent run for article")
    start = page.locator(".dl-choice", has_text="The start")
    expect(start).to_contain_text("Kept: nothing")

    draft_publish(draft_save(Template.objects.get(pk="tmpl_article_technical"), structure=STRUCTURE))
    page.reload()
    expect(page.get_by_label("The newest (tmpl_article_technical v2 is live)")).to_be_checked()
    page.get_by_label("The same as before (tmpl_article_technical v1)").focus()
    page.keyboard.press("Space")
    expect(start).to_contain_text("Kept: template")  # the prices follow without a reload
    start.get_by_role("radio").focus()
    page.keyboard.press("Space")
    page.get_by_label("Why").fill("the key is mended")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The context is set going again")).to_be_visible()
    deeds = page.locator("#deeds")
    expect(deeds).to_contain_text("operator retried from the start, with the same template version")
    expect(deeds).to_contain_text("the key is mended")
    work()
    expect(page.locator(".dl-head")).to_contain_text("completed")
    context.refresh_from_db()
    assert context.data["template"]["version"] == 1


def test_a_result_is_corrected_in_a_form_and_the_rest_runs_on(
    log_in: LogIn, work: Work, failed: Failed, model_server: FakeOpenAi
) -> None:
    (context,) = failed(answer(), "The Stapler")
    context.refresh_from_db()
    # as if the last step had failed: what it wrote is taken back by the retry
    done = ["template", "ai_generator"]
    Context.objects.filter(pk=context.pk).update(
        status=Status.FAILED,
        processing=context.processing | {"completed_components": done},
        data={key: value for key, value in context.data.items() if key != "formatted_content"},
        step_runs=context.step_runs[:2],
    )
    bodies = len(context.data["generated_content"]["body"])
    page = log_in(Role.OPERATOR)
    open_page(page, context, "Correct and continue…")
    page.get_by_label("Introduction").fill("A stapler is a fine thing.")
    body = page.locator("[data-rows='/generated_content/body']")
    expect(body.locator("[data-row]")).to_have_count(bodies)
    body.get_by_role("button", name="Add to body").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("Afterword")  # the new row has the focus
    page.keyboard.press("Tab")
    page.keyboard.type("It staples.")
    last = body.locator("[data-row]").last
    last.get_by_role("button", name="Move up").focus()
    page.keyboard.press("Enter")
    body.locator("[data-row]").first.get_by_role("button", name="Remove").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Why").fill("the client's own words")
    page.get_by_label("Why").press("Enter")

    difference = page.locator("#difference")
    expect(difference.locator("ins").first).to_contain_text("A stapler")
    expect(difference).to_contain_text("Afterword")
    expect(page.get_by_label("Introduction")).to_have_value("A stapler is a fine thing.")
    page.get_by_role("button", name="Correct and continue").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("The result of ai_generator is corrected")).to_be_visible()
    work()
    article = page.get_by_role("article")
    expect(article).to_contain_text("A stapler is a fine thing.")
    expect(article.get_by_role("heading", name="Afterword")).to_be_visible()
    expect(page.locator(".dl-chain")).to_contain_text("corrected")
    expect(page.locator("#deeds")).to_contain_text("the client's own words")
    context.refresh_from_db()
    assert context.status == Status.COMPLETED
    headings = [part["heading"] for part in context.data["generated_content"]["body"]]
    assert len(headings) == bodies
    assert headings[-2] == "Afterword"


def test_what_was_typed_survives_a_context_that_moved_meanwhile(
    log_in: LogIn, work: Work, failed: Failed, model_server: FakeOpenAi
) -> None:
    (context,) = failed(REFUSED, "The Stapler")
    page = log_in(Role.OPERATOR)
    open_page(page, context, "Correct and continue…")
    page.get_by_label("Instructions").first.fill("Begin with a joke.")
    page.get_by_label("Why").fill("readers like it")
    page.get_by_role("button", name="See the difference").click()
    expect(page.locator("#difference")).to_contain_text("Template, sections, 1, instructions")
    Context.objects.filter(pk=context.pk).update(status=Status.CANCELLED, revision=99)
    page.get_by_role("button", name="Correct and continue").click()
    expect(page.get_by_role("alert")).to_contain_text("only a failed context can be retried")
    expect(page.get_by_label("Instructions").first).to_have_value("Begin with a joke.")
    expect(page.get_by_label("Why")).to_have_value("readers like it")
    expect(page.get_by_role("button", name="Correct and continue")).to_have_count(0)
