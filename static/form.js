// Forms as JSON: names with dots nest; `data-type` says how a text becomes a value, `data-empty` what an empty one is.
// `data-unchanged="omit"`: what is as it was when the form was filled is left out.
import { Problem } from "./api.js";

export function read(form) {
  const values = {};
  for (const field of form.elements) {
    if (!field.name || field.matches(":disabled") || (field.type === "radio" && !field.checked)) continue;
    if (["one-of", "words"].includes(field.dataset.type)) {
      // Boxes of one name are a list of those that are ticked, together with what is written beside them.
      values[field.name] = [...(values[field.name] ?? []), ...several(field)];
      continue;
    }
    const value = valueOf(field);
    if (value !== undefined) put(values, field.name.split("."), value);
  }
  return values;
}

function several(field) {
  if (field.dataset.type === "words") return field.value.split(/[\s,]+/).filter(Boolean);
  return field.checked ? [field.value] : [];
}

function put(into, [first, ...rest], value) {
  if (rest.length === 0) into[first] = value;
  else put((into[first] ??= {}), rest, value);
}

// What an empty field means, by its `data-empty`; anything else: it is left out.
const empty = { null: null, list: [], none: {} };

function valueOf(field) {
  const text = field.value;
  if (field.dataset.unchanged && field.dataset.was === state(field)) return undefined;
  if (text.trim() === "" && field.dataset.empty) return empty[field.dataset.empty];
  switch (field.dataset.type) {
    case "number":
      return Number(text);
    case "flag":
      return field.checked;
    case "thousandths":
      return Math.round(Number(text) * 1000);
    case "dollars":
      return Math.round(Number(text) * 1_000_000);
    case "chosen":
      return chosen(field);
    case "one":
      return [text];
    case "lines":
      return text.split("\n").map((line) => line.trim()).filter(Boolean);
    case "named":
      return { [document.getElementById(field.dataset.namedBy).value]: text };
    case "json":
      return parse(field, text);
    case "rules":
      return rules(field, text);
    case "levels":
      return levels(field, text);
    default:
      return text;
  }
}

const chosen = (select) => [...select.selectedOptions].map((option) => option.value);

const state = (field) => (field.multiple ? chosen(field).join(" ") : field.value);

// From here on a field knows whether it was changed.
export function remember(form) {
  for (const field of form.querySelectorAll("[data-unchanged]")) field.dataset.was = state(field);
}

function parse(field, text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Problem("This is not JSON.", [{ field: field.name, reason: `this is not JSON: ${error.message}` }]);
  }
}

// `ask browser_click on example.com`, one per line.
function rules(field, text) {
  return text.split("\n").map((line) => line.trim()).filter(Boolean).map((line) => {
    const found = /^(\S+)\s+(every tool|\S+)(?:\s+on\s+(\S+))?$/.exec(line);
    if (!found) throw new Problem("This is no rule.", [{ field: field.name, reason: `“${line}” is not written like “ask browser_click on example.com”` }]);
    const [, say, tool, host] = found;
    return { say, tool: tool === "every tool" ? null : tool, host: host ?? null };
  });
}

// `patience = 0.8`, one per line.
function levels(field, text) {
  const lines = text.split("\n").filter((line) => line.trim());
  return Object.fromEntries(lines.map((line) => {
    const [name, level, ...more] = line.split("=").map((part) => part.trim());
    if (name && level && more.length === 0 && Number.isFinite(Number(level))) return [name, Number(level)];
    throw new Problem("This is no trait.", [{ field: field.name, reason: `“${line.trim()}” is not written like “patience = 0.8”` }]);
  }));
}

// Shows a refusal beside the fields it names, or above the form when it names none of its fields.
export function tell(form, problem) {
  const named = (problem.errors ?? []).map(({ field, reason }) => [fieldOf(form, field), field, reason]).filter(([field]) => field);
  if (named.length === 0) {
    const box = form.querySelector(":scope > .problem");
    if (!box) return;
    box.textContent = problem.message;
    box.hidden = false;
    box.scrollIntoView({ block: "nearest" });
    return;
  }
  for (const [field, path, reason] of named) mark(field, path === field.name ? reason : `${path}: ${reason}`);
  named[0][0].focus();
}

function mark(field, text) {
  const note = document.createElement("span");
  note.className = "field-problem";
  note.id = `problem-${field.form.dataset.act.replace(/\W+/g, "-")}-${field.name}`;
  note.setAttribute("role", "alert");
  note.textContent = text;
  field.after(note);
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-describedby", note.id);
  field.closest("details")?.setAttribute("open", "");
}

export function forget(form) {
  for (const note of form.querySelectorAll(".field-problem")) note.remove();
  for (const field of form.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
  }
  const box = form.querySelector(":scope > .problem");
  if (box) box.hidden = true;
}

// `steps[0].selector` is part of the field `payload.steps`, `style_primer` of `profile.style_primer`.
function fieldOf(form, said) {
  const plain = (name) => name.toLowerCase().replaceAll("_", "");
  const parts = plain(said).replace(/^payload\./, "").split(/[.[]/);
  const names = parts.map((_, i) => parts.slice(0, parts.length - i).join("."));
  const fields = [...form.elements].filter((field) => field.name && field.type !== "hidden" && !field.matches(":disabled"));
  for (const name of names) {
    const found = fields.find((field) => plain(field.name) === name || plain(field.name).endsWith(`.${name}`));
    if (found) return found;
  }
}
