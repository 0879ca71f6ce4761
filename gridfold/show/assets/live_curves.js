/* Learning curves, growing: those of what runs, and of the best. */

import { byId, count, element, isNumber, number, say } from "./live_words.js";

const MOST = 50;
const MOST_RUNNING = 25;
const LEAST_GAP = 4.5; // percent of the figure, between two names of curves
const NEAR = 24; // pixels

export class Curves {
  #model;
  #open;
  #plot = byId("curves-plot");
  #svg = this.#plot.querySelector("svg");
  #tip = byId("tip");
  #drawn = []; // of each curve: index, points, path
  #grid = this.#svg.appendChild(path("grid"));
  #bounds = null;
  #hot = null;

  constructor(model, open) {
    this.#model = model;
    this.#open = open;
    this.#plot.addEventListener("pointermove", (event) => this.#point(event));
    this.#plot.addEventListener("pointerleave", () => this.#leave());
    this.#plot.addEventListener("click", () => this.#hot && this.#open(this.#hot.index));
  }

  draw() {
    const chosen = this.#chosen();
    this.#plot.hidden = !chosen.length;
    say(byId("curves-caption"), this.#caption(chosen));
    if (!chosen.length) return;
    const points = chosen.flatMap(({ points }) => points);
    this.#bounds = { x: extent(points.map(([x]) => x)), y: around(extent(points.map(([, y]) => y))) };
    const known = new Map(this.#drawn.map((each) => [each.index, each.path]));
    this.#drawn = chosen.map((each) => ({ ...each, path: known.get(each.index) ?? path("other") }));
    for (const each of this.#drawn) {
      each.path.setAttribute("class", each.kind + (each.index === this.#hot?.index ? " hot" : ""));
      each.path.setAttribute("d", this.#line(each.points));
    }
    this.#svg.replaceChildren(this.#grid, ...this.#drawn.map((each) => each.path));
    this.#label();
  }

  /* The curves that are drawn, the most important last: on top. */
  #chosen() {
    const model = this.#model;
    const running = new Set(model.search.running);
    const all = [...model.curves].flatMap(([index, points]) => {
      const kept = points.filter(([x, y]) => isNumber(x) && isNumber(y));
      return kept.length ? [[index, kept]] : [];
    });
    const points = new Map(all);
    const now = model.search.running.filter((index) => points.has(index)).slice(0, MOST_RUNNING);
    const done = model.ranked([...points.keys()].filter((index) => !running.has(index))).slice(0, MOST - now.length);
    const best = done[0];
    const kind = (index) => model.standing.get(index) ?? (index === best ? "best" : "other");
    const rank = { other: 0, near: 1, running: 2, best: 3 };
    return [...done.map((index) => [index, kind(index)]), ...now.map((index) => [index, "running"])]
      .map(([index, kind]) => ({ index, kind, points: points.get(index) }))
      .sort((a, b) => rank[a.kind] - rank[b.kind]);
  }

  #caption(chosen) {
    if (!chosen.length) return "No run has reported the metric yet.";
    const running = chosen.filter(({ kind }) => kind === "running");
    const latest = running.slice(0, 4).map(({ index, points }) => `run ${index} is at ${number(points.at(-1)[1])}`);
    const of = `${this.#model.metric} of ${count(chosen.length)} ${chosen.length === 1 ? "run" : "runs"} by step`;
    const many = chosen.length === MOST ? ": the running ones and the best" : "";
    return `${of}${many}.${latest.length ? ` Now ${latest.join(", ")}.` : ""}`;
  }

  #place([x, y]) {
    const { x: across, y: up } = this.#bounds;
    return [part(x, across), 1 - part(y, up)];
  }

  #line(points) {
    const places = points.map((point) => this.#place(point).map((at) => (1000 * at).toFixed(1)).join(" "));
    return `M${(places.length > 1 ? places : [places[0], places[0]]).join("L")}`;
  }

  #label() {
    const { x, y } = this.#bounds;
    const heights = steps(...y, 6);
    const ticks = heights.map((value) => tick("left", 0, 100 * (1 - part(value, y)), plain(value)));
    ticks.push(...steps(...x, 8).map((value) => tick("below", 100 * part(value, x), 100, plain(value))));
    ticks.push(...this.#names());
    this.#grid.setAttribute("d", heights.map((value) => `M0 ${1000 * (1 - part(value, y))}h1000`).join(""));
    this.#plot.querySelectorAll(".tick").forEach((each) => each.remove());
    this.#plot.append(...ticks);
  }

  /* The names of running curves and the best at their ends, as far as there is room. */
  #names() {
    const taken = [];
    return [...this.#drawn].reverse().flatMap(({ index, kind, points }) => {
      if (kind !== "running" && kind !== "best") return [];
      const [x, y] = this.#place(points.at(-1)).map((at) => 100 * at);
      if (taken.some(([left, top]) => Math.abs(left - x) < LEAST_GAP && Math.abs(top - y) < LEAST_GAP)) return [];
      taken.push([x, y]);
      return [tick("right", x, y, String(index))];
    });
  }

  #point(event) {
    const box = this.#svg.getBoundingClientRect();
    let nearest = { distance: NEAR };
    for (const each of this.#drawn) {
      for (const point of each.points) {
        const [left, top] = this.#place(point);
        const [x, y] = [box.left + left * box.width, box.top + top * box.height];
        const distance = Math.hypot(x - event.clientX, y - event.clientY);
        if (distance <= nearest.distance) nearest = { distance, each, point, x, y };
      }
    }
    this.#leave();
    if (!nearest.each) return;
    this.#hot = nearest.each;
    this.#hot.path.classList.add("hot");
    this.#tip.textContent = `${this.#said(this.#hot.index)}\n${plain(nearest.point[0])}: ${number(nearest.point[1])}`;
    this.#tip.hidden = false;
    const room = document.documentElement.clientWidth - this.#tip.offsetWidth - 8;
    this.#tip.style.left = `${Math.max(8, Math.min(nearest.x + 12, room))}px`;
    this.#tip.style.top = `${Math.max(8, nearest.y - this.#tip.offsetHeight - 10)}px`;
  }

  #said(index) {
    return [`run ${index}, ${this.#model.state(index)}`, this.#model.parameters(index)].filter(Boolean).join("\n");
  }

  #leave() {
    this.#hot?.path.classList.remove("hot");
    this.#hot = null;
    this.#tip.hidden = true;
  }
}

function path(kind) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "path");
  made.setAttribute("class", kind);
  return made;
}

function tick(side, x, y, said) {
  const made = element("span", { className: `tick ${side}` }, element("span", {}, said));
  Object.assign(made.style, { left: `${x}%`, top: `${y}%` });
  return made;
}

function extent(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return low / 2 < high / 2 ? [low, high] : [low - 0.5, high + 0.5];
}

function around([low, high]) {
  const margin = 0.04 * (high - low);
  return Number.isFinite(margin) ? [low - margin, high + margin] : [low, high];
}

/* By halves: the difference of the largest numbers is infinite. */
const part = (value, [low, high]) => (value / 2 - low / 2) / (high / 2 - low / 2);
const plain = (value) => String(Number(value.toPrecision(10)));

/* Round numbers between two others, at most about that many. */
function steps(low, high, most) {
  const least = (high - low) / most;
  if (!(least > 1e-300 && Number.isFinite(least))) return [low, high];
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= least * (1 - 1e-9));
  const found = [];
  for (let at = Math.ceil(low / step); at * step <= high && found.length < 50; at++) found.push(at * step);
  return found;
}
