"use strict";

// Fetch the page again every two seconds, while it is visible, and replace only the parts that have changed: a screen
// reader reads the headline again only when it differs. When the exporter does not answer, say so and keep the rest.
const INTERVAL = 2000;
const TIMEOUT = 4000;
const PARTS = ["title", "link", "header", "#rest"];

const lost = document.getElementById("lost");
let updated = new Date();

async function refresh() {
  if (document.hidden) return;
  try {
    const response = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT) });
    if (!response.ok) throw new Error(response.status);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const part of PARTS) {
      const shown = document.querySelector(part);
      const fresh = page.querySelector(part);
      if (shown.outerHTML !== fresh.outerHTML) shown.replaceWith(fresh);
    }
    updated = new Date();
    lost.hidden = true;
  } catch {
    lost.textContent = `The exporter does not answer. This page is from ${updated.toLocaleTimeString()}.`;
    lost.hidden = false;
  }
}

async function refreshForever() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, INTERVAL));
    await refresh();
  }
}

refreshForever();
