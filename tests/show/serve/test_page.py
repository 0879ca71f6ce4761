"""The live page in headless Chromium, by a mouse, a keyboard, on a phone: searches made by hand, and one that runs."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("selenium")

from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from gridfold.runs.record import started
from tests import made
from tests.conftest import ROOT
from tests.show.browser import CHROMIUM, DRIVER, browser
from tests.show.test_browser import FAINT, NAMELESS, SIDEWAYS

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs Chromium: apt-get install chromium chromium-driver"
)

SECONDS = 120  # that a page may take on a busy machine
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
ROWS = "[...document.querySelectorAll('#rows tbody:not([aria-hidden]) tr')]"

SERVER = """
import secrets, sys
from gridfold.cli import main
token, *command = sys.argv[1:]
secrets.choice = (lambda _: token) if token else secrets.choice
sys.exit(main(command))
"""

# Runs wait for a file of their own, or to be stopped.
TRAINER = """
import time
from pathlib import Path


def train(config, run):
    run.report(epoch=1, f1=config["lr"])
    print("waiting", flush=True)
    while not Path(f"go_{config['lr']}").exists() and not run.should_stop():
        time.sleep(0.02)
    return {"f1": config["lr"]}
"""
CONFIG = 'lr: [0.5, 0.25]\ngridfold: {trainer: "waiting:train", metric: f1}\n'


class Page:
    """What people see of the page, and do."""

    def __init__(self, window):
        self.window = window

    def open(self, address, until="#shared p"):
        self.window.said()
        self.window.driver.get(address)
        self.until(f"return document.querySelector({json.dumps(until)}) && document.title.endsWith('– gridfold')")

    def until(self, script):
        """Wait until a script returns what is true."""
        return WebDriverWait(self.window.driver, SECONDS, 0.05).until(lambda _: self.window.run(script))

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
        return self.window.run(f"return {ROWS}.map((row) => row.cells[{position}].textContent)")


def params(lr, size):
    return {"training.lr": lr, "training.batch_size": size}


def small(folder):
    """Six runs: two are completed, the third failed, the fourth is executed by this process, the others are to come."""
    error = {"type": "<img src=x onerror='document.title=1'>", "message": "</p><script>document.title=1</script>"}
    points = [(1e-5, 16), (1e-4, 16), (1.0, 64), (1e-3, 16), (1e-2, 16), (0.1, 16)]
    runs = [{"params": params(*point)} for point in points]
    for run, values in zip(runs, [(0.6, 0.875), (0.7, 0.9)], strict=False):
        run |= {"metrics": {"f1": values[-1], "loss": 0.5}, "reports": reports(*values), "seconds": 60.5, "step": 2}
    runs[2] |= {"state": "failed", "error": error | {"place": "train.py:3", "traceback": "Traceback"}, "seconds": 3.0}
    runs[3] |= {"state": "created", "attempt": 0, "seconds": None, "reports": reports(0.4)}
    search = made.search(folder, "toy_120000", runs, metric="f1")
    run = search.run([*search.entries()][3])
    run.claims.take(started(replace(run.read(), attempt=1)))
    run.log_path.write_text("epoch 1\n")
    return search


def reports(*values):
    return [{"epoch": epoch, "f1": value} for epoch, value in enumerate(values, 1)]


def log_of(search, index):
    return search.dir.parent / f"{search.name}_{index}" / "log.txt"


def large(folder):
    """10,000 runs that are to come, and one that failed."""
    search = made.search(folder, "large_120000", [{"params": params(1.0, 64), "state": "failed"}], metric="f1")
    with (search.dir / "runs.jsonl").open("a") as lines:
        for index in range(1, 10_000):
            entry = {"index": index, "run": f"large_{index}", "params": params(index / 8, 16), "id": f"{index:016x}"}
            lines.write(f"{json.dumps(entry)}\n")
    return search


@contextlib.contextmanager
def serving(folder, port="0", token=""):
    """The address at which a folder's searches are served; its token may be one letter, many times."""
    command = [sys.executable, "-c", SERVER, token, "serve", "--no-browser", "--port", port]
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, text=True, **quiet) as server:
        try:
            yield server.stdout.readline().strip()
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(SECONDS)


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def search(folder):
    large(folder / "runs")
    return small(folder / "runs")


@pytest.fixture(scope="module")
def address(folder, search):
    with serving(folder) as found:
        yield found


@pytest.fixture
def page(window, address, search):
    """The page of the small search in a wide window."""
    window.look(1280)
    shown = Page(window)
    shown.open(f"{address}s/{search.name}/")
    return shown


def test_what_is_known_is_shown(page, search):
    assert page.text("#progress-words").startswith("3 of 6 runs are over, 1 failed, 1 running. No process executes")
    assert page.find("#bar").get_attribute("aria-valuenow") == "3"
    assert page.text("#states").split("\n") == ["2 completed", "1 running", "1 failed", "2 not started"]
    assert page.text("#answer-words").startswith("Best: lr 1e-4, batch_size 16: f1 0.9")
    assert page.text("#cards pre") == "epoch 1"
    assert page.column(0) == ["1", "0", "3", "2", "4", "5"]
    assert page.column(3) == ["1e-4", "1e-5", "0.001", "1.0", "0.01", "0.1"]
    assert page.window.driver.title == f"3/6 · {search.name} – gridfold"
    page.until("return document.querySelectorAll('#curves-plot :is(.best, .near, .other, .running)').length === 3")
    assert page.window.said() == []


def test_what_runs_say_is_text(page):
    assert page.text(".failure h3") == "1 × <img src=x onerror='document.title=1'>"
    assert page.window.run("return document.querySelectorAll('img, main script').length") == 0


def test_changes_arrive(page, search):
    page.until("return document.querySelector('#curves-plot .running')")
    before = page.find("#curves-plot .running").get_attribute("d")
    with (log_of(search, 3).parent / "metrics.jsonl").open("a") as lines:
        lines.write(f"{json.dumps({'epoch': 2, 'f1': 0.95})}\n")
    with log_of(search, 3).open("a") as log:
        log.write("epoch 2\n")
    page.until_text("#cards pre", "epoch 2")
    page.until_text("#cards .card-now", "f1 0.9500")
    page.until(f"return {ROWS}[0].textContent.startsWith('3')")
    assert page.find("#curves-plot .running").get_attribute("d") != before


def test_a_connection_that_is_lost_comes_back(window, folder, search):
    window.look(1280)
    page = Page(window)
    with serving(folder, token="a") as address:
        page.open(f"{address}s/{search.name}/")
        port = address.split(":")[2].partition("/")[0]
    page.until_text("#connection", "The connection to gridfold serve is lost.")
    assert page.text("#progress-words").startswith("3 of 6 runs")
    with serving(folder, port, token="b"):
        page.until_text("#connection", "This server does not know the search")
    with serving(folder, port, token="a"):
        page.until("return document.getElementById('connection').hidden")


def test_a_question_comes_before_an_action(page):
    button = page.find("#cards [data-action=stop-run]")
    button.send_keys(Keys.ENTER)
    assert page.text("#confirm-title") == "Stop run 3?"
    page.keys(Keys.ESCAPE)
    assert not page.find("#confirm").is_displayed()
    assert page.window.run("return document.activeElement === arguments[0]", button)
    page.find("header [data-action=stop]").click()
    assert not page.find("#confirm").is_displayed()
    assert page.text("#said") == ""


def test_a_run_is_shown_with_its_log(page):
    page.find("#rows [data-key='3'] button").send_keys(Keys.ENTER)
    page.until_text("#run-log", "epoch 1")
    assert page.text("#run-title") == "Run 3"
    assert "training.lr\n0.001" in page.text("#run-facts")
    page.keys(Keys.ESCAPE)
    assert not page.find("#run-dialog").is_displayed()


def test_thousands_of_rows(window, address):
    window.look(1280)
    page = Page(window)
    page.open(f"{address}s/large_120000/", until="#rows tbody th")
    rows = f"return {ROWS}.length"
    assert window.run(rows) < 60
    page.find("#rows thead th button").click()
    assert page.column(0)[:3] == ["0", "1", "2"]
    window.run("document.getElementById('rows').scrollTop = 1e9")
    page.until(f"return {ROWS}.at(-1).textContent.startsWith('9999')")
    assert window.run(rows) < 60
    assert page.find("#rows tbody:not([aria-hidden]) tr:last-child").get_attribute("aria-rowindex") == "10001"
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


def test_the_list_of_searches(window, address, search):
    window.look(400)
    page = Page(window)
    page.open(address, until="#searches a")
    links = [each.text for each in window.driver.find_elements(By.CSS_SELECTOR, "#searches a")]
    assert links == [search.name, "large_120000"]
    assert window.run(SIDEWAYS) == []
    assert page.window.said() == []
    page.find("#searches a").click()
    page.until_text("#name", search.name)
    assert page.find("#all-searches").get_attribute("href") == address


def test_a_search_runs_dies_and_is_resumed(window, tmp_path):
    (tmp_path / "waiting.py").write_text(TRAINER)
    (tmp_path / "c.yaml").write_text(CONFIG)
    command = [sys.executable, "-m", "gridfold", "search", "--config", "c.yaml", "--run-prefix", "w", "--parallel", "2"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    window.look(1280)
    page = Page(window)
    with subprocess.Popen(command, cwd=tmp_path, env=ENVIRONMENT, start_new_session=True, **quiet) as process:
        try:
            WebDriverWait(None, SECONDS, 0.05).until(lambda _: len([*tmp_path.glob("runs/w_*/log.txt")]) == 2)
            (search,) = [path.parent for path in tmp_path.glob("runs/*/runs.jsonl")]
            with serving(tmp_path) as address:
                page.open(f"{address}s/{search.name}/", until="#cards pre")
                page.until_text("#cards", "waiting")
                page.until("return document.querySelector('[data-action=stop]').ariaDisabled === 'false'")
                os.killpg(process.pid, signal.SIGKILL)
                page.until_text("#states", "2 lost")
                page.until_text("#progress-words", "No process executes the search now")
                _resumed(page, tmp_path, search)
        finally:
            for name in ("go_0.5", "go_0.25"):  # for what the page has started
                (tmp_path / name).touch()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _resumed(page, folder, search):
    """One of both runs is stopped, the other goes on to its end."""
    page.until("return document.querySelector('[data-action=resume]').ariaDisabled === 'false'")
    page.find("[data-action=resume]").send_keys(Keys.ENTER)
    page.keys(Keys.TAB, Keys.ENTER)
    page.until_text("#said", f"gridfold resume {search.name} --quiet is under way")
    page.until_text("#states", "2 running")
    page.until_text("#cards [data-key='1']", "waiting")
    page.find("#cards [data-key='1'] [data-action=stop-run]").send_keys(Keys.ENTER)
    page.keys(Keys.TAB, Keys.ENTER)
    page.until_text("#states", "1 stopped")
    (folder / "go_0.5").touch()
    page.until_text("#news", "Run 0 completed, f1 0.5000.")
    page.until_text("#states", "1 completed")
    page.until_text("#progress-words", "2 of 2 runs are over.")
