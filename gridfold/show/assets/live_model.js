/* What is known of a search: its state, as the server said it, and the changes since. */

import { isNumber } from "./live_words.js";
import { Misfit } from "./live_stream.js";

const [STATE, SECONDS, STEP, VALUE] = [0, 1, 2, 3]; // the first columns
export const FACTS = 4;

export class Model {
  search = null;
  columns = [];
  runs = new Map();
  curves = new Map();
  tails = new Map();
  progress = new Map();
  summary = null;
  standing = new Map();

  /* Take a whole state. */
  reset(state) {
    this.runs = new Map();
    this.curves = new Map();
    this.tails = new Map();
    this.progress = new Map();
    this.apply(state);
  }

  /* Take what has changed; returns the runs whose state is another one now, as [index, state before, state]. */
  apply(change) {
    this.search = change.search ?? this.search;
    this.columns = change.columns ?? this.columns;
    const moved = [];
    for (const [index, row] of entries(change.runs)) {
      const before = this.runs.get(index)?.[STATE];
      if (before !== row[STATE]) moved.push([index, before, row[STATE]]);
      this.runs.set(index, row);
    }
    for (const [index, curve] of entries(change.curves)) this.#put(this.curves, index, this.#curve(index, curve));
    for (const [index, tail] of entries(change.tails)) this.#put(this.tails, index, tail);
    for (const [index, said] of entries(change.progress)) this.#put(this.progress, index, said);
    return moved;
  }

  #put(known, index, value) {
    if (value === null) known.delete(index);
    else known.set(index, value);
  }

  /* A whole curve, or what it goes on with: new arrays, as those who draw compare by identity. */
  #curve(index, said) {
    if (said === null || Array.isArray(said)) return said;
    const known = this.curves.get(index) ?? [];
    if (said.from > known.length) throw new Misfit();
    return [...known.slice(0, said.from), ...said.points];
  }

  /* Take the analysis. */
  setSummary(summary) {
    this.summary = summary;
    const runs = summary.trials.flatMap(({ standing, runs }) => runs.map(({ index }) => [index, standing]));
    this.standing = new Map(runs.filter(([, standing]) => standing === "best" || standing === "near"));
  }

  /* What runs are compared by. */
  get metric() {
    return this.search.metric || "value";
  }

  state(index) {
    return this.runs.get(index)?.[STATE] ?? "created";
  }
  seconds(index) {
    const { started } = this.progress.get(index) ?? {};
    const isRunning = this.state(index) === "running" && isNumber(started);
    return this.runs.get(index)?.[SECONDS] ?? (isRunning ? Math.max(0, Date.now() / 1000 - started) : null);
  }
  step(index) {
    return this.runs.get(index)?.[STEP];
  }
  value(index) {
    return this.runs.get(index)?.[VALUE];
  }
  cell(index, position) {
    return this.runs.get(index)?.[position];
  }

  /* What varies in a run, in words. */
  parameters(index) {
    const said = this.columns.flatMap(({ kind, label }, position) => {
      const value = this.cell(index, position) ?? null;
      return kind !== "parameter" || value === null ? [] : [`${label} ${value}`];
    });
    return said.join(", ");
  }

  /* How many runs are in some states. */
  count(states) {
    return states.reduce((total, state) => total + (this.search.states[state] ?? 0), 0);
  }

  /* The runs of these that have a value, the best first. */
  ranked(indices) {
    const sign = this.search.maximize ? -1 : 1;
    const valued = indices.filter((index) => isNumber(this.value(index)));
    return valued.sort((a, b) => sign * (this.value(a) - this.value(b)) || a - b);
  }}

const entries = (mapping) => Object.entries(mapping ?? {}).map(([index, value]) => [Number(index), value]);
