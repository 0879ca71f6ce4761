/* What runs now: a card for each run, with the end of its log. */

import { follow } from "./live_run.js";
import { byId, counted, duration, element, keyed, number, say } from "./live_words.js";

const MOST_CARDS = 12;
const MOST_PARTS = 3; // of what a run says of its progress

/* Show the runs that are under way, those first of which the server sends the log. */
export function drawCards(model, actions, open) {
  const { running, is_alive: isAlive } = model.search;
  const [told, others] = [true, false].map((has) => running.filter((index) => model.tails.has(index) === has));
  const shown = [...told, ...others].slice(0, MOST_CARDS);
  keyed(byId("cards"), shown, (index) => newCard(index, actions, open), (card, index) => drawCard(card, index, model));
  const more = running.length - shown.length;
  const nothing = isAlive ? "No run is running at this moment." : "Nothing is running.";
  const left = more ? `${counted(more, "more run")} running: filter the table by “running”.` : "";
  say(byId("no-cards"), running.length ? left : nothing);
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
  const isTotal = (name) => name.endsWith("s") && name.slice(0, -1) in said;
  const names = Object.keys(said).filter((name) => name !== "started" && !isTotal(name));
  return names.slice(0, MOST_PARTS).map((name) => {
    const most = said[`${name}s`];
    return `${name} ${number(said[name])}${most === undefined ? "" : ` of ${number(most)}`}`;
  });
}
