"""The live page in headless Chromium, told what to show by a scripted server."""

import json

import pytest

pytest.importorskip("selenium")

from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from tests.show.browser import CHROMIUM, DRIVER, browser
from tests.show.serve.scripted import NAME, TOKEN, Script, served
from tests.show.test_browser import FAINT, NAMELESS, SIDEWAYS

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs Chromium: apt-get install chromium chromium-driver"
)

COLUMNS = [
    {"name": "training.learning_rate", "label": "learning_rate", "kind": "parameter"},
    {"name": "loss", "label": "loss", "kind": "metric"},
]
ANSWER = {
    "answer": ["learning_rate 1e-5 is best: val_f1 0.9 ± 0.01.", "1 more trial cannot be told from it."],
    "labels": {"training.learning_rate": "learning_rate"},
    "effects": [{"path": "training.learning_rate", "share": 0.7, "p": 0.01, "verdict": "significant"}],
    "failures": [
        {
            "type": "<img src=x onerror='document.title=1'>",
            "place": "train.py:3",
            "message": "</p><script>document.title='taken'</script>",
            "traceback": "Traceback",
            "runs": [{"index": 2, "run": "toy_2"}],
        }
    ],
    "shared": ["Imports were computed once."],
    "standing": {"best": [1], "near": [0]},
}


def state(runs=6, **search):
    """Of some runs the first two are completed, the third failed, the fourth running, the others wait."""
    rows = {index: ["created", None, None, None, f"{index + 1}e-6", None] for index in range(runs)}
    rows |= {0: ["completed", 60.5, 3, 0.875, "1e-6", 0.5], 1: ["completed", 61, 3, 0.9, "1e-5", 0.25]}
    rows |= {2: ["failed", 3, None, None, "1.0", None], 3: ["running", 20, 2, 0.5, "1e-4", 0.75]}
    facts = {
        "name": NAME,
        "metric": "val_f1",
        "maximize": True,
        "total": runs,
        "states": {"completed": 2, "failed": 1, "running": 1, "created": runs - 4},
        "left_seconds": 300,
        "running": [3],
        "host": "box",
        "parallel": 1,
        "is_alive": True,
        "can": {"stop": True, "stop-run": True, "retry": True, "more": False},
    }
    return {
        "version": 1,
        "search": facts | search,
        "columns": COLUMNS,
        "runs": rows,
        "curves": {0: [[1, 0.6], [2, 0.8], [3, 0.875]], 1: [[1, 0.7], [2, 0.8], [3, 0.9]], 3: [[1, 0.4], [2, 0.5]]},
        "tails": {3: "epoch 2\n"},
    }


class Page:
    """What people see of the page, and do."""

    def __init__(self, window):
        self.window = window

    def open(self, address):
        self.window.said()
        self.window.driver.get(address)
        self.until("return document.querySelectorAll('#rows tbody th').length > 0")

    def until(self, script):
        """Wait until a script returns what is true."""
        return WebDriverWait(self.window.driver, 60, 0.05).until(lambda _: self.window.run(script))

    def until_text(self, selector, text):
        """Wait until an element says something."""
        said = f"document.querySelector({json.dumps(selector)})?.textContent"
        self.until(f"return {said}?.includes({json.dumps(text)})")

    def find(self, selector):
        return self.window.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector):
        return self.find(selector).text

    def keys(self, *keys):
        ActionChains(self.window.driver).send_keys(*keys).perform()

    def column(self, position):
        """The cells of a column, from the rows that are in the page."""
        rows = "[...document.querySelectorAll('#rows tbody:not([aria-hidden]) tr')]"
        return self.window.run(f"return {rows}.map((row) => row.cells[{position}].textContent)")


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def script():
    return Script(state(), ANSWER)


@pytest.fixture
def page(window, script):
    """The page in a wide window."""
    window.look(1280)
    with served(script) as address:
        shown = Page(window)
        shown.open(address)
        shown.until_text("#shared", "Imports")
        yield shown


def test_what_is_known_is_shown(page):
    assert page.text("#progress-words") == "3 of 6 runs are over, 1 failed, 1 running; about 5 min left."
    assert page.find("#bar").get_attribute("aria-valuenow") == "3"
    assert page.text("#states").split("\n") == ["2 completed", "1 running", "1 failed", "2 waiting"]
    assert page.text("#answer-words").replace("\N{NO-BREAK SPACE}", " ").split("\n") == ANSWER["answer"]
    assert page.text("#cards pre") == "epoch 2"
    assert page.column(0) == ["1", "0", "3", "2", "4", "5"]
    assert page.window.driver.title == f"3/6 · {NAME} – gridfold"
    page.until("return document.querySelectorAll('#curves-plot :is(.best, .near, .running)').length === 3")
    assert page.window.said() == []


def test_what_runs_say_is_text(page):
    assert page.text(".failure h3") == "1 × <img src=x onerror='document.title=1'>"
    assert page.window.run("return document.querySelectorAll('img, main script').length") == 0


def test_changes_arrive(page, script):
    before = page.find("#curves-plot .running").get_attribute("d")
    now = script.state["search"] | {"states": {"completed": 2, "failed": 1, "running": 1, "created": 2}}
    curve = {3: {"from": 2, "points": [[3, 0.95]]}}
    script.change(search=now, runs={3: ["running", 30, 3, 0.95, "1e-4", 0.1]}, curves=curve, tails={3: "epoch 3\n"})
    page.until_text("#cards pre", "epoch 3")
    page.until_text("#cards .card-now", "30 s · step 3 · val_f1 0.9500")
    assert page.find("#curves-plot .running").get_attribute("d") != before
    page.until("return document.querySelector('#rows tbody:not([aria-hidden]) th').textContent === '3'")
    done = now | {"states": {"completed": 3, "failed": 1, "created": 2}, "running": [], "left_seconds": None}
    script.change(search=done, runs={3: ["completed", 31, 3, 0.95, "1e-4", 0.1]})
    page.until_text("#news", "Run 3 completed, val_f1 0.9500. 4 of 6 runs are over, 1 failed.")
    page.until_text("#no-cards", "No run is running at this moment.")


def test_the_connection_is_lost_and_comes_back(page, script):
    script.is_down = True
    script.drop()
    page.until_text("#connection", "The connection to gridfold serve is lost.")
    assert page.text("#progress-words").startswith("3 of 6 runs")
    script.state = state(7)
    script.is_down = False
    page.until("return document.getElementById('connection').hidden")
    page.until_text("#progress-words", "3 of 7 runs")
    assert (script.last_ids[0], script.last_ids[-1]) == (None, "1")


def test_a_change_that_does_not_fit_has_the_whole_state_sent_again(page, script):
    script.change(curves={3: {"from": 9, "points": [[10, 0.9]]}})
    page.until("return document.getElementById('connection').hidden")
    page.until_text("#shown", "of 6 runs")
    assert page.window.said() == []


def test_a_run_is_stopped_by_the_keyboard_after_a_question(page, script):
    page.find("#cards [data-action=stop-run]").send_keys(Keys.ENTER)
    assert page.text("#confirm-title") == "Stop run 3?"
    page.keys(Keys.ESCAPE)
    assert not page.find("#confirm").is_displayed()
    assert script.posted == []
    page.find("#cards [data-action=stop-run]").send_keys(Keys.ENTER)
    page.keys(Keys.TAB, Keys.ENTER)
    page.until_text("#said", "Run 3 was asked to end.")
    assert script.posted == [("stop-run", {"run": 3}, TOKEN)]


def test_what_is_refused_is_said(page, script):
    script.reply = (409, {"error": {"problem": "no process executes the search", "hint": "gridfold resume"}})
    page.find("header [data-action=stop]").click()
    page.find("#confirm-yes").click()
    page.until_text("#said", "Nothing was done: no process executes the search (gridfold resume)")
    assert script.posted == [("stop", {}, TOKEN)]
    page.find("header [data-action=more]").click()
    assert not page.find("#confirm").is_displayed()


def test_a_run_is_shown_with_its_log(page):
    page.find("#rows tbody th button").send_keys(Keys.ENTER)
    page.until_text("#run-log", "the log of run 1")
    assert page.text("#run-title") == "Run 1"
    assert "training.learning_rate\n1e-5" in page.text("#run-facts")
    page.keys(Keys.ESCAPE)
    assert not page.find("#run-dialog").is_displayed()


def test_thousands_of_rows(window):
    with served(Script(state(10_000))) as address:
        window.look(1280)
        page = Page(window)
        page.open(address)
        rows = "return document.querySelectorAll('#rows tbody tr').length"
        assert window.run(rows) < 60
        page.find("#rows thead th button").click()
        assert page.column(0)[:3] == ["0", "1", "2"]
        window.run("document.getElementById('rows').scrollTop = 1e9")
        page.until("return document.querySelector('#rows tbody:not([aria-hidden])').textContent.includes('9999')")
        assert window.run(rows) < 60
        last = page.find("#rows tbody:not([aria-hidden]) tr:last-child")
        assert last.get_attribute("aria-rowindex") == "10001"
        page.find("#filter").send_keys("failed 1.0")
        page.until_text("#shown", "1 of 10,000 runs")
        assert page.column(1) == ["failed"]


class TestLooks:
    @pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
    def test_contrast_of_text(self, page, dark):
        page.window.look(1280, dark=dark)
        count, faint = page.window.run(FAINT)
        assert count > 50
        assert faint == []

    def test_on_a_phone_and_by_name(self, page):
        page.window.look(400)
        assert page.window.run(SIDEWAYS) == []
        assert page.window.run(NAMELESS) == []

    def test_on_paper(self, page):
        page.window.driver.execute_cdp_cmd("Page.printToPDF", {})
        page.window.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        try:
            assert not page.find("header .actions").is_displayed()
            assert page.window.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        finally:
            page.window.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
        assert page.window.said() == []


def test_the_list_of_searches(window):
    searches = [
        {"name": NAME, "total": 6, "states": {"completed": 2, "running": 1}, "best": 0.9, "metric": "val_f1"},
        {"name": "torn search #2", "problem": "its runs.jsonl is torn"},
    ]
    with served(Script(state(), ANSWER, searches)) as address:
        page = Page(window)
        window.look(400)
        window.driver.get(address.partition("s/")[0])
        page.until_text("#searches", "torn")
        assert window.run(SIDEWAYS) == []
        page.find("#searches a").click()
        page.until_text("#name", NAME)
        assert page.find("#all-searches").get_attribute("href") == address.partition("s/")[0]
