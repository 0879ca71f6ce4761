/* What people can have done: each asks first, then the server starts a command, and the page says what came of it. */

import { byId, counted, say } from "./live_words.js";

const ASKED = {
  "stop-run": (model, run) => ({
    title: `Stop run ${run}?`,
    words:
      "It ends with the value that it has reached, which counts, when its trainer next asks run.should_stop()." +
      " The ready trainer asks after each evaluation; a trainer that does not ask goes on.",
    yes: `Stop run ${run}`,
  }),
  stop: ({ search }) => ({
    title: "Stop the search?",
    words:
      `${counted(search.running.length, "running run")} will be ended; results stay.` +
      " It can be resumed at any time.",
    yes: "Stop the search",
  }),
  resume: ({ search }) => ({
    title: "Resume the search?",
    words: `The runs that are not done are executed on this machine, as by: gridfold resume ${search.name}`,
    yes: "Resume the search",
  }),
  retry: ({ search }) => ({
    title: "Retry the failed runs?",
    words: `${counted(search.states.failed ?? 0, "failed run")} will be executed again, from the beginning.`,
    yes: "Retry failed runs",
  }),
  more: () => ({
    title: "More repeats of the best?",
    words: "The best trials are run again with other seeds, which tells how sure their order is.",
    yes: "Run more repeats",
  }),
};

export class Actions {
  #model;
  #address;
  #token;
  #dialog = byId("confirm");
  #asked = null; // what the dialog asks about

  /* `address` is that of the search in the API. */
  constructor(model, address, token) {
    this.#model = model;
    this.#address = address;
    this.#token = token;
    byId("confirm-no").addEventListener("click", () => this.#dialog.close());
    byId("confirm-yes").addEventListener("click", () => this.#confirm());
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
    return Boolean(this.#model.search?.can[action.replace("-", "_")]);
  }

  ask(action, run) {
    if (!this.#can(action)) return;
    const { title, words, yes } = ASKED[action](this.#model, run);
    this.#asked = { action, run };
    say(byId("confirm-title"), title);
    say(byId("confirm-words"), words);
    say(byId("confirm-yes"), yes);
    byId("confirm-yes").classList.toggle("stops", action.startsWith("stop"));
    byId("confirm-more").hidden = action !== "more";
    if (action === "more") this.#proposeRepeats();
    this.#dialog.showModal();
    byId("confirm-no").focus();
  }

  /* Two more than they have, of those that cannot be told from the best, as far as that is affordable. */
  #proposeRepeats() {
    const trials = this.#model.summary?.trials ?? [];
    const close = trials.filter(({ standing }) => standing === "best" || standing === "near").length;
    byId("more-top").value = Math.min(Math.max(close, 2), 5);
    byId("more-repeats").value = Math.max(1, ...trials.map(({ runs }) => runs.length)) + 2;
  }

  #confirm() {
    const { action, run } = this.#asked;
    const fields = [byId("more-top"), byId("more-repeats")];
    if (action === "more" && !fields.every((field) => field.reportValidity())) return;
    const [top, repeats] = fields.map((field) => field.valueAsNumber);
    this.#dialog.close();
    this.#do(action, action === "more" ? { top, repeats } : action === "stop-run" ? { run } : {});
  }

  async #do(action, body) {
    const headers = { "Content-Type": "application/json", "X-Gridfold": this.#token };
    say(byId("said"), "Asking …");
    try {
      const answer = await fetch(`${this.#address}/${action}`, { method: "POST", headers, body: JSON.stringify(body) });
      const told = await answer.json().catch(() => ({}));
      if (answer.ok) this.told([told]);
      else say(byId("said"), `Nothing was done: ${told.problem ?? `the server answered ${answer.status}`}`);
    } catch {
      say(byId("said"), "Nothing was done: the server cannot be reached.");
    }
  }

  /* How the commands stand that buttons have started, the latest last. */
  told(commands) {
    const { command, exit_code: code, said } = commands.at(-1);
    const words = command.map((word) => word.split("/").at(-1)).join(" ");
    const how = { null: "is under way", 0: "is done" }[code] ?? `ended with exit code ${code}`;
    say(byId("said"), `${words} ${how}.${said ? `\n${said}` : ""}`);
  }
}
