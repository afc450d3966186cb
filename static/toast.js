// Short notes in the corner. A problem stays until it is closed; what went well leaves by itself.
export function toast(text, bad = false) {
  const box = document.getElementById("toasts");
  if (!box) return;
  const note = document.createElement("div");
  note.className = bad ? "toast bad" : "toast";
  if (bad) note.setAttribute("role", "alert");
  const words = document.createElement("p");
  words.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "btn small";
  close.textContent = "✕";
  close.setAttribute("aria-label", "Close");
  close.addEventListener("click", () => note.remove());
  note.append(words, close);
  box.append(note);
  while (box.children.length > 4) box.firstElementChild.remove();
  if (!bad) setTimeout(() => note.remove(), 5000);
}
