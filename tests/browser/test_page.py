"""The page at `/ui/` in Chromium, against a query view on a real socket."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from aiohttp import web
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from agents.catalogue import CatalogueEntry
from app.query import attach
from tests.app.query.world import World, catalogue_of, play

pytestmark = pytest.mark.browser

_MARKUP = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def world() -> World:
    world = World()
    world.catalogue.update(catalogue_of({1: CatalogueEntry(title="The Second"), 2: CatalogueEntry(title=_MARKUP)}))
    world.popularity.lists = {None: [("v009", 30), ("v001", 20)]}
    world.remember("ann", play(0, region="us"))
    world.remember("a/b ü", play(1, "a/b ü"))
    return world


@pytest.fixture(scope="module")
def address(world: World) -> Iterator[str]:
    """A query view in a thread of its own, with an event loop of its own."""
    loop = asyncio.new_event_loop()
    application = web.Application()
    attach(application, world.view(admin_keys=("chief",), read_keys=("reader",)))
    runner = web.AppRunner(application, access_log=None)
    loop.run_until_complete(runner.setup())
    loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", 0).start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}"
    asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,1000"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, Service("/usr/bin/chromedriver"))
    yield driver
    driver.quit()


class Page:
    """What a person does on the page."""

    def __init__(self, browser: webdriver.Chrome, address: str, fragment: str = "") -> None:
        self._browser = browser
        browser.get("about:blank")
        browser.get(f"{address}/ui/#{fragment}")

    def find(self, selector: str) -> WebElement:
        return self._browser.find_element(By.CSS_SELECTOR, selector)

    def texts(self, selector: str) -> list[str]:
        script = "return Array.from(document.querySelectorAll(arguments[0]), (found) => found.textContent)"
        return [str(text) for text in self._browser.execute_script(script, selector)]

    def fill(self, selector: str, text: str) -> None:
        self.find(selector).clear()
        self.find(selector).send_keys(text)

    def unlock(self, key: str) -> None:
        self.find("summary").click()
        self.fill("#key", key)

    def look_up(self, user_id: str) -> None:
        self.fill("#user-id", user_id)
        self.find("#lookup button").click()

    def wait(self, selector: str, text: str) -> None:
        """Wait until some element that the selector finds has the text."""
        WebDriverWait(self._browser, 20).until(lambda _: any(text in found for found in self.texts(selector)))


def test_a_user_is_looked_up(browser: webdriver.Chrome, address: str) -> None:
    page = Page(browser, address)
    page.unlock("chief")
    page.look_up("ann")
    page.wait("#list-facts", "solved from the history")
    assert len(page.texts("#items li")) == 20
    assert page.texts("#items .name")[:3] == ["The Second", _MARKUP, "v003"]
    assert "model one" in page.texts("#list-facts")[0]
    page.wait("#history td", "play 1200 s")
    assert "http://worker-0 (answers here)" in page.texts("#user-facts dd")
    page.wait("#models dd", "factors.safetensors: NaN in row 3")
    page.wait("#popular .name", "v009")
    assert page.texts("#health") == ["ready"]
    assert browser.current_url.endswith("/ui/#ann")
    assert not page.find("#message").is_displayed()


def test_an_unknown_user_gets_what_is_popular(browser: webdriver.Chrome, address: str) -> None:
    page = Page(browser, address)
    page.unlock("chief")
    page.look_up("nobody")
    page.wait("#list-facts", "what is popular")
    assert page.texts("#items .name") == ["v009", "The Second"]
    page.wait("#history-note", "no event of this user")


def test_a_reader_sees_the_list_and_why_there_is_no_history(browser: webdriver.Chrome, address: str) -> None:
    page = Page(browser, address)
    page.unlock("reader")
    page.look_up("a/b ü")
    page.wait("#list-facts", "a/b ü · solved")
    page.wait("#history-note", "scope admin")


def test_what_the_server_refuses_is_said(browser: webdriver.Chrome, address: str) -> None:
    page = Page(browser, address, "ann")
    page.wait("#message", "Authorization: Bearer KEY")
    assert page.find("#message").get_attribute("role") == "alert"


def test_an_event_changes_the_list_while_it_is_watched(browser: webdriver.Chrome, address: str, world: World) -> None:
    world.remember("eve", play(0, "eve"))
    page = Page(browser, address)
    page.unlock("chief")
    page.find("#live").click()
    page.look_up("eve")
    page.wait("#items .name", "The Second")
    world.remember("eve", play(0, "eve"), play(1, "eve"))
    page.wait("#items .changed .name", "v021")
    assert "The Second" not in page.texts("#items .name")


def test_every_field_has_a_label_and_nothing_breaks_the_policy(browser: webdriver.Chrome, address: str) -> None:
    browser.get_log("browser")  # type: ignore[no-untyped-call]  # drops what earlier tests left
    page = Page(browser, address)
    page.unlock("chief")
    page.look_up("ann")
    page.wait("#list-facts", "solved from the history")
    unlabelled = browser.execute_script(
        "return Array.from(document.querySelectorAll('input')).filter((field) => !field.labels.length).length"
    )
    assert unlabelled == 0
    logged = browser.get_log("browser")  # type: ignore[no-untyped-call]
    assert [entry for entry in logged if "Content Security Policy" in entry["message"]] == []
