// Comforts for the shop, which is a plain form without them: search, and only the fields of what is chosen are sent.
(() => {
  "use strict";
  const shop = document.querySelector(".zoe-shop");
  if (!shop) return;
  const cards = [...shop.querySelectorAll("[data-zapp]")];
  const search = shop.querySelector(".zoe-search");
  const field = search && search.querySelector("input");
  const found = search && search.querySelector("output");

  const choose = () => {
    for (const card of cards) {
      const chosen = card.querySelector(".zoe-choice").checked;
      const details = card.querySelector("details");
      const fields = card.querySelector("details > fieldset");
      // What is not sent is not judged by the browser either.
      if (fields) fields.disabled = !chosen;
      if (details && chosen) details.open = true;
    }
  };

  const look = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const card of cards) {
      const chosen = card.querySelector(".zoe-choice").checked;
      const matches = words.every((word) => card.dataset.zapp.toLowerCase().includes(word));
      // What is chosen stays in sight: it is what Start starts.
      card.hidden = !(matches || chosen);
      shown += matches;
    }
    found.textContent = words.length ? `${shown} of ${cards.length}` : "";
  };

  shop.addEventListener("change", (event) => {
    if (!event.target.classList.contains("zoe-choice")) return;
    choose();
    if (field) look();
  });
  if (search && cards.length > 2) {
    search.hidden = false;
    field.addEventListener("input", look);
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") event.preventDefault();
    });
  }
  choose();
})();
