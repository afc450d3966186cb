// Misbehaves on purpose, for practice.
const box = () => {
  alert("A box from the rehearsal site");
  const after = document.getElementById("after");
  if (after) after.textContent = "The box was closed.";
};
document.getElementById("alert")?.addEventListener("click", box);
if (document.querySelector("[data-alert-now]")) box();

const place = document.getElementById("late-place");
if (place) {
  setTimeout(() => {
    const late = document.createElement("strong");
    late.id = "late";
    late.textContent = "Here I am";
    place.replaceChildren(late);
    document.getElementById("soon").disabled = false;
  }, 400);
}
for (const id of ["soon", "covered"]) {
  document.getElementById(id)?.addEventListener("click", () => {
    document.getElementById("status").textContent = `${id} was pressed`;
  });
}
