/* One run: what it is, how it stands, and the end of its log, which grows while it runs. */

import { FACTS } from "./live_model.js";
import { byId, duration, element, number, say, text } from "./live_words.js";

const TAIL = 65_536; // bytes
const OFTEN = 2000; // milliseconds
const AT_END = 8; // pixels

export class RunDialog {
  #model;
  #address;
  #dialog = byId("run-dialog");
  #log = byId("run-log");
  #index = null;
  #timer = null;

  constructor(model, address, actions) {
    this.#model = model;
    this.#address = address;
    byId("run-close").addEventListener("click", () => this.#dialog.close());
    byId("run-stop").addEventListener("click", () => actions.ask("stop-run", this.#index));
    this.#dialog.addEventListener("close", () => {
      clearTimeout(this.#timer);
      this.#index = null;
    });
  }

  open(index) {
    this.#index = index;
    this.#log.textContent = "";
    this.draw();
    if (!this.#dialog.open) this.#dialog.showModal();
    byId("run-title").focus();
    this.#read();
  }

  draw() {
    if (this.#index === null) return;
    const [model, index] = [this.#model, this.#index];
    say(byId("run-title"), `Run ${index}`);
    byId("run-stop").hidden = model.state(index) !== "running";
    const facts = [
      ["state", model.state(index)],
      [model.metric, number(model.value(index))],
      ["step", number(model.step(index))],
      ["time", duration(model.seconds(index))],
      ...model.columns.map((column, at) => [column.name, words(column, model.cell(index, at))]).slice(FACTS),
    ];
    const place = byId("run-facts");
    if (place.children.length !== facts.length) {
      place.replaceChildren(...facts.map(() => element("div", {}, element("dt"), element("dd"))));
    }
    facts.forEach(([name, value], at) => {
      say(place.children[at].firstChild, name);
      say(place.children[at].lastChild, value);
    });
  }

  async #read() {
    clearTimeout(this.#timer);
    const index = this.#index;
    let said = "";
    try {
      const answer = await fetch(`${this.#address}/log/${index}?tail=${TAIL}`, { cache: "no-store" });
      said = answer.ok ? await answer.text() : "";
    } catch {
      said = this.#log.textContent;
    }
    if (index !== this.#index) return;
    follow(this.#log, said || "(nothing yet)");
    if (this.#model.state(index) === "running") this.#timer = setTimeout(() => this.#read(), OFTEN);
  }
}

const words = ({ kind }, value) => (kind === "metric" ? number : text)(value);

/* Show the end of a log; who has scrolled up stays there. */
export function follow(place, said) {
  if (place.textContent === said) return;
  const isAtEnd = place.scrollHeight - place.scrollTop - place.clientHeight <= AT_END;
  place.textContent = said;
  if (isAtEnd) place.scrollTop = place.scrollHeight;
}
