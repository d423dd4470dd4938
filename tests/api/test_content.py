"""The finished text, in the format that the client asks for."""

import pytest

from contexts.models import Context
from contexts.states import Status
from tests.api.calls import problem_of
from tests.contexts.rows import FORMATTED, STEPS, TEXT, make_context, ran_context


@pytest.fixture
def finished(organization) -> Context:
    return ran_context(organization, Status.COMPLETED, list(STEPS))


def rewritten(context: Context, **formatted: object) -> Context:
    context.data["formatted_content"] = {**FORMATTED, **formatted}
    context.save()
    return context


def content(api, context, accept="*/*"):
    return api.get(f"/api/contexts/{context.pk}/content", headers={"Accept": accept})


@pytest.mark.parametrize("accept", ["*/*", "text/markdown", "text/*", "application/json, */*;q=0.1"])
def test_the_text_comes_as_it_was_written(api, finished, accept):
    answer = content(api, finished, accept)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/markdown; charset=utf-8"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "Accept" in answer["Vary"]
    assert answer.content.decode() == TEXT


@pytest.mark.parametrize("accept", ["text/html", "text/html, text/markdown;q=0.9", "text/markdown;q=0.1,text/html"])
def test_markdown_is_turned_into_sealed_html(api, finished, accept):
    answer = content(api, finished, accept)
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "sandbox" in answer["Content-Security-Policy"]
    assert "<strong>bold</strong>" in answer.content.decode()
    assert ">Example Article</h1>" in answer.content.decode()


def test_markdown_is_turned_into_plain_text(api, finished):
    answer = content(api, finished, "text/plain")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.content.decode().startswith("Example Article\n\nSome bold words")


@pytest.mark.parametrize("source", ["markdown", "html"])
@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        '<a href="javascript:alert(1)">x</a>',
        "<iframe src=//evil></iframe>",
        "<style>body{}</style>",
        '<p style="position:fixed">x</p>',
        "<svg/onload=alert(1)>",
        "<form action=//evil><input></form>",
        "<base href=//evil>",
    ],
)
def test_html_is_sanitised(api, finished, source, attack):
    rewritten(finished, format=source, content=f"before\n\n{attack}\n\nafter")
    text = content(api, finished, "text/html").content.decode().lower()
    assert "before" in text
    for bad in ("<script", "onerror", 'href="javascript', "<iframe", "<style", "position", "onload", "<form", "<base"):
        assert bad not in text


def test_html_is_turned_into_plain_text(api, finished):
    rewritten(finished, format="html", content="<h1>Title</h1><p>One &amp; two<br>three</p><ul><li>four</li></ul>")
    assert content(api, finished, "text/plain").content.decode() == "Title\n\nOne & two\nthree\n\n- four"
    assert content(api, finished)["Content-Type"].startswith("text/html")


def test_html_cannot_be_had_as_markdown(api, finished):
    rewritten(finished, format="html", content="<p>x</p>")
    assert "text/html, text/plain" in problem_of(content(api, finished, "text/markdown"), 406)["detail"]


def test_plain_text_becomes_what_shows_the_same(api, finished):
    rewritten(finished, format="plain", content="1 < 2 & *stars*\nnext\n\n- dash")
    assert (
        content(api, finished, "text/html").content.decode() == "<p>1 &lt; 2 &amp; *stars*<br>next</p>\n<p>- dash</p>"
    )
    assert content(api, finished, "text/markdown").content.decode() == "1 \\< 2 & \\*stars\\*\nnext\n\n\\- dash"


@pytest.mark.parametrize("accept", ["application/json", "image/png", "text/markdown;q=0", "text/rtf"])
def test_another_format_is_not_acceptable(api, finished, accept):
    problem_of(content(api, finished, accept), 406)


@pytest.mark.parametrize(
    "status", [Status.PENDING, Status.PROCESSING, Status.RETRYING, Status.FAILED, Status.CANCELLED]
)
def test_without_a_finished_text_the_state_is_told(api, organization, status):
    context = make_context(organization, status)
    assert status in problem_of(content(api, context), 409)["detail"]


def test_a_text_that_the_client_sent_along_is_not_a_finished_one(api, organization):
    context = make_context(organization, data={"formatted_content": FORMATTED})
    problem_of(content(api, context), 409)


def test_a_pipeline_without_a_transformer_has_no_content(api, organization):
    context = ran_context(organization, Status.COMPLETED, ["template", "ai_generator"], pipeline=STEPS[:2])
    assert "transformer" in problem_of(content(api, context), 409)["detail"]


@pytest.mark.parametrize(
    "written", ["text", None, {"format": "pdf", "content": "x"}, {"format": "html"}, {"content": 5}]
)
def test_a_text_of_another_shape_is_no_error_of_ours(api, finished, written):
    finished.data["formatted_content"] = written
    finished.save()
    problem_of(content(api, finished), 409)
