// Dialogs: opened by `data-open`, closed by `data-close`; the browser keeps the focus inside and gives it back.
import { call } from "./api.js";
import { forget, remember } from "./form.js";
import { toast } from "./toast.js";

export function dialogs() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open]");
    if (opener) {
      open(opener.dataset.open);
      listGoals(document.querySelector(`#${opener.dataset.open} select[data-goals]`));
    }
    event.target.closest("[data-close]")?.closest("dialog")?.close();
    const filled = event.target.closest("[data-fill]");
    if (filled) fill(filled.dataset.fill, filled.dataset.from);
    const correct = event.target.closest("[data-correct]");
    if (correct) correctGoal(correct.dataset.correct);
  });
  document.addEventListener("change", (event) => {
    if (event.target.name === "kind" && event.target.form?.hasAttribute("data-goal")) showKind(event.target.form);
    if (event.target.matches("[data-preset]")) nameFollows(event.target);
    if (event.target.matches("[data-template-choice]")) showTemplate(event.target);
  });
  document.addEventListener("reset", (event) => {
    // After the reset, not before it.
    if (event.target.hasAttribute("data-goal")) setTimeout(() => showKind(event.target));
  });
  for (const slug of document.querySelectorAll("[data-slug-of]")) slugFollows(slug);
}

function open(id) {
  const dialog = document.getElementById(id);
  if (!dialog || dialog.open) return;
  const form = dialog.querySelector("form");
  forget(form);
  if (form.hasAttribute("data-goal")) showKind(form);
  dialog.showModal();
}

// The newest goals of each state that is not over, and whether there are more.
async function openGoals() {
  const asked = ["pending", "running", "parked"].map((state) => call("GET", `/api/goals?state=${state}&limit=500`));
  const pages = await Promise.all(asked);
  return [pages.flatMap((page) => page.items), pages.some((page) => page.next)];
}

// The goals one may wait for: those that are not over, and those that are waited for already.
async function listGoals(select, waited = [], self) {
  if (!select) return;
  try {
    const [open, more] = await openGoals();
    const known = new Set(open.map((goal) => goal.id));
    const over = await Promise.all(waited.filter((id) => !known.has(id)).map((id) => call("GET", `/api/goals/${id}`)));
    const goals = [...open.filter((goal) => goal.id !== self), ...over.map((answer) => answer.goal ?? answer)];
    const options = goals.map((goal) => {
      const chosen = waited.includes(goal.id);
      return new Option(`${goal.title} (${goal.persona}, ${goal.state})`, goal.id, chosen, chosen);
    });
    if (more) {
      options.push(new Option("Older ones are open, too: name them by id at the command line.", ""));
      options.at(-1).disabled = true;
    }
    select.replaceChildren(...options);
  } catch (problem) {
    toast(problem.message, true);
  }
}

// Asks before something that cannot be taken back.
export function sure(text, yes = "Yes") {
  const dialog = document.getElementById("confirm");
  document.getElementById("confirm-text").textContent = text;
  document.getElementById("confirm-yes").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((answer) => {
    dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true });
  });
}

function showKind(form) {
  for (const part of form.querySelectorAll("[data-kind]")) {
    const chosen = part.dataset.kind.split(" ").includes(form.elements.kind.value);
    part.hidden = !chosen;
    part.disabled = !chosen;
  }
  // A template brings title and proof, a message has none.
  const templated = ["", "chat"].includes(form.elements.kind.value);
  form.elements.title.required = !templated;
  const proof = form.querySelector("[data-own-proof]");
  proof.hidden = templated;
  form.elements.proof.disabled = templated;
}

function showTemplate(choice) {
  for (const part of choice.form.querySelectorAll("[data-template]")) {
    part.hidden = part.dataset.template !== choice.value;
    part.disabled = part.hidden;
  }
}

// The name follows the preset until somebody writes one.
function nameFollows(preset) {
  const names = [...preset.options].map((option) => option.dataset.name ?? "");
  const name = preset.form.elements.name;
  if (name.value !== "" && !names.includes(name.value)) return;
  name.value = names[preset.selectedIndex];
  name.dispatchEvent(new Event("input", { bubbles: true }));
}

// The slug follows the name until somebody writes one.
function slugFollows(slug) {
  const form = slug.form;
  let own = false;
  slug.addEventListener("input", () => (own = slug.value !== ""));
  form.elements[slug.dataset.slugOf].addEventListener("input", (event) => {
    if (!own) slug.value = slugOf(event.target.value);
  });
  form.addEventListener("reset", () => (own = false));
}

function slugOf(name) {
  const plain = name.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  return plain.replace(/^-+/, "").slice(0, 48).replace(/-+$/, "");
}

// Opens a dialog with what the server has now, so that nobody's change is undone unseen.
async function fill(id, address) {
  try {
    const now = await call("GET", address);
    for (const field of document.querySelector(`#${id} form`).elements) {
      if (field.name in now) field.value = now[field.name];
    }
    open(id);
  } catch (problem) {
    toast(problem.message, true);
  }
}

async function correctGoal(id) {
  try {
    const answer = await call("GET", `/api/goals/${id}`);
    const goal = answer.goal ?? answer;
    const form = document.querySelector("#correct-goal form");
    const { kind, ...payload } = goal.payload;
    form.elements.id.value = id;
    form.elements.version.value = goal.version;
    form.elements.title.value = goal.title;
    form.elements.payload.value = JSON.stringify(payload, null, 2);
    form.elements.proof.value = JSON.stringify(goal.proof, null, 2);
    form.elements.if_failed.value = goal.if_failed ?? "fail";
    await listGoals(form.elements.waits_for, goal.waits_for, id);
    remember(form);
    open("correct-goal");
  } catch (problem) {
    toast(problem.message, true);
  }
}
