"""The page about one context: what happened, why, and the buttons that move it."""

import re
from pathlib import Path

import pytest
from django.test import Client

from components.explanations import EXPLANATIONS
from contexts.engine.run import run_drain
from contexts.models import Context
from contexts.services import context_cancel
from contexts.states import Status
from tests.fakes.openai_server import answer, content, empty, refusal
from users.access import Role
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/admin/contexts/context/"
EVIL = "<script>alert(1)</script>"


def page_of(browser: Client, context: Context) -> str:
    response = browser.get(f"{LIST}{context.pk}/change/")
    assert response.status_code == 200
    text: str = response.content.decode()
    return text


def chain_states(browser: Client, context: Context) -> list[str]:
    page = browser.get(f"{LIST}{context.pk}/change/").context["page"]
    return [link.state for stage in page.chain for link in stage]


def test_a_finished_context_shows_its_steps_and_its_article(admin_browser, worked):
    context = worked(answer(model="gpt-4"))
    assert context.status == Status.COMPLETED
    page = page_of(admin_browser, context)
    assert "<h1>Example Article</h1>" in page or re.search(r"<h1[^>]*>Example Article</h1>", page)
    assert "Key Principles" in page
    for step in ("template", "ai_generator", "transformer"):
        assert f"<strong>{step}</strong>" in page
    assert "tmpl_article_technical v1" in page
    assert "gpt-4" in page
    assert "What it changed in the data" in page
    assert "Generated content, introduction" in page
    assert "Settings it ran with" in page
    assert "Prompt" in page
    assert 'role="alert"' not in page
    assert "/retry/" not in page
    assert "/correct/" not in page


def test_a_page_shows_what_was_asked_beside_the_article_and_where_the_time_went(admin_browser, worked):
    page = page_of(admin_browser, worked(answer()))
    asked = page[page.index("What was asked for") : page.index("<h2>Article</h2>")]
    assert "Example Article" in asked
    assert "Keywords, 2" in asked
    assert "Generated content" not in asked
    for number in (1, 2, 3):
        assert f'href="#run-{number}"' in page
        assert f'id="run-{number}"' in page


def test_a_value_of_megabytes_is_cut_and_the_page_says_so(admin_browser, worked):
    context = worked(answer(), notes=["word " * 150_000, "x" * 100_000], many=[{"a": n} for n in range(500)])
    page = page_of(admin_browser, context)
    assert "more characters; the API has them" in page
    assert "The first 60 places are shown" in page
    assert len(page) < 1_500_000


def test_a_failed_context_says_why_and_what_to_do(admin_browser, worked):
    page = page_of(admin_browser, worked(refusal("I will not.")))
    assert 'role="alert"' in page
    assert "Failed at ai_generator: Model refused" in page
    assert "I will not." in page
    assert "What to do:" in page
    assert "model_refusal, attempt 1" in page


def test_a_context_that_waits_for_its_next_try_says_so(admin_browser, worked):
    context = worked(empty())
    assert context.status == Status.RETRYING
    page = page_of(admin_browser, context)
    assert "Waits for retry 1 of 3 at 20" in page
    assert "Last error at ai_generator: Empty answer" in page
    assert "It is tried again by itself" in page
    assert "The article is not written yet." in page
    assert f'data-mark="{context.revision} retry 1 of 3 at 20' in page


def test_a_page_can_ask_whether_it_is_out_of_date(admin_browser, submit):
    context = submit()

    def marks() -> tuple[str, str]:
        told = admin_browser.get(f"{LIST}{context.pk}/revision/").json()["mark"]
        return told, re.findall('data-mark="([^"]*)"', page_of(admin_browser, context))[0]

    told, shown = marks()
    assert told == shown
    Context.objects.filter(pk=context.pk).update(revision=99)
    assert marks()[0] != told
    Context.objects.filter(pk=context.pk).update(waiting_for="something else")  # not a new revision
    assert marks()[0] == marks()[1] == "99 something else"


def test_a_failed_context_is_retried_and_completes(operator, worked, model_server):
    context = worked(refusal())
    assert "/retry/" in page_of(operator, context)
    model_server.default = answer()
    response = operator.post(f"{LIST}{context.pk}/retry/", {"from": "failed"}, follow=True)
    assert "set going again" in response.content.decode()
    run_drain(until_idle=True)
    context.refresh_from_db()
    assert context.status == Status.COMPLETED
    runs = [(run["key"], run["attempt"], run["outcome"]) for run in context.step_runs]
    assert runs == [
        ("template", 1, "completed"),
        ("ai_generator", 1, "failed"),
        ("ai_generator", 2, "completed"),
        ("transformer", 2, "completed"),
    ]
    history = operator.get(f"{LIST}{context.pk}/history/")
    assert "Retried from failed." in history.content.decode()
    assert "1 entry" in history.content.decode()


def test_a_retry_can_begin_at_an_earlier_step(operator, worked, model_server):
    context = worked(refusal())
    page = operator.get(f"{LIST}{context.pk}/retry/").content.decode()
    assert 'name="from" value="start"' in page
    assert 'name="from" value="template"' in page
    model_server.default = answer()
    operator.post(f"{LIST}{context.pk}/retry/", {"from": "template"})
    run_drain(until_idle=True)
    context.refresh_from_db()
    assert [run["key"] for run in context.step_runs].count("template") == 2


@pytest.mark.parametrize("chosen", ["transformer", "nonsense"])
def test_a_retry_from_a_step_that_was_not_reached_is_explained(operator, worked, chosen):
    context = worked(refusal())
    page = operator.post(f"{LIST}{context.pk}/retry/", {"from": chosen}, follow=True).content.decode()
    assert "write one of" in page
    context.refresh_from_db()
    assert context.status == Status.FAILED


def test_an_open_context_is_cancelled(operator, submit):
    context = submit()
    page = operator.post(f"{LIST}{context.pk}/cancel/", follow=True).content.decode()
    assert "The context is cancelled." in page
    context.refresh_from_db()
    assert context.status == Status.CANCELLED


def test_no_step_of_an_ended_context_is_said_to_wait(operator, submit, worked):
    context = submit()
    assert chain_states(operator, context) == ["waiting"] * 3
    context_cancel(context.pk, organization_id=context.organization_id)
    assert chain_states(operator, context) == ["not run"] * 3
    assert chain_states(operator, worked(refusal())) == ["done", "failed", "not run"]


@pytest.mark.parametrize(("move", "words"), [("retry", "only a failed context"), ("cancel", "has not ended")])
def test_an_illegal_move_is_explained_and_changes_nothing(operator, submit, move, words):
    context = submit()
    context_cancel(context.pk, organization_id=None)
    context.refresh_from_db()
    page = operator.post(f"{LIST}{context.pk}/{move}/", follow=True).content.decode()
    assert words in page
    assert Context.objects.get(pk=context.pk).revision == context.revision


@pytest.mark.parametrize("role", [Role.EDITOR, Role.AUDITOR])
def test_those_who_only_look_see_no_buttons_and_move_nothing(role, person, worked):
    context = worked(refusal())
    browser = person(role)
    page = page_of(browser, context)
    for move in ("retry", "correct", "cancel"):
        assert f"/{move}/" not in page
        assert browser.post(f"{LIST}{context.pk}/{move}/").status_code == 403
    assert browser.get(f"{LIST}{context.pk}/retry/").status_code == 403
    assert browser.get(f"{LIST}{context.pk}/correct/").status_code == 403
    context.refresh_from_db()
    assert context.status == Status.FAILED


def test_clients_and_strangers_move_nothing(person, submit):
    context = submit()
    for browser in (person(Role.CLIENT), Client()):
        assert browser.post(f"{LIST}{context.pk}/cancel/").status_code == 302
    context.refresh_from_db()
    assert context.status == Status.PENDING


def test_a_move_needs_a_post_and_the_forms_token(operator, submit):
    context = submit()
    assert operator.get(f"{LIST}{context.pk}/cancel/").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(role=Role.OPERATOR))
    assert strict.post(f"{LIST}{context.pk}/cancel/").status_code == 403
    context.refresh_from_db()
    assert context.status == Status.PENDING


def test_fields_cannot_be_edited(admin_browser, submit):
    context = submit()
    assert admin_browser.post(f"{LIST}{context.pk}/change/", {"title": "New", "status": "completed"}).status_code == 403
    assert admin_browser.get(f"{LIST}ctx_nothing/change/").status_code == 404


def test_markup_in_titles_keywords_and_errors_is_shown_as_text(admin_browser, worked):
    context = worked(refusal(EVIL), title=EVIL, keywords=[EVIL, "</pre><img src=x onerror=alert(1)>"])
    page = page_of(admin_browser, context)
    assert EVIL not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_what_a_model_wrote_is_sanitised(admin_browser, worked):
    evil = f'{EVIL}<img src=x onerror="alert(1)"> [click](javascript:alert(1)) <iframe src="//x"></iframe> **bold**'
    written = {"introduction": evil, "body": [{"heading": evil, "content": evil}] * 3, "conclusion": evil}
    for format in ("markdown", "html", "plain"):
        context = worked(
            content(written),
            pipeline=["template", "ai_generator", {"component": "transformer", "config": {"format": format}}],
        )
        assert context.status == Status.COMPLETED, context.error
        assert_harmless(page_of(admin_browser, context))


@pytest.mark.parametrize("format", ["markdown", "html", "plain", "rtf"])
def test_what_any_component_left_as_content_is_sanitised(admin_browser, worked, format):
    context = worked(answer())
    evil = (
        f'{EVIL}\n\n[x](javascript:alert(1)) <a href="javascript:alert(1)" onclick="alert(1)">y</a><style>*{{}}</style>'
    )
    formatted = {"format": format, "content": evil, "word_count": EVIL, "reading_time": EVIL}
    Context.objects.filter(pk=context.pk).update(data={**context.data, "formatted_content": formatted})
    page = page_of(admin_browser, context)
    assert_harmless(page)
    assert f"{EVIL} words" not in page


def assert_harmless(page: str) -> None:
    assert EVIL not in page
    assert not re.search(r"<[^>]*\s(?:onerror|onclick)\s*=", page)
    assert not re.search(r"""<[^>]*href\s*=\s*["']?\s*javascript:""", page, re.IGNORECASE)
    assert '<iframe src="//x"' not in page
    assert "<style>*" not in page


def test_only_administrators_see_a_traceback(admin_browser, operator, worked):
    context = worked(refusal())
    runs = [{**run, "traceback": "Traceback (most recent call last): secret"} for run in context.step_runs]
    Context.objects.filter(pk=context.pk).update(step_runs=runs)
    assert "Traceback (most recent call last): secret" in page_of(admin_browser, context)
    assert "Traceback (most recent call last)" not in page_of(operator, context)


def test_every_type_of_error_in_the_source_has_an_explanation():
    sources = [*Path("components").rglob("*.py"), *Path("contexts/engine").rglob("*.py")]
    types = {found for path in sources for found in re.findall(r'\btype="([a-z_]+)"\)?', path.read_text())}
    assert {"rate_limited", "worker_lost", "bad_result"} <= types
    assert types <= set(EXPLANATIONS)
