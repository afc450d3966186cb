// Forms as JSON: names with dots nest; `data-type` and `data-empty` say how a text becomes a value.
import { Problem } from "./api.js";

export function read(form) {
  const values = {};
  for (const field of form.elements) {
    if (!field.name || field.matches(":disabled") || (field.type === "radio" && !field.checked)) continue;
    const value = valueOf(field);
    if (value !== undefined) put(values, field.name.split("."), value);
  }
  return values;
}

function put(into, [first, ...rest], value) {
  if (rest.length === 0) into[first] = value;
  else put((into[first] ??= {}), rest, value);
}

function valueOf(field) {
  const text = field.value;
  if (text.trim() === "" && field.dataset.empty) return field.dataset.empty === "null" ? null : undefined;
  switch (field.dataset.type) {
    case "number":
      return Number(text);
    case "thousandths":
      return Math.round(Number(text) * 1000);
    case "lines":
      return text.split("\n").map((line) => line.trim()).filter(Boolean);
    case "json":
      return parse(field, text);
    default:
      return text;
  }
}

function parse(field, text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Problem(`This is not JSON: ${error.message}`, field.name);
  }
}

// Shows a refusal beside its field, or above the form when no field of it is meant.
export function tell(form, problem) {
  const field = problem.field && fieldOf(form, problem.field);
  if (!field) {
    const box = form.querySelector(":scope > .problem");
    if (box) {
      box.textContent = problem.message;
      box.hidden = false;
      box.scrollIntoView({ block: "nearest" });
    }
    return;
  }
  const note = document.createElement("span");
  note.className = "field-problem";
  note.id = `${form.id || "form"}-${field.name}-problem`;
  note.setAttribute("role", "alert");
  note.textContent = problem.message;
  field.after(note);
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-describedby", note.id);
  field.closest("details")?.setAttribute("open", "");
  field.focus();
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
  const bare = said.replace(/^payload\./, "");
  const parts = bare.split(/[.[]/);
  const names = [said, bare, ...parts.map((_, i) => parts.slice(0, parts.length - i).join("."))];
  const fields = [...form.elements].filter((field) => field.name && field.type !== "hidden" && !field.matches(":disabled"));
  for (const name of names) {
    const found = fields.find((field) => field.name === name || field.name.endsWith(`.${name}`));
    if (found) return found;
  }
}
