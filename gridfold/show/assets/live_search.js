/* The page of a search. */

import { Actions } from "./live_actions.js";
import { Curves } from "./live_curves.js";
import { Model } from "./live_model.js";
import { follow, RunDialog } from "./live_run.js";
import { Stream } from "./live_stream.js";
import { Table } from "./live_table.js";
import {
  byId, count, counted, DONE, duration, element, ENDED, keyed, NOTHING, number, say, whole,
} from "./live_words.js";

const MOST_CARDS = 12;
const MOST_PARTS = 3; // of what a run says of its progress
const MOST_RUNS = 12; // of a cause of failure
const MOST_EFFECTS = 8;
const TICK = 1000; // milliseconds between two times that the clocks of running runs are set
const REST = 250; // milliseconds between two times that figures are drawn
const QUIET = 5000; // between two things said to a screen reader
const ORDER = ["completed", "stopped", "running", "waiting", "failed", "lost", "interrupted"];
const TO_DO = { created: "not started", "not named yet": "not named yet" };
const CONNECTION = {
  lost: "The connection to gridfold serve is lost. This page shows what was last known, and tries to connect again.",
  unknown: "This server does not know the search, or it was started anew: open the address that gridfold serve printed last.",
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
    if (problem) return drawSentences(byId("answer-words"), [`There is no answer: ${problem}`]);
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
    const first = `Run ${index} ${this.#model.state(index)}, ${this.#model.metric} ${number(this.#model.value(index))}`;
    say(byId("news"), `${first}${more ? `, and ${counted(more, "more run")} ended` : ""}. ${progressWords(this.#model)}`);
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
  document.body.dataset.connection = word;
  say(place, CONNECTION[word] ?? "");
  place.hidden = !CONNECTION[word];
}

function progressWords(model) {
  const { search } = model;
  const { states, total, running } = search;
  const ended = model.count(ENDED);
  const said = [`${count(ended)} of ${counted(total, "run")} ${ended === 1 && total === 1 ? "is" : "are"} over`];
  if (states.failed) said.push(`${count(states.failed)} failed`);
  if (running.length) said.push(`${count(running.length)} running`);
  const left = typeof search.left_seconds === "number" ? `; about ${duration(search.left_seconds)} left` : "";
  if (ended >= total) return `${said.join(", ")}.`;
  if (!search.is_alive) return `${said.join(", ")}. No process executes the search now: gridfold resume ${search.name} continues it.`;
  return `${said.join(", ")}${left}.`;
}

function drawProgress(model) {
  const { search } = model;
  const { states, total } = search;
  say(byId("name"), search.name);
  const better = search.maximize ? "higher" : "lower";
  say(byId("subtitle"), search.metric ? `compared by ${search.metric}, ${better} is better` : "no metric yet");
  const ended = model.count(ENDED);
  document.title = `${count(ended)}/${count(total)} · ${search.name} – gridfold`;
  say(byId("progress-words"), progressWords(model));
  const bar = byId("bar");
  Object.assign(bar, { ariaValueNow: ended, ariaValueMax: total, ariaValueText: progressWords(model) });
  const shown = ORDER.filter((state) => states[state]);
  keyed(bar, shown, (state) => element("span", { className: `part is-${state}` }), (part, state) => {
    part.style.width = `${(100 * states[state]) / Math.max(total, 1)}%`;
  });
  const toDo = Object.keys(TO_DO).filter((state) => states[state]);
  keyed(byId("states"), [...shown, ...toDo], newState, (item, state) => {
    say(item.lastChild, `${count(states[state])} ${TO_DO[state] ?? state}`);
  });
  say(byId("problem"), search.problem);
  drawFacts(model);
}

const newState = (state) => element("li", {}, element("span", { className: `dot is-${state}` }), element("span"));

function drawFacts(model) {
  const { search } = model;
  const { best, is_alive: isAlive, parallel } = search;
  const facts = {
    [`best ${model.metric} of a run`]:
      best === null ? [NOTHING, "no run has one"] : [number(model.value(best)), `run ${best}: ${model.parameters(best)}`],
    done: [count(model.count(DONE)), `of ${counted(search.total, "run")}`],
    "time left": timeLeft(search),
    "where it runs": [isAlive ? search.host : "nowhere now", isAlive && parallel ? `${parallel} at a time` : ""],
  };
  keyed(byId("facts"), Object.keys(facts), newFact, (item, name) => {
    const [value, note] = item.lastChild.children;
    say(value, facts[name][0]);
    say(note, facts[name][1]);
  });
}

function timeLeft(search) {
  if (!search.is_alive) return [NOTHING, "nothing is running"];
  if (typeof search.left_seconds !== "number") return [NOTHING, "not known yet"];
  const end = new Date(Date.now() + 1000 * search.left_seconds);
  const isToday = end.toDateString() === new Date().toDateString();
  const day = isToday ? {} : { weekday: "short" };
  return [duration(search.left_seconds), `until about ${end.toLocaleTimeString([], { ...day, hour: "2-digit", minute: "2-digit" })}`];
}

const newFact = (name) =>
  element("div", {}, element("dt", {}, name), element("dd", {}, element("span"), element("small")));

function drawCards(model, actions, open) {
  const running = model.search.running;
  const shown = running.slice(0, MOST_CARDS);
  keyed(byId("cards"), shown, (index) => newCard(index, actions, open), (card, index) => drawCard(card, index, model));
  const more = running.length - shown.length;
  const nothing = running.length ? "" : model.search.is_alive ? "No run is running at this moment." : "Nothing is running.";
  say(byId("no-cards"), more > 0 ? `${counted(more, "more run")} running: filter the table by “running”.` : nothing);
}

function newCard(index, actions, open) {
  const show = element("button", { type: "button", className: "action" }, "Show");
  show.ariaLabel = `Show run ${index}`;
  show.addEventListener("click", () => open(index));
  const stop = element("button", { type: "button", className: "action", ariaLabel: `Stop run ${index}` }, "Stop");
  stop.dataset.action = "stop-run";
  stop.addEventListener("click", () => actions.ask("stop-run", index));
  return element(
    "article",
    { className: "card", ariaLabel: `Run ${index}` },
    element("div", { className: "card-head" }, element("h3", {}, `Run ${index}`), show, stop),
    element("p", { className: "card-params" }),
    element("p", { className: "card-now" }),
    element("pre", { tabIndex: 0, ariaLabel: `The end of the log of run ${index}` }),
  );
}

function drawCard(card, index, model) {
  say(card.querySelector(".card-params"), model.parameters(index));
  const parts = [duration(model.seconds(index)), ...progressParts(model.progress.get(index) ?? {})];
  say(card.querySelector(".card-now"), [...parts, `${model.metric} ${number(model.value(index))}`].join(" · "));
  follow(card.querySelector("pre"), model.tails.get(index) || "(no output yet)");
}

/* What a run says of its progress: `epoch` and `epochs` are epoch 3 of 10. */
function progressParts(said) {
  const names = Object.keys(said).filter((name) => name !== "started" && !(name.endsWith("s") && name.slice(0, -1) in said));
  return names.slice(0, MOST_PARTS).map((name) => {
    const most = said[`${name}s`];
    return `${name} ${number(said[name])}${most === undefined ? "" : ` of ${number(most)}`}`;
  });
}

function drawSentences(place, sentences) {
  const said = sentences.map(whole);
  if (place.textContent !== said.join("")) place.replaceChildren(...said.map((words) => element("p", {}, words)));
}

function drawAnswer(model) {
  const { answer, effects, labels } = model.summary;
  say(byId("answer-title"), model.count(ENDED) < model.search.total ? "Answer so far" : "Answer");
  drawSentences(byId("answer-words"), answer.length ? answer : ["There is no answer yet."]);
  byId("answer-words").firstElementChild.className = "lead";
  const table = effects.length ? [effectTable(effects.slice(0, MOST_EFFECTS), labels)] : [];
  byId("effects").replaceChildren(...table);
}

function effectTable(effects, labels) {
  const rows = effects.map(({ path, share, verdict }) => {
    const filled = element("span");
    filled.style.width = `${(100 * share).toFixed(1)}%`;
    const bar = element("td", {}, element("span", { className: "bar" }, filled), `${(100 * share).toFixed(1)} %`);
    return element("tr", {}, element("th", { scope: "row" }, labels[path]), bar, element("td", {}, verdict));
  });
  const headings = ["parameter", "share of the variance", "difference"].map((words) => element("th", { scope: "col" }, words));
  const caption = element("caption", { className: "unseen" }, "What each parameter explains");
  const table = element("table", { className: "plain shares" }, caption, element("thead", {}, element("tr", {}, ...headings)));
  table.append(element("tbody", {}, ...rows));
  return element("div", { className: "scroll bars", role: "region", ariaLabel: "What each parameter explains", tabIndex: 0 }, table);
}

function drawFailures({ summary }, open) {
  const place = byId("causes");
  if (!summary.failures.length) return drawSentences(place, ["No run failed."]);
  const opened = new Set([...place.querySelectorAll("details[open]")].map((each) => each.dataset.cause));
  place.replaceChildren(...summary.failures.map((failure) => failureOf(failure, open)));
  place.querySelectorAll("details").forEach((each) => (each.open = opened.has(each.dataset.cause)));
}

function failureOf({ type, place, message, traceback, runs }, open) {
  const links = runs.slice(0, MOST_RUNS).map(({ index }) => {
    const link = element("button", { type: "button", className: "link", ariaLabel: `Show run ${index}` }, String(index));
    link.addEventListener("click", () => open(index));
    return link;
  });
  const more = runs.length - links.length;
  const where = element("p", { className: "hint" }, place ? `at ${place}; runs ` : "runs ", ...links.flatMap((link) => [link, " "]));
  if (more > 0) where.append(`and ${count(more)} more`);
  const made = element(
    "article",
    { className: "failure" },
    element("h3", {}, element("span", { className: "count" }, `${count(runs.length)} ×`), ` ${type}`),
    element("p", { className: "message" }, String(message ?? "").split("\n")[0].slice(0, 300)),
    where,
  );
  if (traceback) {
    const lines = element("pre", { tabIndex: 0 }, traceback);
    const details = element("details", {}, element("summary", {}, `Traceback of ${type} in run ${runs[0].index}`), lines);
    details.dataset.cause = `${type} ${place}`;
    made.append(details);
  }
  return made;
}
