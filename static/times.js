// Times in the reader's own zone; the server writes UTC.
const two = (n) => String(n).padStart(2, "0");
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export function clock(iso, precision) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  const day = at.toDateString() === new Date().toDateString() ? "" : `${at.getDate()} ${months[at.getMonth()]} `;
  const minute = `${two(at.getHours())}:${two(at.getMinutes())}`;
  if (precision === "minute") return day + minute;
  return `${day}${minute}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

export function localise(root) {
  for (const time of root.querySelectorAll("time[data-t]")) {
    time.textContent = clock(time.dateTime, time.dataset.t);
    time.title = time.dateTime;
  }
}
