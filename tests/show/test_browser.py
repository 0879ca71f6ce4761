"""The report as people use it, in headless Chromium: by mouse and keyboard, wide, narrow, dark and on paper."""

import pytest

from gridfold.show import page
from tests.show.searches import realistic, summary_of
from tests.show.test_page import hostile

pytest.importorskip("jinja2")
pytest.importorskip("selenium")

from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from tests.show.browser import CHROMIUM, DRIVER, browser

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs Chromium: apt-get install chromium chromium-driver"
)

# Text whose contrast to what is behind it is below 4.5.
FAINT = """
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const rgba = (color) => {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = color;
  canvas.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
  return [r, g, b, a / 255];
};
const over = (top, under) => [0, 1, 2].map((i) => top[3] * top[i] + (1 - top[3]) * under[i]);
const luminance = (color) => {
  const [r, g, b] = color.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (element) => {
  const layers = [];
  for (let each = element; each; each = each.parentElement) layers.push(rgba(getComputedStyle(each).backgroundColor));
  return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255]);
};
const found = new Set();
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
let count = 0;
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || element.closest("script, style, noscript")) continue;
  if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
  const style = getComputedStyle(element);
  const back = behind(element);
  const front = over(rgba(element instanceof SVGElement ? style.fill : style.color), back);
  const [light, dark] = [luminance(front), luminance(back)].sort((a, b) => b - a);
  const contrast = (light + 0.05) / (dark + 0.05);
  if (contrast < 4.5) found.add(`${walker.currentNode.data.trim().slice(0, 40)}: ${contrast.toFixed(2)}`);
  count++;
}
return [count, [...found]];
"""

NAMELESS = """
const named = (element) => element.getAttribute("aria-label") || element.labels?.length || element.textContent.trim()
  || document.getElementById(element.getAttribute("aria-labelledby"))?.textContent.trim();
const controls = document.querySelectorAll(
  "a, button, input, select, summary, [role]:not([role=status]), nav, [tabindex]");
const nameless = [...controls].filter((each) => each.checkVisibility() && !named(each));
return nameless.map((each) => each.outerHTML.slice(0, 100));
"""

SIDEWAYS = """
const room = document.documentElement.clientWidth;
return document.documentElement.scrollWidth > room
  ? [...document.querySelectorAll("main *")].filter((each) => each.getBoundingClientRect().right > room
      && !each.closest(".scroll")).map((each) => each.outerHTML.slice(0, 100))
  : [];
"""

# Figures and metrics that are not in sight without scrolling.
CUT = """
const figures = ".plot, .plot .tick span, .map table, .bars table, #failures table";
const places = document.querySelectorAll(`${figures}, .trials .metric`);
const isCut = (each) => {
  const [box, room] = [each.getBoundingClientRect(), each.closest(".scroll").getBoundingClientRect()];
  return box.left < room.left - 1 || box.right > room.right + 1;
};
return [...places].filter((each) => each.checkVisibility() && isCut(each)).map((each) => each.outerHTML.slice(0, 100));
"""

# Labels of figures that a line runs through, with nothing of the colour of the page between them.
STRUCK = """
const labels = [...document.querySelectorAll(".plot .tick span")].filter((each) => each.checkVisibility());
const isStruck = (label) => {
  if (getComputedStyle(label).backgroundColor === getComputedStyle(document.body).backgroundColor) return false;
  const [box, plot] = [label, label.closest(".plot")].map((each) => each.getBoundingClientRect());
  return box.left < plot.right && box.right > plot.left && box.top < plot.bottom && box.bottom > plot.top;
};
return [labels.length, labels.filter(isStruck).map((label) => label.textContent)];
"""

COLUMN = (
    "return [...document.querySelectorAll('#table tbody tr:not([hidden])')].map((row) => row.cells[{}].textContent)"
)


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    search, summary = realistic(tmp_path_factory.mktemp("report"))
    return page.write(summary, search)


@pytest.fixture
def shown(window, report):
    """The report in a wide window."""
    window.look(1400)
    window.open(report)
    return window


def heading(window, text):
    return window.driver.find_element(By.XPATH, f"//table[@id='table']//button[text()='{text}']")


def order(window, text):
    return window.run("return arguments[0].closest('th').getAttribute('aria-sort')", heading(window, text))


def visible_maps(window):
    maps = window.driver.find_elements(By.CSS_SELECTOR, ".map:not([hidden])")
    return [(each.get_attribute("data-pair"), each.get_attribute("data-over")) for each in maps]


def test_it_opens_from_disk_and_asks_for_nothing_more(window, report):
    window.look(1400)
    window.said(), window.asked()
    window.open(report)
    assert window.said() == []
    assert [address for address in window.asked() if not address.startswith("data:")] == [report.resolve().as_uri()]
    assert window.run("return document.querySelectorAll('.plot svg path').length") > 100


class TestTable:
    def test_sorting_by_mouse(self, shown):
        heading(shown, "seconds").click()
        times = [float(text) for text in shown.run(COLUMN.format(8)) if text != "–"]
        assert times == sorted(times)
        assert order(shown, "seconds") == "ascending"
        assert order(shown, "rank") is None

    def test_sorting_by_keyboard(self, shown):
        button = heading(shown, "val_f1")
        button.send_keys(Keys.ENTER)
        assert order(shown, "val_f1") == "descending"
        button.send_keys(Keys.SPACE)
        assert order(shown, "val_f1") == "ascending"
        values = shown.run(COLUMN.format(4))
        assert values[-1] == "–"
        known = [float(text.split()[0]) for text in values if text != "–"]
        assert known == sorted(known)
        assert len(known) == 42

    def test_numbers_are_sorted_as_numbers(self, shown):
        heading(shown, "learning_rate").click()
        values = [float(text) for text in shown.run(COLUMN.format(1))]
        assert values == sorted(values)

    def test_filtering(self, shown):
        field = shown.driver.find_element(By.ID, "filter")
        field.send_keys("failed 64")
        assert all("failed" in text for text in shown.run(COLUMN.format(9)))
        assert shown.driver.find_element(By.ID, "shown").text == "15 of 45 trials"
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(Keys.DELETE)
        assert shown.driver.find_element(By.ID, "shown").text == "45 of 45 trials"


class TestSwitches:
    def test_the_pair_of_a_heat_map(self, shown):
        assert visible_maps(shown) == [("0", "mean")]
        shown.driver.find_element(By.ID, "pair").send_keys(Keys.ARROW_DOWN)
        assert visible_maps(shown) == [("1", "mean")]
        assert shown.driver.find_element(By.CSS_SELECTOR, ".map:not([hidden]) .top").is_displayed()

    def test_mean_or_best(self, shown):
        shown.driver.find_element(By.CSS_SELECTOR, "input[value=mean]").send_keys(Keys.ARROW_RIGHT)
        assert visible_maps(shown) == [("0", "best")]
        shown.driver.find_element(By.CSS_SELECTOR, "input[value=mean]").click()
        assert visible_maps(shown) == [("0", "mean")]

    def test_lines_of_one_value(self, shown):
        Select(shown.driver.find_element(By.ID, "lines")).select_by_visible_text("batch_size = 16")
        full = shown.run("return document.querySelectorAll('[data-places]:not(.faint)').length")
        assert full == 15

    def test_a_command_is_copied_or_selected(self, shown):
        button = shown.driver.find_element(By.CSS_SELECTOR, ".copy")
        button.send_keys(Keys.ENTER)
        assert shown.run(
            "return new Promise((next) => setTimeout(() => next(arguments[0].textContent), 200))", button
        ) in (
            "Copied",
            "Selected",
        )


class TestFigures:
    def over(self, window, figure, x, y):
        """Move the pointer to a place in a figure, from 0 to 1; return what is said there."""
        plot = window.driver.find_element(By.CSS_SELECTOR, f"[data-figure={figure}]")
        window.run("arguments[0].scrollIntoView({ block: 'center' })", plot)
        at = [round((part - 0.5) * size) for part, size in ((x, plot.size["width"]), (y, plot.size["height"]))]
        ActionChains(window.driver).move_to_element_with_offset(plot, *at).perform()
        return window.driver.find_element(By.ID, "tip").text

    def test_the_values_of_a_point_are_said(self, shown):
        said = self.over(shown, "parallel", 1, 0.003)
        best = shown.run("return [...document.querySelectorAll('.parallel .best')].at(-1).dataset.said")
        assert said == best
        assert self.over(shown, "effect-0", 0.5, 0.99) == ""

    def test_a_point_of_a_curve(self, shown):
        path = "[...document.querySelectorAll('.curves .best')].at(-1)"
        x, y = shown.run(f"const at = {path}.getAttribute('d').split('L')[4].split(' '); return at.map(Number)")
        said = self.over(shown, "curves", x / 1000, y / 1000).split("\n")
        drawn = "[...document.querySelectorAll('.curves [data-said]')]"
        points = dict(shown.run(f"return {drawn}.map((path) => [path.dataset.said, path.dataset.points])"))
        numbers = points[said[0]].split()
        assert said[1:] == [f"{numbers[8]}: {numbers[9]}"]
        assert numbers[8] == "5"

    def test_curves_are_magnified_by_a_frame(self, shown):
        plot = shown.driver.find_element(By.CSS_SELECTOR, "[data-figure=curves]")
        shown.run("arguments[0].scrollIntoView({ block: 'center' })", plot)
        before = plot.text
        box = "return document.querySelector('.curves svg').getAttribute('viewBox').split(' ').map(Number)"
        drag = ActionChains(shown.driver).move_to_element(plot).click_and_hold().move_by_offset(200, 100).release()
        drag.perform()
        left, top, width, height = shown.run(box)
        assert (left, top) == pytest.approx((500, 500), abs=4)
        assert (width, height) == pytest.approx((200e3 / plot.size["width"], 100e3 / plot.size["height"]), abs=4)
        assert plot.text != before
        ActionChains(shown.driver).double_click(plot).perform()
        assert shown.run(box) == [0, 0, 1000, 1000]
        assert plot.text == before

    def test_it_is_all_there_without_scripts(self, window, report):
        window.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        try:
            window.open(report)
            lines = window.driver.find_elements(By.CSS_SELECTOR, ".parallel .best")
            assert lines[0].is_displayed()
        finally:
            window.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


class TestLooks:
    @pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
    def test_contrast_of_text(self, window, report, dark):
        window.look(1400, dark=dark)
        window.open(report)
        window.run("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        count, faint = window.run(FAINT)
        assert count > 1000
        assert faint == []

    @pytest.mark.parametrize("width", [400, 700, 1000])
    def test_it_is_not_scrolled_sideways(self, window, report, width):
        window.look(width)
        window.open(report)
        window.run("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        assert window.run(SIDEWAYS) == []

    def test_on_a_phone_no_figure_and_no_metric_is_cut_off(self, window, report):
        window.look(400)
        window.open(report)
        assert window.run(CUT) == []

    @pytest.mark.parametrize("width", [400, 1400])
    def test_no_line_runs_through_a_label(self, window, report, width):
        window.look(width)
        window.open(report)
        count, struck = window.run(STRUCK)
        assert count > 20
        assert struck == []

    def test_all_controls_have_names(self, shown):
        assert shown.run(NAMELESS) == []

    def test_everything_can_be_reached_by_the_keyboard(self, shown):
        seen = []
        for _ in range(30):
            ActionChains(shown.driver).send_keys(Keys.TAB).perform()
            seen.append(
                shown.run("const it = document.activeElement; return it.id || it.textContent.trim().slice(0, 30)")
            )
        assert seen[0] == "Skip to the answer"
        assert {"filter", "rank", "learning_rate", "state"} <= set(seen)

    def test_on_paper(self, window, report):
        window.look(1400, dark=True)
        window.open(report)
        pdf = window.driver.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
        assert len(pdf["data"]) > 10_000
        window.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        try:
            assert window.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
            assert not window.driver.find_element(By.TAG_NAME, "nav").is_displayed()
            assert window.said() == []
        finally:
            window.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_text_of_runs_is_not_executed(window, tmp_path):
    search = hostile(tmp_path)
    window.look(400)
    window.said()
    window.open(page.write(summary_of(search), search))
    assert window.driver.title != "taken"
    assert window.run("return document.querySelectorAll('main img, main script, .plot a').length") == 0
    assert window.said() == []
    assert window.run(SIDEWAYS) == []
