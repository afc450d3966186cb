// Taking back a step: the first press shows what would be called, the second has it called.
import { call } from "./api.js";
import { refreshSoon } from "./swap.js";
import { toast } from "./toast.js";

export function rollbacks() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-rollback]");
    if (button) takeBack(button);
  });
}

async function takeBack(button) {
  const dialog = document.getElementById("rollback");
  if (dialog.open || button.getAttribute("aria-busy") === "true") return;
  const { rollback: address, step } = button.dataset;
  button.setAttribute("aria-busy", "true");
  try {
    const plan = await call("POST", address, { step: Number(step) });
    show(dialog, plan);
    if (!(await confirmed(dialog))) return;
    await call("POST", address, { step: Number(step), confirm: plan.digest });
    toast(`${plan.persona} is to take it back.`);
    refreshSoon(0);
  } catch (problem) {
    toast(problem.message, true);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

function show(dialog, plan) {
  for (const place of dialog.querySelectorAll("[data-plan]")) {
    const value = plan[place.dataset.plan];
    place.textContent = said(place.dataset.plan, value);
    place.hidden = place.previousElementSibling.hidden = value === null;
  }
}

function said(name, value) {
  if (name === "expires_ms") return new Date(value).toLocaleTimeString();
  return typeof value === "object" ? JSON.stringify(value, null, 2) : value;
}

function confirmed(dialog) {
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((answer) => {
    dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true });
  });
}
