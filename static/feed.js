// Rows of the evidence feed, built from frames. Everything people or pages wrote goes in as text, never as markup.
import { clock } from "./times.js";

const icons = { log: "lines", http: "globe", screenshot: "camera", file: "file", execution: "play", llm: "spark", decision: "fork" };
const most = 60;
let held = [];

export function feed() {
  const list = document.getElementById("feed");
  if (!list) return;
  // Rows do not move away under the pointer or the keyboard: they wait until it leaves.
  const release = () => {
    const rows = held;
    held = [];
    for (const row of rows) show(list, row);
    note(list);
  };
  list.addEventListener("pointerleave", release);
  list.addEventListener("focusout", () => requestAnimationFrame(() => list.matches(":focus-within") || release()));
}

export function add(frame) {
  const list = document.getElementById("feed");
  if (!list || list.querySelector(`[data-receipt="${anchor(frame.receipt)}"]`)) return;
  const row = build(frame);
  if (list.matches(":hover, :focus-within")) {
    held = [...held, row].slice(-most);
    note(list);
  } else {
    show(list, row);
  }
}

function show(list, row) {
  const top = list.scrollTop;
  list.prepend(row);
  while (list.children.length > most) list.lastElementChild.remove();
  if (top > 0) list.scrollTop = top + row.offsetHeight;
  const empty = document.getElementById("feed-empty");
  if (empty) empty.hidden = true;
}

function note(list) {
  const box = document.getElementById("feed-note");
  if (box) box.textContent = held.length ? `${held.length} new` : "";
  list.toggleAttribute("data-held", held.length > 0);
}

function build({ persona, receipt }) {
  const body = receipt.body ?? { summary: "content erased; the chain still verifies" };
  const bad = Boolean(body.error) || ["denied", "unknown", "dropped", "expired"].includes(receipt.phase);
  const row = element("li", "new");
  row.dataset.receipt = anchor(receipt);
  const link = element("a", bad ? "receipt bad" : "receipt");
  if (receipt.run) link.href = `/runs/${encodeURIComponent(receipt.run)}#${anchor(receipt)}`;
  const words = element("div", "clip");
  words.append(element("b", "", persona?.name ?? "system"), " ", element("span", "muted", line(receipt, body)));
  const iso = new Date(receipt.at_ms).toISOString();
  const time = element("time", "", clock(iso, "exact"));
  time.dateTime = iso;
  time.dataset.t = "exact";
  const side = element("div");
  side.append(time, element("span", "hash", `${receipt.hash.slice(0, 4)}…${receipt.hash.slice(-2)}`));
  link.append(icon(receipt.kind), words, side);
  row.append(link);
  return row;
}

// The name of a receipt on every page that shows it.
function anchor(receipt) {
  return CSS.escape(`r-${receipt.hash.slice(0, 12)}`);
}

function line(receipt, body) {
  const phase = !receipt.phase || ["outcome", "decision"].includes(receipt.phase) ? [] : [receipt.phase];
  return [...phase, body.summary, ...cost(body)].join(" · ");
}

function cost(body) {
  if (!body.cost) return [];
  const tokens = body.cost.input_tokens + body.cost.output_tokens;
  const parts = tokens ? [`${tokens.toLocaleString("en")} tok`] : [];
  if (body.cost.micro_usd) parts.push(`$${(body.cost.micro_usd / 1e6).toFixed(4)}`);
  return parts;
}

function element(name, classes = "", text = "") {
  const one = document.createElement(name);
  if (classes) one.className = classes;
  if (text) one.textContent = text;
  return one;
}

function icon(kind) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", kind);
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `/static/icons.svg#${icons[kind] ?? "lines"}`);
  svg.append(use);
  return svg;
}
