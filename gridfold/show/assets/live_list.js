/* The searches of a folder, the latest first. */

import { connection } from "./live_search.js";
import { byId, count, element, ENDED, keyed, moment, number, say } from "./live_words.js";

const OFTEN = 5000; // milliseconds

export function showList(root) {
  const look = async () => {
    if (!document.hidden) await update(root);
    setTimeout(look, OFTEN);
  };
  document.addEventListener("visibilitychange", () => !document.hidden && update(root));
  document.title = "Searches – gridfold";
  look();
}

async function update(root) {
  const answer = await fetch(`${root}api/searches`, { cache: "no-store" }).catch(() => null);
  connection(answer?.ok ? "live" : answer?.status === 404 ? "unknown" : "lost");
  if (!answer?.ok) return;
  const { searches } = await answer.json();
  const known = new Map(searches.map((search) => [search.name, search]));
  byId("none").hidden = known.size > 0;
  const draw = (row, name) => drawRow(row, known.get(name));
  keyed(byId("searches"), [...known.keys()], (name) => newRow(root, name), draw);
}

function newRow(root, name) {
  const link = element("a", { href: `${root}s/${encodeURIComponent(name)}/` }, name);
  const progress = element("td", {}, element("span", { className: "bar" }, element("span")), element("span"));
  const cells = [1, 2, 3, 4].map(() => element("td"));
  return element("tr", {}, element("th", { scope: "row" }, link), progress, ...cells);
}

function drawRow(row, search) {
  const { states, total = 0, best } = search;
  const [, progress, state, value, metric, created] = row.cells;
  const ended = ENDED.reduce((sum, state) => sum + (states?.[state] ?? 0), 0);
  progress.firstChild.hidden = !states;
  progress.firstChild.firstChild.style.width = `${(100 * ended) / Math.max(total, 1)}%`;
  say(progress.lastChild, states ? `${count(ended)} of ${count(total)}` : total ? `${count(total)} runs` : "");
  say(state, stateWords(search, total - ended));
  say(value, number(best));
  say(metric, search.metric ?? "");
  say(created, moment(search.created));
}

/* How far a search is, in a word or two. */
function stateWords({ problem, is_alive: isAlive, host, states, ended }, left) {
  if (problem) return "cannot be read";
  if (isAlive) return host ? `running on ${host}` : "running";
  if (!states) return ended ? "over" : "not running";
  const said = [];
  if (states.failed) said.push(`${count(states.failed)} failed`);
  if (left > 0) said.push(`${count(left)} left`);
  return said.join(", ") || "done";
}
