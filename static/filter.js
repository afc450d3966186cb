// The filter above the cards: every word must be in a card's name, role or state.
export function filter() {
  const field = document.getElementById("filter");
  if (!field) return;
  const apply = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    const cards = document.querySelectorAll("#cards > .card");
    for (const card of cards) {
      const text = card.dataset.words.toLowerCase();
      card.hidden = !words.every((word) => text.includes(word));
      if (!card.hidden) shown += 1;
    }
    document.getElementById("no-match").hidden = shown > 0 || cards.length === 0;
  };
  field.addEventListener("input", apply);
  document.addEventListener("refreshed", apply);
}
