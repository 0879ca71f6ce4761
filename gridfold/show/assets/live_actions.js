/* What people can have done: each asks first, then the server, and says what came of it. */

import { byId, counted, say } from "./live_words.js";

const WORDS = {
  "stop-run": ({ run }) => ({
    title: `Stop run ${run}?`,
    words: "Its process is ended. What it reported and saved so far stays; the other runs go on.",
    yes: `Stop run ${run}`,
  }),
  stop: ({ model }) => ({
    title: "Stop the search?",
    words:
      `${counted(model.search.running.length, "running run")} will be ended; all results stay.` +
      ` gridfold resume ${model.search.name} goes on with it.`,
    yes: "Stop the search",
  }),
  retry: ({ model }) => ({
    title: "Retry the failed runs?",
    words: `${counted(model.search.states.failed ?? 0, "failed run")} will be executed again, from the beginning.`,
    yes: "Retry failed runs",
  }),
  more: () => ({
    title: "More repeats of the best?",
    words: "The best trials, and those that cannot be told from them, are run again with other seeds.",
    yes: "Run more repeats",
  }),
};

export class Actions {
  #model;
  #address;
  #token;
  #dialog = byId("confirm");
  #asked = null;

  /* `address` is that of the search in the API. */
  constructor(model, address, token) {
    this.#model = model;
    this.#address = address;
    this.#token = token;
    byId("confirm-no").addEventListener("click", () => this.#dialog.close());
    byId("confirm-yes").addEventListener("click", () => {
      this.#dialog.close();
      this.#do(this.#asked);
    });
    document.querySelectorAll("header [data-action]").forEach((button) => {
      button.addEventListener("click", () => this.ask(button.dataset.action));
    });
  }

  /* Say which of them are possible now. A button that is not keeps its place, and the focus if it has it. */
  draw() {
    document.querySelectorAll("[data-action]").forEach((button) => {
      button.ariaDisabled = String(!this.#can(button.dataset.action));
    });
  }

  #can(action) {
    return Boolean(this.#model.search?.can?.[action]);
  }

  ask(action, run) {
    if (!this.#can(action)) return;
    const { title, words, yes } = WORDS[action]({ model: this.#model, run });
    this.#asked = { action, body: run === undefined ? {} : { run } };
    say(byId("confirm-title"), title);
    say(byId("confirm-words"), words);
    say(byId("confirm-yes"), yes);
    this.#dialog.showModal();
    byId("confirm-no").focus();
  }

  async #do({ action, body }) {
    const headers = { "Content-Type": "application/json", "X-Gridfold": this.#token };
    say(byId("said"), "Asking …");
    try {
      const answer = await fetch(`${this.#address}/${action}`, { method: "POST", headers, body: JSON.stringify(body) });
      say(byId("said"), said(await answer.json().catch(() => ({})), answer));
    } catch {
      say(byId("said"), "Nothing was done: the server cannot be reached.");
    }
  }
}

function said(told, answer) {
  if (answer.ok) return told.said ?? "Done.";
  const { problem = `the server answered ${answer.status}`, hint } = told.error ?? {};
  return `Nothing was done: ${problem}${hint ? ` (${hint})` : ""}`;
}
