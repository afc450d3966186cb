// Controls: `data-act="METHOD address"` on a button or form says what it does. Nothing else acts.
import { call } from "./api.js";
import { sure } from "./dialogs.js";
import { read, tell, forget } from "./form.js";
import { refreshSoon } from "./swap.js";
import { toast } from "./toast.js";

export function listen() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-act]");
    if (button) press(button);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.dataset.act) return;
    event.preventDefault();
    submit(form);
  });
  // Enter sends a message, Shift+Enter breaks the line.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target.matches("textarea[data-enter]")) {
      event.preventDefault();
      event.target.form.requestSubmit();
    }
  });
}

async function press(button) {
  if (isBusy(button)) return;
  const { act, body, sure: question, yes } = button.dataset;
  if (question && !(await sure(question, yes))) return;
  try {
    const answer = await busy(button, () => perform(act, body ? JSON.parse(body) : {}, button.dataset));
    keepVersion(button, answer?.version);
  } catch (problem) {
    toast(problem.message, true);
  }
}

async function submit(form) {
  const button = form.querySelector("button[type=submit]");
  // One after the other: what is sent a second time meanwhile stays in the form.
  if (isBusy(button)) return;
  forget(form);
  const { sure: question, yes } = form.dataset;
  try {
    const values = read(form);
    // What cannot be read is said before anybody is asked.
    if (question && !(await sure(question, yes))) return;
    const sent = holds(form);
    const answer = await busy(button, () => perform(form.dataset.act, values, form.dataset));
    show(form, answer);
    keepVersion(form, answer?.version);
    if ("clear" in form.dataset && holds(form) === sent) form.reset();
    form.closest("dialog")?.close();
  } catch (problem) {
    tell(form, problem);
  }
}

// What an answer tells once and nobody keeps. A part that has nothing to say is left out.
function show(form, answer) {
  for (const output of form.querySelectorAll("[data-shown]")) {
    const text = written(answer[output.dataset.shown]);
    output.textContent = text && text + (output.dataset.unit ?? "");
    output.hidden = false;
    const part = output.closest("[data-part]");
    if (part) part.hidden = text === "";
  }
  const box = form.querySelector("[data-answer]");
  if (!box) return;
  box.hidden = false;
  box.scrollIntoView({ block: "nearest" });
}

function written(value) {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value) && value.every((part) => typeof part === "string")) return value.join(", ");
  return typeof value === "object" ? JSON.stringify(value, null, 2) : String(value);
}

const isBusy = (button) => button.getAttribute("aria-busy") === "true";

// What stands in its fields, to see whether somebody wrote on.
const holds = (form) => new URLSearchParams(new FormData(form)).toString();

async function busy(button, work) {
  button.setAttribute("aria-busy", "true");
  try {
    return await work();
  } finally {
    button.removeAttribute("aria-busy");
  }
}

// Names in braces are taken from the values (and leave them), in `data-goto` and `data-done` from the answer.
async function perform(act, values, { done, goto, patience }) {
  const [method, pattern] = act.split(" ");
  const address = fill(pattern, values, true);
  const answer = await call(method, address, values, Number(patience) || undefined);
  if (goto !== undefined) {
    location.assign(fill(goto, answer));
    return answer;
  }
  const said = done?.replace(/\{(\w+)\}/g, (_, name) => answer?.[name] ?? "");
  if (said) toast(said.charAt(0).toUpperCase() + said.slice(1) + ".", answer?.holds === false || answer?.ok === false);
  refreshSoon(0);
  return answer;
}

function fill(pattern, values, take = false) {
  return pattern.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name] ?? values.persona?.[name] ?? "";
    if (take) delete values[name];
    return encodeURIComponent(value);
  });
}

// What changes the persona of this page tells its new version; every form that changes it sends that one from now on.
function keepVersion(element, version) {
  if (!Number.isInteger(version)) return;
  if (element.elements?.version && !("clear" in element.dataset)) element.elements.version.value = version;
  if (!element.closest("[data-settings], [data-versioned]")) return;
  for (const field of document.querySelectorAll("[data-settings] [name=version], [data-versioned] [name=version]")) field.value = version;
  const shown = document.querySelector("[data-version]");
  if (shown) shown.value = version;
}
