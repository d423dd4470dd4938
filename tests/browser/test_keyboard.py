"""Who works by keyboard alone sees where they are, and gets everywhere."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import LogIn
from tests.fakes.openai_server import FakeOpenAi
from users.access import Role

MOST_STOPS = 150
# where the focus is: its number on the page, whether anything marks it, and whether something lies over it
FOCUS = """() => {
    const place = document.activeElement;
    if (!place || place === document.body) return null;
    window.stops ??= [];
    const isNew = !window.stops.includes(place);
    if (isNew) window.stops.push(place);
    const box = place.getBoundingClientRect();
    const over = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    const marks = (part) => {
        const style = getComputedStyle(part);
        return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
    };
    return {
        name: place.ariaLabel || place.labels?.[0]?.innerText || place.innerText || place.name,
        isNew,
        isMarked: marks(place),
        isCovered: !over || !(place.contains(over) || over.contains(place) || over.closest("label")?.control === place),
    };
}"""


def stops(page: Page) -> list[dict[str, Any]]:
    """Press Tab until the focus has been everywhere."""
    found: list[dict[str, Any]] = []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUS)
        if stop is None or not stop["isNew"]:
            return found
        found.append(stop)
    raise AssertionError(f"more than {MOST_STOPS} stops")


@pytest.mark.parametrize(
    ("address", "last"),
    [
        ("templates_app/template/tmpl_5Farticle_5Ftechnical/change/", "Delete template"),
        ("components/component/comp_5Fai_5Fgenerator_5Fprecise/change/", "Delete component setting"),
        ("components/pipeline/pipe_5Farticle_5Fillustrated/change/", "Delete pipeline"),
        ("contexts/trial/preview/tmpl_article_technical/", "Show the prompt"),
        ("media_app/asset/upload_many/", "Upload"),
    ],
)
def test_the_focus_is_seen_wherever_tab_leads(log_in: LogIn, model_server: FakeOpenAi, address: str, last: str) -> None:
    page = log_in(Role.EDITOR)
    page.goto(f"/admin/{address}")
    found = stops(page)
    assert found[-1]["name"].strip() == last, [stop["name"] for stop in found]
    assert [stop["name"] for stop in found if not stop["isMarked"]] == []
    assert [stop["name"] for stop in found if stop["isCovered"]] == []


def test_the_side_bar_can_be_skipped(log_in: LogIn, model_server: FakeOpenAi) -> None:
    page = log_in(Role.EDITOR)
    page.goto("/admin/templates_app/template/tmpl_5Farticle_5Ftechnical/change/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("textbox", name="Name")).to_be_focused()
