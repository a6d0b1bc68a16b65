// @ts-check
// A way back from Terminate: it is asked for some seconds later, unless somebody takes it back. Who leaves the page
// meanwhile means it.

/** @typedef {{left: number, timer: ReturnType<typeof setInterval>, fields: URLSearchParams}} Pending */

/** @type {Map<string, Pending>} by the address that is asked */
const pending = new Map();
const page = document.getElementById("main");
const said = document.getElementById("zoe-said");

/** @param {string} address @returns {HTMLButtonElement[]} */
const buttonsOf = (address) =>
  /** @type {HTMLButtonElement[]} */ ([...document.querySelectorAll("button[data-undo]")]).filter(
    (button) => button.formAction === address,
  );

/** @param {HTMLButtonElement} button */
const draw = (button) => {
  const its = pending.get(button.formAction);
  const name = button.dataset.undo ?? "";
  const undo = (page?.dataset.undo ?? "").replace("{name}", name);
  button.textContent = its ? (page?.dataset.undoIn ?? "").replace("{seconds}", String(its.left)) : button.dataset.text ?? "";
  button.setAttribute("aria-label", its ? undo : button.dataset.label ?? "");
};

/** @param {string} address @param {URLSearchParams} fields */
const send = (address, fields) =>
  fetch(address, { method: "POST", body: fields, redirect: "manual", keepalive: true });

/** @param {string} address */
const stop = (address) => {
  const its = pending.get(address);
  if (its) clearInterval(its.timer);
  pending.delete(address);
  return its;
};

/** @param {string} address @returns {URLSearchParams | undefined} what to send, if that is still wanted */
const noMoreBack = (address) => {
  const its = stop(address);
  if (!its) return;
  for (const button of buttonsOf(address)) {
    draw(button);
    button.disabled = true;
  }
  return its.fields;
};

/** @param {string} address */
const finish = async (address) => {
  const fields = noMoreBack(address);
  if (!fields) return;
  try {
    const answer = await send(address, fields);
    if (answer.type === "opaqueredirect") return; // done; the events tell the rest
  } catch {
    // As a form, which shows what is wrong.
  }
  const [button] = buttonsOf(address);
  if (!button) return;
  button.disabled = false;
  button.form?.requestSubmit(button);
};

/** @param {HTMLButtonElement} button */
const begin = (button) => {
  if (!button.form) return;
  const address = button.formAction;
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(button.form)) if (typeof value === "string") fields.append(name, value);
  const timer = setInterval(() => {
    const its = pending.get(address);
    if (!its) return;
    its.left -= 1;
    if (its.left > 0) buttonsOf(address).forEach(draw);
    else void finish(address);
  }, 1000);
  pending.set(address, { left: Number(page?.dataset.undoSeconds), timer, fields });
  draw(button);
  if (said) said.textContent = (page?.dataset.ending ?? "").replace("{name}", button.dataset.undo ?? "");
};

/** @param {ParentNode} root buttons that are new on the page */
export const giveWayBack = (root) => {
  for (const button of root.querySelectorAll("button[data-undo]")) {
    if (!(button instanceof HTMLButtonElement)) continue;
    button.dataset.text = button.textContent ?? "";
    button.dataset.label = button.getAttribute("aria-label") ?? button.dataset.text;
    draw(button);
    button.addEventListener("click", (event) => {
      if (button.disabled || !event.isTrusted) return;
      event.preventDefault();
      if (stop(button.formAction)) {
        draw(button);
        if (said) said.textContent = (page?.dataset.kept ?? "").replace("{name}", button.dataset.undo ?? "");
      } else begin(button);
    });
  }
};

window.addEventListener("pagehide", () => {
  for (const address of [...pending.keys()]) {
    const fields = noMoreBack(address);
    if (fields) void send(address, fields);
  }
});
