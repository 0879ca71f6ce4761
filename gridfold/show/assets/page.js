"use strict";
(() => {
  /* What is said of the point that is nearest to the pointer. */
  const tip = document.getElementById("tip");
  const pointsOf = (path) => {
    const found = path.getAttribute("d").match(/-?[\d.]+(?:e-?\d+)?/g)?.map(Number) ?? [];
    return found.flatMap((x, at) => (at % 2 ? [] : [[x, found[at + 1]]]));
  };
  const wordsOf = (path, at) => {
    const said = path.dataset.points?.split(" ");
    return said ? `${path.dataset.said}\n${said[2 * at]}: ${said[2 * at + 1]}` : path.dataset.said;
  };
  const view = (svg) => svg.viewBox.baseVal;
  const scaleOf = (svg) => {
    const [box, shown] = [svg.getBoundingClientRect(), view(svg)];
    return { box, shown, x: box.width / shown.width, y: box.height / shown.height };
  };
  document.querySelectorAll(".plot").forEach((plot) => {
    const svg = plot.querySelector("svg");
    const lines = [...plot.querySelectorAll("[data-said]")].map((path) => ({ path, points: pointsOf(path) }));
    let hot = null;
    const leave = () => {
      hot?.classList.remove("hot");
      hot = null;
      tip.hidden = true;
    };
    plot.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      let nearest = { distance: 24 };
      lines.forEach(({ path, points }) => {
        if (path.classList.contains("faint")) return;
        const to = path.getScreenCTM(); // lines lie on their side where a figure does
        points.forEach(([px, py], at) => {
          const [x, y] = [to.a * px + to.c * py + to.e, to.b * px + to.d * py + to.f];
          if (x < box.left - 1 || x > box.right + 1) return;
          const distance = Math.hypot(x - event.clientX, y - event.clientY);
          if (distance <= nearest.distance) nearest = { distance, path, at, x, y };
        });
      });
      leave();
      if (!nearest.path) return;
      hot = nearest.path;
      hot.classList.add("hot");
      tip.textContent = wordsOf(hot, nearest.at);
      tip.hidden = false;
      const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
      tip.style.left = `${Math.max(8, Math.min(nearest.x + 12, room))}px`;
      tip.style.top = `${Math.max(8, nearest.y - tip.offsetHeight - 10)}px`;
    });
    plot.addEventListener("pointerleave", leave);
  });

  /* The learning curves are magnified by drawing a frame with the mouse, and as they were by a double click. */
  const steps = (low, high, most) => {
    const power = 10 ** Math.floor(Math.log10((high - low) / most));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= (high - low) / most);
    const found = [];
    for (let at = Math.ceil(low / step); at * step <= high && found.length < 50; at++) found.push(at * step);
    return found;
  };
  document.querySelectorAll("[data-bounds]").forEach((plot) => {
    const svg = plot.querySelector("svg");
    const [left, right, lower, upper] = plot.dataset.bounds.split(" ").map(Number);
    const ticks = [...plot.querySelectorAll(".tick")];
    const grid = svg.querySelector(".grid");
    const whole = grid.getAttribute("d");
    const frame = plot.appendChild(Object.assign(document.createElement("div"), { className: "frame", hidden: true }));
    const tick = (side, x, y, value) => {
      const [place, text] = [document.createElement("span"), document.createElement("span")];
      place.className = `tick ${side}`;
      Object.assign(place.style, { left: `${x}%`, top: `${y}%` });
      text.textContent = Number(value.toPrecision(10));
      place.append(text);
      return place;
    };
    const magnify = (x, y, width, height) => {
      svg.setAttribute("viewBox", `${x} ${y} ${width} ${height}`);
      const isWhole = width === 1000 && height === 1000;
      plot.querySelectorAll(".tick").forEach((each) => each.remove());
      if (isWhole) {
        grid.setAttribute("d", whole);
        plot.append(...ticks);
        return;
      }
      const valueOf = (at, low, high) => low + (at / 1000) * (high - low);
      const [low, high] = [valueOf(1000 - y - height, lower, upper), valueOf(1000 - y, lower, upper)];
      const [first, last] = [valueOf(x, left, right), valueOf(x + width, left, right)];
      const heights = steps(low, high, 6).map((value) => [value, 100 * (1 - (value - low) / (high - low))]);
      grid.setAttribute("d", heights.map(([, at]) => `M${x} ${y + (at / 100) * height}h${width}`).join(""));
      plot.append(...heights.map(([value, at]) => tick("left", 0, at, value)));
      plot.append(
        ...steps(first, last, 8).map((value) => tick("below", (100 * (value - first)) / (last - first), 100, value)),
      );
    };
    let start = null;
    const frameTo = (event) => {
      const box = svg.getBoundingClientRect();
      const [x, y] = [event.clientX - box.left, event.clientY - box.top];
      const clamp = (at, most) => Math.max(0, Math.min(at, most));
      return [clamp(x, box.width), clamp(y, box.height)];
    };
    plot.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "mouse" || event.button) return;
      event.preventDefault();
      plot.setPointerCapture(event.pointerId);
      start = frameTo(event);
    });
    plot.addEventListener("pointermove", (event) => {
      if (!start) return;
      const end = frameTo(event);
      const [x, y] = [0, 1].map((at) => Math.min(start[at], end[at]));
      const [width, height] = [0, 1].map((at) => Math.abs(start[at] - end[at]));
      frame.hidden = Math.min(width, height) < 8;
      Object.assign(frame.style, { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` });
    });
    plot.addEventListener("pointerup", (event) => {
      if (!start) return;
      const [end, { shown, x: across, y: down }] = [frameTo(event), scaleOf(svg)];
      const [x, y] = [0, 1].map((at) => Math.min(start[at], end[at]));
      const [width, height] = [0, 1].map((at) => Math.abs(start[at] - end[at]));
      if (Math.min(width, height) >= 8) {
        magnify(shown.x + x / across, shown.y + y / down, width / across, height / down);
      }
      start = null;
      frame.hidden = true;
    });
    plot.addEventListener("dblclick", () => magnify(0, 0, 1000, 1000));
  });

  /* The table: sorted by a button in the heading of a column; what has no value is last either way. */
  const table = document.getElementById("table");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const headings = [...table.tHead.rows[0].cells];
  const collator = new Intl.Collator(undefined, { numeric: true });
  const keyOf = (row, column) => {
    const cell = row.cells[column];
    const key = cell.dataset.key ?? cell.textContent;
    return key === "" || key === "–" ? null : key;
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
    const [axis, value] = lines.value.split(":");
    document.querySelectorAll("[data-places]").forEach((path) => {
      path.classList.toggle("faint", Boolean(lines.value) && path.dataset.places.split(" ")[axis] !== value);
    });
  });

  /* The heat map of the pair that is chosen. */
  const pair = document.getElementById("pair");
  const maps = [...document.querySelectorAll(".map")];
  const over = [...document.querySelectorAll('input[name="over"]')];
  const choose = () => {
    const how = over.find((each) => each.checked).value;
    maps.forEach((map) => {
      map.hidden = map.dataset.pair !== pair.value || map.dataset.over !== how;
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
})();
