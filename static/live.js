// The live stream: every receipt after its commit, resumed where it broke off.
import { call } from "./api.js";
import { add, feed } from "./feed.js";
import { refreshDuringStream, refreshSoon } from "./swap.js";

const shortest = 500;
const longest = 15_000;

let cursor;
let pause = shortest;
let begun = false;

export function live() {
  cursor = document.body.dataset.cursor;
  feed();
  connect();
}

async function connect() {
  try {
    const { ticket } = await call("POST", "/api/auth/ticket");
    open(ticket);
  } catch (problem) {
    if (problem.status !== 401) later();
  }
}

function open(ticket) {
  const address = new URL("/ws/evidence", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  address.searchParams.set("since", cursor);
  address.searchParams.set("ticket", ticket);
  const persona = document.body.dataset.persona;
  if (persona) address.searchParams.set("persona", persona);
  const socket = new WebSocket(address);
  socket.addEventListener("open", () => {
    pause = shortest;
    state("live", "live");
    // What is not a receipt (who is awake, who waits) may have changed while nobody listened.
    if (begun) refreshSoon();
    begun = true;
  });
  socket.addEventListener("message", (event) => take(event.data));
  socket.addEventListener("close", later);
}

function later() {
  state("trying", "reconnecting");
  // Some chance, so that a thousand pages do not come back in the same moment.
  setTimeout(connect, pause * (0.7 + Math.random() * 0.6));
  pause = Math.min(pause * 2, longest);
}

function take(text) {
  let frame;
  try {
    frame = JSON.parse(text);
  } catch {
    return;
  }
  if (frame.cursor !== undefined) cursor = frame.cursor;
  if (frame.type === "receipt") {
    add(frame);
    // A question was asked, answered or closed.
    if (frame.receipt.body?.data?.became) count();
    refreshDuringStream();
  } else if (frame.type === "gap") {
    refreshSoon(0);
  } else if (frame.type === "alert") {
    if (frame.alert.kind === "approval") count();
    refreshDuringStream();
  } else if (frame.type === "actors") {
    figures(frame.figures);
    refreshDuringStream();
  }
}

// How many calls wait for a yes or no.
async function count() {
  try {
    const { waiting } = await call("GET", "/api/approvals/waiting");
    const box = document.getElementById("waiting-count");
    box.textContent = waiting;
    box.hidden = waiting === 0;
  } catch {
    // The next alert counts again.
  }
}

function figures({ active_personas: held, cap }) {
  document.getElementById("held").textContent = held;
  document.getElementById("cap").textContent = cap;
}

function state(light, word) {
  const box = document.getElementById("live");
  if (box.dataset.state === word) return;
  box.dataset.state = word;
  box.querySelector(".light").className = `light ${light}`;
  box.querySelector("span").textContent = word;
}
