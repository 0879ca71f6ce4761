/* What the analysis says: the answer, what explains most, failures by their cause, what was shared. */

import { byId, count, element, ENDED, say, whole } from "./live_words.js";

const MOST_EFFECTS = 8;
const MOST_RUNS = 12; // of a cause of failure
const MOST_LETTERS = 300; // of a message
const EXPLAINED = "What each parameter explains";

/* Show a sentence as a paragraph each. */
export function drawSentences(place, sentences) {
  const said = sentences.map(whole);
  if (place.textContent !== said.join("")) place.replaceChildren(...said.map((words) => element("p", {}, words)));
}

/* There is no analysis, such as of too many runs. */
export function drawProblem(problem) {
  drawSentences(byId("answer-words"), problem.split("\n"));
  drawSentences(byId("causes"), ["Not known without an answer; the runs can be filtered by: failed"]);
  drawSentences(byId("shared"), ["Not known without an answer."]);
}

/* Show the answer with its doubt, and what explains most. */
export function drawAnswer(model) {
  const { answer, effects, labels, trials } = model.summary;
  const isNoiseKnown = trials.some(({ p }) => p !== null);
  say(byId("near"), isNoiseKnown ? "not distinguishable from it" : "the best tenth");
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
  const words = ["parameter", "share of the variance", "difference"];
  const headings = element("tr", {}, ...words.map((word) => element("th", { scope: "col" }, word)));
  const caption = element("caption", { className: "unseen" }, EXPLAINED);
  const parts = [caption, element("thead", {}, headings), element("tbody", {}, ...rows)];
  const table = element("table", { className: "plain shares" }, ...parts);
  return element("div", { className: "scroll bars", role: "region", ariaLabel: EXPLAINED, tabIndex: 0 }, table);
}

/* Show the failures by their cause; `open(index)` shows a run. What is opened stays open. */
export function drawFailures({ summary }, open) {
  const place = byId("causes");
  if (!summary.failures.length) return drawSentences(place, ["No run failed."]);
  const opened = new Set([...place.querySelectorAll("details[open]")].map((each) => each.dataset.cause));
  place.replaceChildren(...summary.failures.map((failure) => failureOf(failure, open)));
  place.querySelectorAll("details").forEach((each) => (each.open = opened.has(each.dataset.cause)));
}

function failureOf({ type, place, message, traceback, runs }, open) {
  const times = element("span", { className: "count" }, `${count(runs.length)} ×`);
  const made = element(
    "article",
    { className: "failure" },
    element("h3", {}, times, ` ${type}`),
    element("p", { className: "message" }, message.split("\n")[0].slice(0, MOST_LETTERS)),
    element("p", { className: "hint" }, place ? `at ${place}; runs ` : "runs ", ...linksTo(runs, open)),
  );
  if (traceback) {
    const summary = element("summary", {}, `Traceback of ${type} in run ${runs[0].index}`);
    const details = element("details", {}, summary, element("pre", { tabIndex: 0 }, traceback));
    details.dataset.cause = `${type} ${place}`;
    made.append(details);
  }
  return made;
}

function linksTo(runs, open) {
  const links = runs.slice(0, MOST_RUNS).flatMap(({ index }) => {
    const link = element("button", { type: "button", className: "link" }, String(index));
    link.ariaLabel = `Show run ${index}`;
    link.addEventListener("click", () => open(index));
    return [link, " "];
  });
  const more = runs.length - MOST_RUNS;
  return more > 0 ? [...links, `and ${count(more)} more`] : links;
}
