/* Numbers, times and values as a person reads them, and the elements that hold them. */

export const NOTHING = "–";
export const DONE = ["completed", "stopped"];
export const ENDED = [...DONE, "failed"];

export const count = (many) => many.toLocaleString("en");
export const counted = (many, one) => `${count(many)} ${one}${many === 1 ? "" : "s"}`;
export const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

/* Four digits after the point, as in the report; what is too small for them has an exponent. */
export function number(value) {
  if (value === null || value === undefined) return NOTHING;
  if (!isNumber(value)) return text(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return String(value);
  const size = Math.abs(value);
  const said = size < 1e-3 || size >= 1e9 ? value.toExponential(3) : value.toFixed(4);
  return said.replace("e+", "e").replace(/\.?0+e/, "e");
}

/* A value of a parameter, which the server sends as it is to be read. */
export function text(value) {
  if (value === null || value === undefined) return NOTHING;
  return typeof value === "string" ? value : JSON.stringify(value);
}

export function duration(seconds) {
  if (!isNumber(seconds)) return NOTHING;
  if (seconds < 119.5) return `${seconds < 9.95 ? Number(seconds.toPrecision(2)) : Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  const [days, left] = [Math.floor(hours / 24), hours % 24];
  return left ? `${days} d ${left} h` : `${days} d`;
}

/* A moment by the clock of this place; "" for what is none. */
export function moment(said) {
  const at = new Date(said ?? NaN);
  if (Number.isNaN(at.getTime())) return "";
  const two = (part) => String(part).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

export const byId = (id) => document.getElementById(id);

/* An element. Texts are set as texts, never as HTML: what runs say cannot become a part of the page. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/* A sentence in which no line breaks at a sign or before a unit. */
export const whole = (sentence) => sentence.replace(/ (?=[%±=])|(?<=[±=]) /g, "\u00a0");

/* Set the text of an element, which is left alone if it says that already: selections and screen readers stay calm. */
export function say(where, words) {
  if (where.textContent !== words) where.textContent = words;
}

/* Children by key: those that are there are kept, so that focus and places of scrolling stay. */
export function keyed(parent, keys, make, update) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const wanted = keys.map((key) => known.get(String(key)) ?? make(key));
  arrange(parent, wanted);
  keys.forEach((key, at) => {
    wanted[at].dataset.key = key;
    update(wanted[at], key);
  });
}

/* Give a parent these children in this order, moving as few as possible. */
export function arrange(parent, wanted) {
  const focused = document.activeElement;
  const kept = new Set(wanted);
  for (const child of [...parent.children]) if (!kept.has(child)) child.remove();
  let next = parent.firstElementChild;
  for (const child of wanted) {
    if (child === next) next = next.nextElementSibling;
    else parent.insertBefore(child, next);
  }
  if (focused !== document.activeElement && parent.contains(focused)) focused.focus({ preventScroll: true });
}
