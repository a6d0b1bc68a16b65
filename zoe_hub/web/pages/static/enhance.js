// @ts-check
// Small comforts for markup that is complete without them.

import { giveWayBack } from "./undo.js";

const relative = new Intl.RelativeTimeFormat(document.documentElement.lang || undefined, { numeric: "auto" });
/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

/** @param {HTMLTimeElement} time */
const tellTime = (time) => {
  const moment = new Date(time.dateTime);
  const seconds = (moment.getTime() - Date.now()) / 1000;
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  time.title ||= moment.toLocaleString();
  time.textContent = relative.format(Math.round(seconds / size), unit);
};

/** @param {ParentNode} root */
export const enhance = (root) => {
  for (const time of root.querySelectorAll("time[datetime]")) {
    if (time instanceof HTMLTimeElement && !time.closest("[data-exact]")) tellTime(time);
  }
  giveWayBack(root);
  const all = document.getElementById("zoe-all");
  if (all instanceof HTMLInputElement && all.hidden) {
    all.hidden = false;
    all.addEventListener("change", () => {
      for (const box of document.querySelectorAll('input[name="id"][form="zoe-bulk"]')) {
        if (box instanceof HTMLInputElement) box.checked = all.checked;
      }
    });
  }
};

setInterval(() => {
  for (const time of document.querySelectorAll("time[datetime]")) {
    if (time instanceof HTMLTimeElement && !time.closest("[data-exact]")) tellTime(time);
  }
}, 10_000);
