"use strict";
(() => {
  const { template, figures } = JSON.parse(document.getElementById("figures").textContent);
  const touch = window.matchMedia("(pointer: coarse)").matches;
  const config = { displayModeBar: false, responsive: true, showTips: false, doubleClick: "reset" };

  /* Figures are drawn when they come into view: hundreds of lines need not be drawn to read the answer. */
  const layoutOf = (name) => {
    const layout = { ...figures[name].layout, template };
    if (name === "curves" && !touch) {
      layout.dragmode = "zoom";
      layout.xaxis = { ...layout.xaxis, fixedrange: false };
      layout.yaxis = { ...layout.yaxis, fixedrange: false };
    }
    return layout;
  };
  const draw = (plot) => {
    if (plot.dataset.drawn || !plot.offsetParent) return;
    plot.dataset.drawn = "yes";
    Plotly.newPlot(plot, figures[plot.dataset.figure].data, layoutOf(plot.dataset.figure), config);
  };
  const plots = [...document.querySelectorAll(".plot")];
  const seen = new IntersectionObserver(
    (entries) => entries.forEach((entry) => entry.isIntersecting && draw(entry.target)),
    { rootMargin: "400px" },
  );
  plots.forEach((plot) => seen.observe(plot));

  /* The table: sorted by a button in the heading of a column; what has no value is last either way. */
  const table = document.getElementById("table");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const headings = [...table.tHead.rows[0].cells];
  const collator = new Intl.Collator(undefined, { numeric: true });
  const keyOf = (row, column) => {
    const said = row.cells[column].dataset.key;
    return said === "" || said === undefined ? null : said;
  };
  const compare = (a, b) => {
    const [x, y] = [Number(a), Number(b)];
    return Number.isNaN(x) || Number.isNaN(y) ? collator.compare(a, b) : x - y;
  };
  const sort = (heading) => {
    const column = headings.indexOf(heading);
    const now = heading.getAttribute("aria-sort");
    const first = heading.dataset.first || "ascending";
    const other = first === "ascending" ? "descending" : "ascending";
    const order = now === first ? other : first;
    const sign = order === "ascending" ? 1 : -1;
    const keyed = rows.map((row) => [keyOf(row, column), row]);
    keyed.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      return sign * compare(a, b);
    });
    headings.forEach((each) => each.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", order);
    body.append(...keyed.map(([, row]) => row));
  };
  headings.forEach((heading) => heading.querySelector("button")?.addEventListener("click", () => sort(heading)));

  const filter = document.getElementById("filter");
  const shown = document.getElementById("shown");
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const show = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    rows.forEach((row, index) => {
      row.hidden = !words.every((word) => texts[index].includes(word));
      count += !row.hidden;
    });
    shown.textContent = `${count.toLocaleString("en")} of ${rows.length.toLocaleString("en")} trials`;
  };
  filter.addEventListener("input", show);
  show();

  /* Lines of the trials that have a value; the others are faint. */
  const lines = document.getElementById("lines");
  lines?.addEventListener("change", () => {
    const plot = document.querySelector('[data-figure="parallel"]');
    draw(plot);
    const [axis, value] = lines.value.split(":").map(Number);
    const data = figures.parallel.data;
    const opacity = data.map(({ meta }) => (!lines.value || !meta || meta[axis] === value ? 1 : 0.08));
    Plotly.restyle(plot, { opacity });
  });

  /* The heat map of the pair that is chosen. */
  const pair = document.getElementById("pair");
  const maps = [...document.querySelectorAll(".map")];
  const over = [...document.querySelectorAll('input[name="over"]')];
  const choose = () => {
    const how = over.find((each) => each.checked).value;
    maps.forEach((map) => {
      map.hidden = map.dataset.pair !== pair.value || map.dataset.over !== how;
      if (!map.hidden && document.readyState === "complete") draw(map.querySelector(".plot"));
    });
  };
  if (pair) {
    [pair, ...over].forEach((control) => control.addEventListener("change", choose));
    choose();
  }

  /* Commands are copied by a button; where a browser does not let us, they are selected. */
  const said = document.getElementById("said");
  document.querySelectorAll(".copy").forEach((button) => {
    button.addEventListener("click", async () => {
      const code = button.parentElement.querySelector("code");
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = said.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code);
        button.textContent = said.textContent = "Selected";
      }
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
  });

  /* Where one is, in the list of sections. */
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const reading = new IntersectionObserver(
    (entries) => {
      entries.forEach((entry) => (entry.target.dataset.seen = entry.isIntersecting ? "yes" : ""));
      const first = sections.find((section) => section.dataset.seen);
      links.forEach((link) => link.removeAttribute("aria-current"));
      if (first) links.get(first.id)?.setAttribute("aria-current", "true");
    },
    { rootMargin: "0px 0px -70% 0px" },
  );
  const sections = [...document.querySelectorAll("main > section")];
  sections.forEach((section) => reading.observe(section));

  /* On paper: every figure, as wide as the page. */
  const paper = 660;
  window.addEventListener("beforeprint", () => {
    plots.forEach((plot) => {
      draw(plot);
      if (plot.dataset.drawn && plot.clientWidth > paper) Plotly.relayout(plot, { width: paper });
    });
  });
  window.addEventListener("afterprint", () => {
    plots.filter((plot) => plot.dataset.drawn).forEach((plot) => Plotly.relayout(plot, { width: null, autosize: true }));
  });
})();
