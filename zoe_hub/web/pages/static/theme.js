// Light or dark, as the Hub's own pages remember it. Loaded before the page is drawn, so that it does not flash.
(() => {
  "use strict";
  const KEY = "jupyterhub-bs-theme";
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  const stored = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // a browser that keeps nothing
    }
  };

  const apply = () => {
    const wanted = stored();
    const theme = wanted === "light" || wanted === "dark" ? wanted : dark.matches ? "dark" : "light";
    document.documentElement.setAttribute("data-bs-theme", theme);
  };

  apply();
  dark.addEventListener("change", apply);
  window.addEventListener("storage", apply);
  document.addEventListener("DOMContentLoaded", () => {
    const toggle = document.getElementById("zoe-theme");
    if (toggle) toggle.hidden = false;
  });
  // In our own navigation, or the Hub's; from the moment at which it is seen.
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("#zoe-theme, #dark-theme-toggle")) return;
    const next = document.documentElement.getAttribute("data-bs-theme") === "dark" ? "light" : "dark";
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // for this page only, then
    }
    document.documentElement.setAttribute("data-bs-theme", next);
  });
})();
