/* What is known of a search: its state, as the server said it, and the changes since. */

import { DONE, isNumber } from "./live_words.js";
import { Misfit } from "./live_stream.js";

const [STATE, SECONDS, STEP, VALUE] = [0, 1, 2, 3];
export const FIRST_COLUMN = 4; // of a row, after those

export class Model {
  search = null;
  columns = [];
  runs = new Map();
  curves = new Map();
  tails = new Map();
  answer = null;
  standing = new Map();

  /* Take a whole state. */
  reset(state) {
    this.runs = new Map();
    this.curves = new Map();
    this.tails = new Map();
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
    for (const [index, curve] of entries(change.curves)) this.curves.set(index, this.#curve(index, curve));
    for (const [index, tail] of entries(change.tails)) this.tails.set(index, tail);
    const running = new Set(this.search.running);
    for (const index of this.tails.keys()) if (!running.has(index)) this.tails.delete(index);
    return moved;
  }

  /* A whole curve, or what it goes on with: new arrays, as those who draw compare by identity. */
  #curve(index, said) {
    if (Array.isArray(said)) return said;
    const known = this.curves.get(index) ?? [];
    if (said.from > known.length) throw new Misfit();
    return [...known.slice(0, said.from), ...said.points];
  }

  /* Take the analysis. */
  setAnswer(answer) {
    this.answer = answer;
    const { near = [], best = [] } = answer?.standing ?? {};
    this.standing = new Map([...near.map((index) => [index, "near"]), ...best.map((index) => [index, "best"])]);
  }

  state(index) {
    return this.runs.get(index)?.[STATE] ?? "created";
  }
  seconds(index) {
    return this.runs.get(index)?.[SECONDS];
  }
  step(index) {
    return this.runs.get(index)?.[STEP];
  }
  value(index) {
    return this.runs.get(index)?.[VALUE];
  }
  cell(index, position) {
    return this.runs.get(index)?.[FIRST_COLUMN + position];
  }

  /* What varies in a run, in words. */
  parameters(index) {
    return this.columns.flatMap((column, position) => {
      const value = this.cell(index, position);
      return column.kind !== "parameter" || value === null || value === undefined ? [] : [[column, value]];
    });
  }

  done() {
    return DONE.reduce((total, state) => total + (this.search.states[state] ?? 0), 0);
  }

  /* The runs of these that have a value, the best first. */
  ranked(indices) {
    const sign = this.search.maximize ? -1 : 1;
    const valued = indices.filter((index) => isNumber(this.value(index)));
    return valued.sort((a, b) => sign * (this.value(a) - this.value(b)) || a - b);
  }

  /* The best run that is done; undefined if there is none. */
  best() {
    let best;
    const sign = this.search.maximize ? 1 : -1;
    for (const [index, row] of this.runs) {
      if (!DONE.includes(row[STATE]) || !isNumber(row[VALUE])) continue;
      if (best === undefined || sign * (row[VALUE] - this.value(best)) > 0) best = index;
    }
    return best;
  }
}

const entries = (mapping) => Object.entries(mapping ?? {}).map(([index, value]) => [Number(index), value]);
