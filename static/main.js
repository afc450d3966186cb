// Starts what keeps a page alive: controls, dialogs, live evidence.
import { listen } from "./act.js";
import { dialogs } from "./dialogs.js";
import { filter } from "./filter.js";
import { live } from "./live.js";
import { rollbacks } from "./rollback.js";
import { localise } from "./times.js";

localise(document);
listen();
dialogs();
rollbacks();
filter();
if (document.body.dataset.cursor) live();
openTarget();
addEventListener("hashchange", openTarget);

// A link to a receipt opens it.
function openTarget() {
  const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.scrollIntoView();
  }
}

// A slider says where it stands.
document.addEventListener("input", ({ target }) => {
  const shown = target.matches("input[type=range]") && target.parentElement.querySelector("output");
  if (shown) shown.value = Math.round(target.value * 1000) / 1000;
});

// Names of time zones, as the browser knows them.
for (const list of document.querySelectorAll("datalist#zones")) {
  for (const zone of Intl.supportedValuesOf("timeZone")) list.append(new Option(zone));
}

// The newest of a conversation is at its end.
const talk = document.getElementById("conversation");
if (talk && !location.hash && !new URLSearchParams(location.search).has("before")) {
  talk.lastElementChild?.scrollIntoView({ block: "end" });
  follow(talk);
}

// Whoever reads the end stays at the end; whoever reads above stays there.
function follow(talk) {
  let last = talk.lastElementChild;
  document.addEventListener("refreshed", () => {
    const newest = talk.lastElementChild;
    const read = last?.isConnected && last.getBoundingClientRect().bottom < innerHeight * 1.5;
    if (newest !== last && (read || !last?.isConnected)) newest?.scrollIntoView({ block: "end", behavior: "smooth" });
    last = newest;
  });
}
