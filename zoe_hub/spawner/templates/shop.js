// Comforts for the shop, which is a plain form without them: search, only the fields of what is chosen are sent, and what
// it costs follows what is typed.
(() => {
  "use strict";
  const shop = document.querySelector(".zoe-shop");
  if (!shop) return;
  const cards = [...shop.querySelectorAll("[data-zapp]")];
  const search = shop.querySelector(".zoe-search");
  const field = search && search.querySelector("input");
  const found = search && search.querySelector("output");
  const said = shop.dataset;
  const { service, owner } = said;
  const counted = shop.dataset.counted.split(" ");

  const choice = (card) => card.querySelector(".zoe-choice");

  const choose = () => {
    for (const card of cards) {
      const chosen = choice(card).checked;
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
      const matches = words.every((word) => card.dataset.zapp.toLowerCase().includes(word));
      // What is chosen stays in sight: it is what Start starts.
      card.hidden = !(matches || choice(card).checked);
      shown += matches;
    }
    found.textContent = words.length ? said.found.replace("{shown}", shown).replace("{all}", cards.length) : "";
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
  if (!service) return;

  // What it costs, as the service says. Its login is a page of its own in a frame, which a browser that is logged in at the
  // Hub only passes through; it asks what it is told, as scripts of other origins than the service's may not.
  const PAUSE = 350; // milliseconds after the last key
  const AGAIN = 4000; // the service foretells a few starts in a row, then one every two seconds
  const LOGIN = 10_000; // milliseconds after which no answer means that nobody is logged in
  const { origin } = new URL(service, location.href);
  let session = null;
  let timer = 0;
  let asking = new AbortController();

  class Session {
    constructor() {
      this.waiting = new Map();
      this.number = 0;
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.frame.title = said.login;
      this.ready = new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error("not logged in")), LOGIN);
        this.hear = (event) => {
          if (event.origin !== origin || event.source !== this.frame.contentWindow) return;
          const { zoe, ...answer } = event.data;
          if (zoe === "ready") {
            clearTimeout(late);
            resolve();
          } else if (this.waiting.has(zoe)) {
            this.waiting.get(zoe)(answer);
            this.waiting.delete(zoe);
          }
        };
      });
      window.addEventListener("message", this.hear);
      this.frame.src = `${service}session`;
      document.body.append(this.frame);
    }

    async ask(plan) {
      await this.ready;
      const number = ++this.number;
      return new Promise((resolve) => {
        this.waiting.set(number, resolve);
        this.frame.contentWindow.postMessage({ zoe: number, plan }, origin);
      });
    }
  }

  const logOut = () => {
    if (!session) return;
    window.removeEventListener("message", session.hear);
    session.frame.remove();
    session = null;
  };

  const parameters = (card) => {
    const given = {};
    for (const input of card.querySelectorAll("details input, details select")) {
      if (input.type === "hidden" || input.name === "") continue;
      const value = input.type === "checkbox" ? String(input.checked) : input.value.trim();
      if (value !== "") given[input.name.slice(input.name.lastIndexOf(".") + 1)] = value;
    }
    return given;
  };

  const line = (text, ...classes) => {
    const element = document.createElement("p");
    element.className = ["card-text mb-1", ...classes].join(" ");
    element.textContent = text;
    return element;
  };

  const show = (card, preview) => {
    const place = card.querySelector(".zoe-preview");
    const lines = [];
    if (preview.outlook) lines.push(line(preview.outlook, preview.starts_now ? "zoe-now" : "zoe-later"));
    if (preview.needs) lines.push(line(preview.needs, "zoe-quiet"));
    for (const cost of preview.costs) {
      if (cost.too_much) lines.push(line(cost.sentence, "zoe-quiet", "zoe-too-much"));
      else if (!counted.includes(cost.dimension)) lines.push(line(cost.sentence, "zoe-quiet"));
    }
    place.replaceChildren(...lines);
  };

  const mark = (card, parameter) => {
    for (const input of card.querySelectorAll("details input, details select")) {
      const wrong = parameter !== undefined && input.name.endsWith(`.${parameter}`) && input.type !== "hidden";
      input.classList.toggle("is-invalid", wrong);
      if (wrong) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    }
  };

  const post = (card) => {
    session = session || new Session();
    return session.ask({ zapp: choice(card).value, parameters: parameters(card), owner });
  };

  const ask = async (card) => {
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    const place = card.querySelector(".zoe-preview");
    place.classList.add("zoe-asking");
    try {
      let answer = await post(card);
      if (answer.status === 401 || answer.status === 403) {
        logOut(); // the login ended
        answer = await post(card);
      }
      if (signal.aborted) return;
      const { status, said: told } = answer;
      if (!status) throw new Error("not answered");
      const good = status === 200;
      mark(card, good ? undefined : told.parameter);
      if (!good) place.replaceChildren(line(told.detail, "zoe-wrong"));
      else if (told.preview) show(card, told.preview);
      if (good && told.preview && !told.preview.outlook) timer = setTimeout(() => void ask(card), AGAIN);
      place.classList.remove("zoe-asking");
    } catch {
      if (signal.aborted) return;
      logOut();
      // What was told holds for what was typed before; Start asks again in any case.
      place.replaceChildren(line(said.away));
      place.classList.remove("zoe-asking");
    }
  };

  const soon = () => {
    clearTimeout(timer);
    const card = cards.find((each) => choice(each).checked);
    if (card) timer = setTimeout(() => void ask(card), PAUSE);
  };
  shop.addEventListener("input", (event) => {
    if (event.target !== field) soon();
  });
  // Others come and go while nobody looks.
  document.addEventListener("visibilitychange", () => document.hidden || soon());
})();
