/* The table of runs. Only the rows in sight are in the page, so that tens of thousands stay smooth. */

import { FACTS } from "./live_model.js";
import { arrange, byId, count, duration, element, isNumber, NOTHING, number, say, text } from "./live_words.js";

const AROUND = 12; // rows above and below those in sight
const ON_PAPER = 50;
const MOST_LETTERS = 40;
const REST = 1000; // milliseconds between two times that rows are put in order
const HELD = 3000;
const collator = new Intl.Collator(undefined, { numeric: true });

export class Table {
  #model;
  #open;
  #place = byId("rows");
  #filter = byId("filter");
  #shown = byId("shown");
  #columns = [];
  #widths = [];
  #order = [];
  #rows = new Map(); // index of a run to the element of its row, and what that shows
  #texts = new WeakMap(); // row to its words, for the filter
  #sorted = { key: "value", isDown: true };
  #isChosen = false; // the order, by a person
  #heldUntil = 0; // while people are about to choose a row, rows change but do not move
  #isStale = true;
  #isPrinting = false;
  #timer = null;
  #height = 33;

  /* `open(index)` shows all of a run. */
  constructor(model, open) {
    this.#model = model;
    this.#open = open;
    this.#build();
    this.#listen();
  }

  #build() {
    this.head = element("tr");
    this.body = element("tbody");
    const space = () => element("tbody", { ariaHidden: "true" }, element("tr", {}, element("td")));
    this.space = [space(), space()]; // as high as the rows above and below those in the page
    this.widths = element("colgroup");
    const words = "All runs; every column can be sorted by the button in its heading.";
    const caption = element("caption", { className: "unseen" }, words);
    this.table = element("table", { className: "virtual" }, caption, this.widths, element("thead", {}, this.head));
    this.table.append(this.space[0], this.body, this.space[1]);
    this.#place.append(this.table);
  }

  #listen() {
    this.#place.addEventListener("scroll", () => this.#draw(), { passive: true });
    new ResizeObserver(() => this.#draw()).observe(this.#place);
    this.#filter.addEventListener("input", () => this.#arrange());
    for (const doing of ["pointermove", "focusin", "keydown"]) {
      this.body.addEventListener(doing, () => (this.#heldUntil = performance.now() + HELD));
    }
    this.body.addEventListener("pointerleave", () => (this.#heldUntil = 0));
    this.body.addEventListener("click", (event) => {
      const row = event.target.closest("tr");
      if (row && !getSelection().toString()) this.#open(Number(row.dataset.key));
    });
    const print = (isPrinting) => () => {
      this.#isPrinting = isPrinting;
      this.#draw();
    };
    window.addEventListener("beforeprint", print(true));
    window.addEventListener("afterprint", print(false));
  }

  /* A whole state is there. */
  reset() {
    if (!this.#isChosen) this.#sorted = { key: "value", isDown: this.#model.search.maximize };
    this.#rows.clear();
    this.body.replaceChildren();
    this.#setColumns();
    for (const index of this.#model.runs.keys()) this.#measure(index);
    this.#arrange();
  }

  /* Some runs have changed, or the columns have. */
  update(indices, hasColumns = false) {
    if (hasColumns) this.#setColumns();
    for (const index of indices) this.#measure(index);
    this.#isStale ||= indices.length > 0;
    this.#draw();
    this.#later();
  }

  #later() {
    if (this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (!this.#isStale) return;
      if (performance.now() < this.#heldUntil) this.#later();
      else this.#arrange();
    }, REST);
  }

  #setColumns() {
    const model = this.#model;
    const cells = (kind, show) =>
      model.columns.flatMap((column, at) => {
        if (at < FACTS || column.kind !== kind) return [];
        return [{ key: `column ${at}`, label: column.label, title: column.name, of: (row) => row[at], show }];
      });
    this.#columns = [
      { key: "run", label: "run", of: (row, index) => index, show: String },
      { key: "state", label: "state", of: (row) => row[0], isText: true },
      { key: "value", label: model.metric, of: (row) => row[3], show: number },
      ...cells("parameter", text),
      ...cells("fact", text),
      { key: "step", label: "step", of: (row) => row[2], show: number },
      { key: "seconds", label: "time", of: (row, index) => model.seconds(index), show: duration },
      ...cells("metric", number),
    ];
    this.#widths = this.#columns.map(({ label }) => label.length + 2);
    this.head.replaceChildren(...this.#columns.map((column) => this.#heading(column)));
    this.widths.replaceChildren(...this.#columns.map(() => element("col")));
    this.space.forEach((each) => (each.rows[0].cells[0].colSpan = this.#columns.length));
    this.#rows.clear();
  }

  #heading(column) {
    const button = element("button", { type: "button", title: column.title ?? "" }, column.label);
    const heading = element("th", { scope: "col", className: column.isText ? "left" : "" }, button);
    heading.dataset.column = column.key;
    if (column.key === this.#sorted.key) heading.ariaSort = this.#sorted.isDown ? "descending" : "ascending";
    button.addEventListener("click", () => this.#sortBy(column));
    return heading;
  }

  #sortBy(column) {
    const first = column.key === "value" && this.#model.search.maximize;
    this.#isChosen = true;
    this.#sorted = { key: column.key, isDown: this.#sorted.key === column.key ? !this.#sorted.isDown : first };
    for (const heading of this.head.cells) {
      if (heading.dataset.column !== column.key) heading.removeAttribute("aria-sort");
      else heading.ariaSort = this.#sorted.isDown ? "descending" : "ascending";
    }
    this.#place.scrollTop = 0;
    this.#arrange();
  }

  /* Columns are as wide as their longest text ever was: they do not jump while one scrolls. */
  #measure(index) {
    const row = this.#model.runs.get(index);
    this.#columns.forEach((column, at) => {
      const length = words(column, row, index).length;
      if (length > this.#widths[at]) this.#widths[at] = Math.min(length, MOST_LETTERS);
    });
  }

  /* Which rows are shown, and in which order; what has no value is last either way. */
  #arrange() {
    const column = this.#columns.find(({ key }) => key === this.#sorted.key) ?? this.#columns[0];
    const sign = this.#sorted.isDown ? -1 : 1;
    const kept = this.#filtered();
    const keyed = kept.map((index) => [keyOf(column.of(this.#model.runs.get(index), index)), index]);
    keyed.sort(([a, first], [b, second]) => {
      if (a === null || b === null) return (a === null) - (b === null) || first - second;
      const order = typeof a === "number" && typeof b === "number" ? a - b : collator.compare(a, b);
      return sign * order || first - second;
    });
    this.#order = keyed.map(([, index]) => index);
    this.#isStale = false;
    const total = this.#model.runs.size;
    this.#shown.textContent = `${count(kept.length)} of ${count(total)} runs`;
    byId("paper").textContent = kept.length > ON_PAPER ? `The first ${ON_PAPER} of ${count(kept.length)} rows.` : "";
    this.#draw();
  }

  #filtered() {
    const wanted = this.#filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const indices = [...this.#model.runs.keys()];
    if (!wanted.length) return indices;
    return indices.filter((index) => {
      const said = this.#textOf(index);
      return wanted.every((word) => said.includes(word));
    });
  }

  #textOf(index) {
    const row = this.#model.runs.get(index);
    if (!this.#texts.has(row)) {
      const said = this.#columns.map((column) => words(column, row, index)).join("\n");
      this.#texts.set(row, said.toLowerCase());
    }
    return this.#texts.get(row);
  }

  #draw() {
    if (!this.#columns.length) return;
    const [first, last] = this.#inSight();
    this.#widths.forEach((letters, at) => (this.widths.children[at].style.width = `calc(${letters}ch + 1.6rem)`));
    const letters = this.#widths.reduce((sum, each) => sum + each);
    this.table.style.width = `calc(${letters}ch + ${1.6 * this.#widths.length}rem)`;
    this.table.ariaRowCount = this.#order.length + 1;
    const shown = this.#order.slice(first, last);
    const kept = new Set(shown);
    for (const index of this.#rows.keys()) if (!kept.has(index)) this.#rows.delete(index);
    arrange(this.body, shown.map((index, at) => this.#row(index, first + at)));
    const heights = [first, this.#order.length - last].map((rows) => (this.#isPrinting ? 0 : rows * this.#height));
    this.space.forEach((each, at) => {
      each.hidden = !heights[at];
      each.rows[0].cells[0].style.height = `${heights[at]}px`;
    });
    const height = this.body.rows[0]?.getBoundingClientRect().height;
    if (height && Math.abs(height - this.#height) > 0.01) {
      this.#height = height;
      this.#draw();
    }
  }

  #inSight() {
    if (this.#isPrinting) return [0, Math.min(ON_PAPER, this.#order.length)];
    const rows = Math.ceil(this.#place.clientHeight / this.#height) + 2 * AROUND;
    const above = Math.floor(this.#place.scrollTop / this.#height) - AROUND;
    const first = Math.max(0, Math.min(above, this.#order.length - rows));
    return [first, Math.min(first + rows, this.#order.length)];
  }

  #row(index, position) {
    const row = this.#model.runs.get(index);
    const standing = this.#model.standing.get(index) ?? "";
    const known = this.#rows.get(index) ?? this.#newRow(index);
    known.made.ariaRowIndex = position + 2;
    if (known.row === row && known.standing === standing) return known.made;
    this.#columns.forEach((column, at) => {
      const said = words(column, row, index);
      const cell = at ? known.made.cells[at] : known.made.cells[0].firstElementChild;
      say(cell, said);
      if (said.length > MOST_LETTERS) cell.title = said;
    });
    known.made.className = `${standing} is-${row[0]}`;
    Object.assign(known, { row, standing });
    return known.made;
  }

  #newRow(index) {
    const open = element("button", { type: "button", ariaLabel: `Run ${index}: show it` });
    const cells = this.#columns.slice(1).map(({ isText }) => element("td", { className: isText ? "left state" : "" }));
    const made = element("tr", {}, element("th", { scope: "row" }, open), ...cells);
    made.dataset.key = index;
    const known = { made, row: null, standing: "" };
    this.#rows.set(index, known);
    return known;
  }
}

function words(column, row, index) {
  const value = column.of(row, index);
  return value === null || value === undefined ? NOTHING : (column.show ?? String)(value);
}

function keyOf(value) {
  if (value === null || value === undefined || value === "") return null;
  if (typeof value === "number") return value;
  const said = String(value);
  return said.trim() && isNumber(Number(said)) ? Number(said) : said;
}
