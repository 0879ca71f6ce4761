/* Server-sent events, read by fetch: unlike EventSource it says why it was refused, notices silence, and can be paused.

Browsers allow six connections to a server, for all tabs together, so a tab that nobody sees gives its own back. */

const SILENCE = 40_000; // milliseconds; the server says something each 15 seconds
const FIRST_WAIT = 500;
const LONGEST_WAIT = 4000;
const UNSEEN = 60_000;

export class Stream {
  #address;
  #told;
  #connection;
  #version = null;
  #abort = null;
  #wait = FIRST_WAIT;
  #wake = () => {};
  #isPaused = false;
  #isRunning = false;

  /* `told(kind, data)` is called for each event, `connection(word)` with "live", "lost", "unknown" or "paused". */
  constructor(address, { told, connection }) {
    this.#address = address;
    this.#told = told;
    this.#connection = connection;
  }

  start() {
    let timer = null;
    document.addEventListener("visibilitychange", () => {
      clearTimeout(timer);
      if (document.hidden) timer = setTimeout(() => this.#pause(), UNSEEN);
      else this.#resume();
    });
    window.addEventListener("online", () => this.#wake());
    this.#run();
  }

  #pause() {
    this.#isPaused = true;
    this.#connection("paused");
    this.#abort?.abort();
    this.#wake();
  }

  #resume() {
    this.#isPaused = false;
    this.#wake();
    this.#run();
  }

  async #run() {
    if (this.#isRunning) return;
    this.#isRunning = true;
    while (!this.#isPaused) {
      const word = await this.#read();
      if (this.#isPaused) break;
      this.#connection(word);
      await new Promise((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, this.#wait);
      });
      this.#wait = Math.min(2 * this.#wait, LONGEST_WAIT);
    }
    this.#isRunning = false;
  }

  /* Read until the connection ends; return why there is none. */
  async #read() {
    this.#abort = new AbortController();
    let silence;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => this.#abort.abort(), SILENCE);
    };
    heard();
    try {
      const headers = { Accept: "text/event-stream" };
      if (this.#version !== null) headers["Last-Event-ID"] = this.#version;
      const answer = await fetch(this.#address, { headers, signal: this.#abort.signal, cache: "no-store" });
      if (!answer.ok) return answer.status === 404 ? "unknown" : "lost";
      this.#connection("live");
      this.#wait = FIRST_WAIT;
      await this.#readBody(answer.body.getReader(), heard);
    } catch (error) {
      if (error instanceof Misfit) this.#version = null; // the whole state is asked for
    } finally {
      clearTimeout(silence);
      this.#abort.abort();
    }
    return "lost";
  }

  async #readBody(reader, heard) {
    const decoder = new TextDecoder();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      heard();
      text += decoder.decode(value, { stream: true });
      const events = text.replaceAll("\r\n", "\n").split("\n\n");
      text = events.pop();
      events.forEach((event) => this.#take(event));
    }
  }

  #take(event) {
    const fields = { event: "message", data: [] };
    for (const line of event.split("\n")) {
      const [, name, value] = line.match(/^([^:]*):? ?(.*)$/s);
      if (name === "data") fields.data.push(value);
      else if (name) fields[name] = value;
    }
    if (!fields.data.length) return;
    try {
      this.#told(fields.event, JSON.parse(fields.data.join("\n")));
    } catch (error) {
      if (error instanceof Misfit) throw error;
      reportError(error); // what the page cannot show is no reason to hear it again
    }
    if (fields.id !== undefined) this.#version = fields.id;
  }
}

/* A change that does not follow what is known. */
export class Misfit extends Error {}
