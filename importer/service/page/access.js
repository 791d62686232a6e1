// Whether InfluxDB answers the service, and the service answers this page: its state above, the token's form below.

import { asked, hasToken, keepToken, onTokenNeeded } from "./api.js";
import { byId, el, labelled, notice } from "./elements.js";
import { advice, capitalized } from "./wording.js";

const AGAIN_SECONDS = 5;

let waiting = null;
let timer = 0;

function shown(kind, text) {
  const place = byId("server");
  place.className = `server ${kind}`;
  if (place.textContent !== text) place.textContent = text;
}

// Asks until it is ready.
export async function watchServer() {
  clearTimeout(timer);
  try {
    const ready = await asked("ready");
    shown("good", `InfluxDB ${ready.influxdb} is ready`);
    byId("trouble").replaceChildren();
  } catch (problem) {
    const isService = problem.status === 0;
    shown("bad", isService ? "The service does not answer" : "InfluxDB is not ready");
    const what = isService ? "The service does not answer." : "InfluxDB cannot be used at the moment.";
    const why = isService ? "" : ` ${capitalized(problem.message)}.`;
    if (!byId("trouble").firstChild) {
      byId("trouble").replaceChildren(notice("bad", el("h2", { text: what }), el("p", { text: `${why} ${advice(problem)}`.trim() }),
        el("p", { class: "note", text: "Columns can be looked at meanwhile. This page tries again by itself." })));
    }
    timer = setTimeout(watchServer, AGAIN_SECONDS * 1000);
  }
}

// One form, however many requests wait for it.
function askedFor() {
  waiting ??= new Promise((resolve) => {
    const input = el("input", { type: "password", autocomplete: "off", required: true, size: "40" });
    const why = hasToken() ? "That is not the service's token." : "";
    const form = el("form", { class: "panel access", on: { submit: (event) => {
      event.preventDefault();
      keepToken(input.value);
      byId("access").replaceChildren();
      waiting = null;
      resolve();
    } } },
    el("h2", { text: "This service wants a token" }),
    el("p", { text: "Whoever runs it has set one (IMPORTER_SERVICE_TOKEN, or --service-token-file). It is kept in this tab only." }),
    el("p", { class: "wrong", role: "alert", text: why }),
    labelled("Token", input), el("button", { class: "primary", text: "Use it" }));
    byId("access").replaceChildren(form);
    input.focus();
  });
  return waiting;
}

onTokenNeeded(askedFor);
document.addEventListener("unready", watchServer);
