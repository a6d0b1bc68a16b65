// @ts-check
// Asks for plans on behalf of the Hub's spawn page, which may be of another origin: there no script of its own could ask.
// Nothing else is asked, and plans change nothing.
(() => {
  "use strict";
  const { xsrf = "", hub } = document.documentElement.dataset;
  const trusted = new Set([location.origin, ...(hub ? [hub] : [])]);
  const plans = new URL("api/v1/plans", location.href).href;

  window.addEventListener("message", async ({ data, origin, source }) => {
    if (!trusted.has(origin) || source !== window.parent || typeof data?.zoe !== "number") return;
    let status = 0;
    let said = null;
    try {
      const answer = await fetch(plans, {
        method: "POST",
        headers: { Accept: "application/json", "Content-Type": "application/json", "X-XSRFToken": xsrf },
        body: JSON.stringify(data.plan),
      });
      status = answer.status;
      said = await answer.json();
    } catch {
      status = 0; // not answered, or by something else than the service
    }
    window.parent.postMessage({ zoe: data.zoe, status, said }, origin);
  });
  window.parent.postMessage({ zoe: "ready" }, "*"); // which holds nothing that others must not see
})();
