"""What is dragged: files from the desktop onto the upload page, rows with a finger."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, FilePayload, Locator, Page, expect

from media_app.models import Asset
from tests.browser.conftest import LogIn
from tests.browser.test_templates import grip, section, types_shown
from tests.browser.watch import Watch
from tests.fakes.openai_server import FakeOpenAi
from tests.media_app import images
from users.access import Role

EDGE_Y = 30  # so near the window's upper edge that the page scrolls

# what a browser does with files that come from the desktop, made in the page: only it can hold a DataTransfer
DRAG = """(place, [kind, files]) => {
    const carried = new DataTransfer();
    for (const [name, encoded] of files) {
        const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
        carried.items.add(new File([bytes], name, { type: "image/png" }));
    }
    const event = new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true });
    place.dispatchEvent(event);
    return event.defaultPrevented;
}"""


def drag(place: Locator, kind: str, *names: str) -> bool:
    """Let files come over a place or fall there; tell whether the page takes them, for else the browser opens them."""
    files = [[name, base64.b64encode(images.image(size=(640, 320))).decode()] for name in names]
    return bool(place.evaluate(DRAG, [kind, files]))


def test_files_are_dropped_onto_the_upload_page(log_in: LogIn) -> None:
    page = log_in(Role.EDITOR)
    page.goto("/admin/media_app/asset/upload_many/")
    place, chosen = page.locator("[data-drop]"), page.locator("[data-chosen] li")
    assert drag(place, "dragover", "sea-view.png")
    expect(place).to_have_class("media-drop is-over")
    assert drag(place, "drop", "sea-view.png")
    expect(place).to_have_class("media-drop")
    expect(chosen).to_have_text(["sea-view.png (2 KB)"])

    # beside the place as well: there the browser would leave the page and show the file; what was there stays
    assert drag(page.get_by_label("Tags"), "dragover", "boat.png")
    assert drag(page.get_by_label("Tags"), "drop", "boat.png")
    assert drag(page.locator("body"), "drop", "sea-view.png", "quay.png")
    expect(chosen).to_have_count(4)
    assert not drag(page.get_by_label("Tags"), "drop")  # a text that is dragged into a field is no file
    page.get_by_label("Tags").fill("sea")
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("4 of 4 stored")
    assert sorted(Asset.objects.values_list("title", flat=True)) == ["Boat", "Quay", "Sea view", "Sea view"]


def test_more_than_the_server_takes_at_once_goes_in_packs(log_in: LogIn, settings: Any) -> None:
    size = len(images.image(size=(640, 320)))
    settings.MEDIA_MAX_BYTES = 2 * size
    page = log_in(Role.EDITOR)
    page.goto("/admin/media_app/asset/upload_many/")
    posts: list[str] = []
    page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    drag(page.locator("body"), "drop", "one.png", "two.png", "three.png")
    large: FilePayload = {"name": "large.png", "mimeType": "image/png", "buffer": bytes(2 * size + 1)}
    page.get_by_label("Tags").fill("a|b")
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="no comma and no bar")).to_be_visible()
    expect(page.locator("[data-chosen] li")).to_have_count(3)

    # somebody else answers after the first pack, as where the session has ended: the rest stays chosen
    page.get_by_label("Tags").fill("sea")
    page.route("**/upload_many/", lambda r: r.fulfill(body="Log in") if Asset.objects.count() == 2 else r.continue_())
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="The server does not answer")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("2 of 3 stored")
    expect(page.locator("[data-chosen] li")).to_have_count(1)
    page.unroute("**/upload_many/")
    posts.clear()
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("1 of 1 stored")
    expect(page.locator("[data-chosen] li")).to_have_count(0)

    page.get_by_label("Images").set_input_files(large)
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("0 of 1 stored")
    expect(page.get_by_role("status")).to_contain_text("large.png was not stored. The file is larger than")
    assert len(posts) == 1
    assert [asset.tags for asset in Asset.objects.all()] == [["sea"]] * 3


@pytest.fixture
def finger(chromium: Browser, log_in: LogIn) -> Iterator[Page]:
    """An editor's page on a telephone."""
    signed_in = log_in(Role.EDITOR)
    phone: BrowserContext = chromium.new_context(
        base_url=signed_in.url.partition("/admin/")[0],
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
        storage_state=signed_in.context.storage_state(),
    )
    watch = Watch(phone)
    yield phone.new_page()
    phone.close()
    watch.check()


def middle(place: Locator) -> tuple[float, float]:
    box = place.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_section_is_dragged_with_a_finger(finger: Page, model_server: FakeOpenAi) -> None:
    page = finger
    page.goto("/admin/templates_app/template/tmpl_5Farticle_5Ftechnical/change/")
    touch = page.context.new_cdp_session(page)

    def send(kind: str, *points: tuple[float, float]) -> None:
        """Touch as the screen does, so that the browser decides whether that scrolls or is the page's."""
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    expect(page.get_by_role("group", name="Section")).to_have_count(3)
    assert types_shown(page) == ["introduction", "body", "conclusion"]
    grip(section(page, 2)).scroll_into_view_if_needed()

    # up to the edge: there the page scrolls along, for on a telephone a section is as high as the window
    x, y = middle(grip(section(page, 2)))
    send("touchStart", (x, y))
    for part in range(1, 11):
        send("touchMove", (x, y + (EDGE_Y - y) * part / 10))
    expect(section(page, 1)).to_have_class("section-row drop-before")
    send("touchEnd")
    expect(page.get_by_role("status")).to_have_text("The section is now at place 1 of 3.")
    assert types_shown(page) == ["body", "introduction", "conclusion"]

    # a finger that begins beside the grip scrolls, as everywhere
    section(page, 2).locator("[data-title]").scroll_into_view_if_needed()
    scrolled = page.evaluate("scrollY")
    x, y = middle(section(page, 2).locator("[data-title]"))
    send("touchStart", (x, y))
    for part in range(1, 11):
        send("touchMove", (x, y - 30 * part))
    send("touchEnd")
    page.wait_for_function("before => scrollY > before + 100", arg=scrolled)
    assert types_shown(page) == ["body", "introduction", "conclusion"]
