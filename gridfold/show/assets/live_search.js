/* The page of a search. */

import { Actions } from "./live_actions.js";
import { drawAnswer, drawFailures, drawProblem, drawSentences } from "./live_answer.js";
import { drawCards } from "./live_cards.js";
import { Curves } from "./live_curves.js";
import { Model } from "./live_model.js";
import { drawProgress, progressWords } from "./live_progress.js";
import { RunDialog } from "./live_run.js";
import { Stream } from "./live_stream.js";
import { Table } from "./live_table.js";
import { byId, counted, ENDED, number, say } from "./live_words.js";

const TICK = 1000; // milliseconds between two times that the clocks of running runs are set
const REST = 250; // milliseconds between two times that figures are drawn
const QUIET = 5000; // between two things said to a screen reader
const CONNECTION = {
  lost: "The connection to gridfold serve is lost. This page shows what was last known, and tries to connect again.",
  unknown:
    "This server does not know the search, or it was started anew:" +
    " open the address that gridfold serve printed last.",
};

/* Show a search, and whatever becomes of it. */
export function showSearch(root, token, name) {
  const address = `${root}api/s/${name}`;
  byId("all-searches").href = root;
  byId("report").href = "report";
  const page = new SearchPage(address, token);
  new Stream(`${address}/events`, page).start();
}

class SearchPage {
  #address;
  #model = new Model();
  #actions;
  #dialog;
  #table;
  #curves;
  #ended = []; // runs that ended since that was said last
  #isStale = false;
  #isResting = false;
  #isAsked = false;
  #isAsking = false;
  #isSaying = false;

  constructor(address, token) {
    this.#address = address;
    this.#actions = new Actions(this.#model, address, token);
    this.#dialog = new RunDialog(this.#model, address, this.#actions);
    const open = (index) => this.#dialog.open(index);
    this.#table = new Table(this.#model, open);
    this.#curves = new Curves(this.#model, open);
    this.told = (kind, data) => this.#told(kind, data);
    this.connection = (word) => connection(word);
    setInterval(() => this.#model.search?.running.length && this.#drawCards(), TICK);
  }

  #told(kind, data) {
    if (kind === "answer") this.#fetchAnswer();
    if (kind === "actions") this.#actions.told(data);
    if (kind === "state") {
      this.#model.reset(data);
      this.#table.reset();
      this.#fetchAnswer();
    }
    if (kind === "change") {
      const moved = this.#model.apply(data);
      this.#table.update(Object.keys(data.runs ?? {}).map(Number), Boolean(data.columns));
      this.#announce(moved);
    }
    if (kind === "state" || kind === "change") this.#later();
  }

  /* The answer takes a while to be worked out: the server says so by an event, and answers when it is. */
  async #fetchAnswer() {
    this.#isAsked = true;
    if (this.#isAsking) return;
    this.#isAsking = true;
    while (this.#isAsked) {
      this.#isAsked = false;
      const answer = await fetch(`${this.#address}/answer`, { cache: "no-store" }).catch(() => null);
      if (answer?.ok) this.#take(await answer.json());
    }
    this.#isAsking = false;
  }

  #take({ summary, shared, problem }) {
    if (problem) return drawProblem(problem);
    this.#model.setSummary(summary);
    this.#table.update([]);
    drawAnswer(this.#model);
    drawFailures(this.#model, (index) => this.#dialog.open(index));
    drawSentences(byId("shared"), shared.sentences);
    this.#later();
  }

  #later() {
    this.#isStale = true;
    if (this.#isResting) return;
    this.#isResting = true;
    requestAnimationFrame(() => {
      this.#isStale = false;
      drawProgress(this.#model);
      this.#drawCards();
      this.#curves.draw();
      this.#dialog.draw();
      this.#actions.draw();
      setTimeout(() => {
        this.#isResting = false;
        if (this.#isStale) this.#later();
      }, REST);
    });
  }

  #drawCards() {
    drawCards(this.#model, this.#actions, (index) => this.#dialog.open(index));
  }

  /* Say to a screen reader which runs ended: not each, if there are many. */
  #announce(moved) {
    this.#ended.push(...moved.filter(([, , state]) => ENDED.includes(state)).map(([index]) => index));
    if (!this.#ended.length || this.#isSaying) return;
    const [index, more] = [this.#ended[0], this.#ended.length - 1];
    const model = this.#model;
    const first = `Run ${index} ${model.state(index)}, ${model.metric} ${number(model.value(index))}`;
    const others = more ? `, and ${counted(more, "more run")} ended` : "";
    say(byId("news"), `${first}${others}. ${progressWords(model)}`);
    this.#ended = [];
    this.#isSaying = true;
    setTimeout(() => {
      this.#isSaying = false;
      this.#announce([]);
    }, QUIET);
  }
}

/* Say at the top of the page that nothing new comes, and why. */
export function connection(word) {
  const place = byId("connection");
  say(place, CONNECTION[word] ?? "");
  place.hidden = !CONNECTION[word];
}
