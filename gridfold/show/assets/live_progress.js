/* How far a search is: in a sentence, as a bar, in numbers. */

import { byId, count, counted, DONE, duration, element, ENDED, keyed, NOTHING, number, say } from "./live_words.js";

const ORDER = ["completed", "stopped", "running", "waiting", "failed", "lost", "interrupted"];
const TO_DO = { created: "not started", "not named yet": "not named yet" };

/* How far a search is, in a sentence. */
export function progressWords(model) {
  const { search } = model;
  const { states, total, running } = search;
  const ended = model.count(ENDED);
  const said = [`${count(ended)} of ${counted(total, "run")} ${ended === 1 && total === 1 ? "is" : "are"} over`];
  if (states.failed) said.push(`${count(states.failed)} failed`);
  if (running.length) said.push(`${count(running.length)} running`);
  const left = typeof search.left_seconds === "number" ? `; about ${duration(search.left_seconds)} left` : "";
  if (ended >= total) return `${said.join(", ")}.`;
  if (search.is_alive) return `${said.join(", ")}${left}.`;
  return `${said.join(", ")}. No process executes the search now: gridfold resume ${search.name} continues it.`;
}

/* Show how far it is. */
export function drawProgress(model) {
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
  const bestRun = () => [number(model.value(best)), `run ${best}: ${model.parameters(best)}`];
  const facts = {
    [`best ${model.metric} of a run`]: best === null ? [NOTHING, "no run has one"] : bestRun(),
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
  const parts = { ...(isToday ? {} : { weekday: "short" }), hour: "2-digit", minute: "2-digit" };
  return [duration(search.left_seconds), `until about ${end.toLocaleTimeString([], parts)}`];
}

const newFact = (name) =>
  element("div", {}, element("dt", {}, name), element("dd", {}, element("span"), element("small")));
