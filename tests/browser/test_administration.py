"""Administrators fill the library and hand out keys; auditors look on; the API explains itself."""

import re

import requests
from django.contrib.admin.utils import quote
from playwright.sync_api import BrowserContext, FilePayload, expect

from media_app.models import Asset
from tests.browser.conftest import PASSWORD, Failed, LogIn
from tests.fakes.openai_server import FakeOpenAi, failing
from tests.media_app import images
from users.access import Role
from users.models import User

PAGES = [
    "contexts/context/",
    "contexts/batch/",
    "contexts/worker/",
    "contexts/webhookendpoint/",
    "contexts/webhookdelivery/",
    "templates_app/template/",
    "templates_app/template/tmpl_5Farticle_5Ftechnical/change/",
    "components/component/",
    "components/component/comp_5Fai_5Fgenerator_5Fprecise/change/",
    "components/pipeline/",
    "components/pipeline/pipe_5Farticle_5Fillustrated/change/",
    "media_app/asset/",
    "users/user/",
    "users/organization/",
    "users/apikey/",
]


def file(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "image/png", "buffer": content}


def test_an_administrator_uploads_pictures_and_lying_files_are_refused(log_in: LogIn) -> None:
    page = log_in(Role.ADMINISTRATOR)
    page.get_by_role("link", name="Media").click()
    page.get_by_role("link", name="Add").first.click()
    page.locator("input[type=file]").set_input_files(file("boat.png", b"<html>not a picture</html>"))
    page.get_by_label("Title").fill("A boat at sea")
    page.get_by_label("Tags").fill("sea, boat")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".field-upload")).to_contain_text("PNG, JPEG, WebP or GIF")

    page.locator("input[type=file]").set_input_files(file("boat.png", images.image(size=(640, 320))))
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="Upload many").click()
    lying, good = file("tree.png", b"<html>not a picture</html>"), file("sea-view.png", images.image(size=(640, 320)))
    page.get_by_label("Images").set_input_files([good, lying])
    expect(page.locator("[data-chosen] li")).to_have_count(2)
    expect(page.get_by_label("Tags")).to_have_value("")
    page.get_by_label("Tags").fill("sea")
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("1 of 2 stored")
    expect(page.get_by_role("status")).to_contain_text("This is not an image that can be used here")
    page.get_by_role("link", name="To the library").click()
    page.get_by_role("link", name="sea", exact=True).first.click()
    cards = page.locator("#result_list tbody")
    expect(cards).to_have_count(2)
    for title in ("A boat at sea", "Sea view"):
        shown = cards.filter(has_text=title).get_by_role("img")
        page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=shown.element_handle())


def test_an_administrator_sees_a_new_key_once(log_in: LogIn, live_server, model_server: FakeOpenAi) -> None:
    page = log_in(Role.ADMINISTRATOR)
    page.get_by_role("link", name="API keys").click()
    page.get_by_role("link", name="Add").first.click()
    page.get_by_label("Name").fill("Newsroom")
    page.get_by_label("Organization").select_option(index=1)
    page.get_by_label("contexts:read").check()
    page.get_by_role("button", name="Save", exact=True).click()
    key = page.locator("code").inner_text()
    answer = requests.get(f"{live_server.url}/api/me", headers={"Authorization": f"Bearer {key}"}, timeout=10)
    assert answer.ok, answer.text
    page.get_by_role("link", name="Newsroom", exact=True).click()
    expect(page.get_by_label("Name")).to_have_value("Newsroom")
    assert key not in page.content()
    page.go_back()
    page.reload()
    assert key not in page.content()


def test_an_auditor_logs_in_and_sees_every_page_but_nothing_to_press(window: BrowserContext, failed: Failed) -> None:
    context = failed(failing(401, "Incorrect API key provided."), "The Stapler")[0]
    User.objects.create_user("auditor", PASSWORD, role=Role.AUDITOR)
    page = window.new_page()
    page.goto("/admin/")
    page.get_by_label("Username").fill("auditor")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_title("Overview | Draftline")
    for address in [*PAGES, f"contexts/context/{quote(context.pk)}/change/"]:
        page.goto(f"/admin/{address}", wait_until="domcontentloaded")
        expect(page.locator("#content, #main").first).to_be_visible()
        writes = re.compile(r"^(Save|Publish|Add|Delete|Retry|Cancel|Revoke|Run|Roll back|Discard|Move|Remove)\b")
        for role in ("button", "link"):
            expect(page.get_by_role(role, name=writes)).to_have_count(0)
        # rows may be chosen to be exported
        chosen = "[name=q], [name=_selected_action], #action-toggle"
        expect(page.locator(f"#content-main input:visible:not({chosen}), textarea:visible")).to_have_count(0)


def test_no_page_scrolls_sideways_on_a_phone(log_in: LogIn, failed: Failed) -> None:
    context = failed(failing(401, "Incorrect API key provided."), "The Stapler")[0]
    asset = Asset.objects.all()[0]
    page = log_in(Role.ADMINISTRATOR)
    page.set_viewport_size({"width": 390, "height": 844})
    shown = [f"contexts/context/{quote(context.pk)}/change/", f"media_app/asset/{quote(asset.pk)}/change/"]
    forms = [address for address in PAGES if address.endswith("change/")]
    for address in ["", "contexts/context/", *shown, *forms, "users/apikey/add/"]:
        page.goto(f"/admin/{address}", wait_until="domcontentloaded")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, f"{address} is {width} px wide"


def test_the_api_is_explained_by_a_page_of_our_own(window: BrowserContext) -> None:
    page = window.new_page()
    page.goto("/")
    expect(page).to_have_url(re.compile("/api/docs$"))
    expect(page.get_by_role("heading", name="Draftline")).to_be_visible()
    operation = page.locator(".opblock", has_text="/api/contexts").first
    operation.locator(".opblock-summary").click()
    expect(operation.get_by_role("heading", name="Responses")).to_be_visible()
