// Refreshes the live parts of a page: asks the server for the same page's content and changes only what differs,
// so that focus, opened details, scroll positions and half-written fields stay as they are.
import { localise } from "./times.js";

const rest = 700;
let timer;
let busy = false;
let again = false;

export function refreshSoon(delay = rest) {
  if (!document.querySelector("[data-live]")) return;
  clearTimeout(timer);
  timer = setTimeout(refresh, delay);
}

// Under a stream of receipts: at the latest one `rest` after the first, never twice at once.
let planned = false;
export function refreshDuringStream() {
  if (planned) return;
  planned = true;
  setTimeout(() => {
    planned = false;
    refresh();
  }, rest);
}

// A page nobody looks at waits until somebody does.
let missed = false;
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && missed) refresh();
});

async function refresh() {
  missed = document.hidden;
  if (missed) return;
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  try {
    const answer = await fetch(location.pathname + location.search, {
      headers: { "X-Fragment": "main" },
      credentials: "same-origin",
      signal: AbortSignal.timeout(20_000),
    });
    if (answer.redirected || answer.status === 401) return;
    if (!answer.ok) return;
    apply(await answer.text());
  } catch {
    // The live state in the top bar already says that the server cannot be reached.
  } finally {
    busy = false;
    if (again) {
      again = false;
      refreshDuringStream();
    }
  }
}

function apply(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  localise(fresh);
  for (const old of document.querySelectorAll("[data-live]")) {
    const now = fresh.getElementById(old.id);
    if (now) become(old, now);
  }
  document.dispatchEvent(new Event("refreshed"));
}

// Makes an element equal to another one. What the reader did (opened, typed, filtered) is left alone. A row that stays
// is not moved as long as the order stays: moving takes focus, selection and scroll positions away from it.
function become(old, now) {
  if (old.isEqualNode(now)) return;
  attributes(old, now);
  const stays = new Set([...now.children].map((child) => child.id));
  const keyed = new Map();
  for (const child of [...old.children]) {
    if (!child.id) continue;
    if (stays.has(child.id)) keyed.set(child.id, child);
    else child.remove();
  }
  let next = old.firstChild;
  for (const child of [...now.childNodes]) {
    const match = child.id ? keyed.get(child.id) : alike(next, child) ? next : undefined;
    // What stood between rows that are gone.
    while (child.id && match && next && next !== match && !next.id) next = drop(next);
    if (match) {
      if (match !== next) old.insertBefore(match, next);
      else next = next.nextSibling;
      if (match.nodeType === Node.ELEMENT_NODE) become(match, child);
      else if (match.nodeValue !== child.nodeValue) match.nodeValue = child.nodeValue;
    } else {
      old.insertBefore(document.adoptNode(child), next);
    }
  }
  while (next) next = drop(next);
}

// Takes a node away and answers with the one behind it.
function drop(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

function alike(old, now) {
  return old && old.nodeType === now.nodeType && old.nodeName === now.nodeName && !old.id && !now.id;
}

const own = { DETAILS: ["open"], INPUT: ["value"], DIALOG: ["open"] };

function attributes(old, now) {
  // Nobody types into a hidden field: it follows the server.
  const typed = old.matches("input[type=hidden]") ? [] : (own[old.tagName] ?? []);
  const kept = [...typed, "hidden", "aria-busy", "aria-invalid", "aria-describedby"];
  for (const { name, value } of now.attributes) {
    if (!kept.includes(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    if (!kept.includes(name) && !now.hasAttribute(name)) old.removeAttribute(name);
  }
}
