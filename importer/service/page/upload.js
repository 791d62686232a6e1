// Choosing a file: dropped, picked, or named on the service's machine; its way up, with how much has gone.

import { uploaded } from "./api.js";
import { el, labelled, notice, say } from "./elements.js";
import { advice, bytes, capitalized } from "./wording.js";

// Where a file may be dropped at the moment; elsewhere a drop would replace this page.
let taking = null;

function onDrag(event) {
  event.preventDefault();
  document.body.classList.toggle("dragging", Boolean(taking) && event.type === "dragover");
  if (event.type !== "drop") return;
  const [file] = event.dataTransfer.files;
  if (file && taking) taking(file);
}

for (const kind of ["dragover", "dragleave", "drop"]) addEventListener(kind, onDrag);

function shownProblem(problem) {
  return notice("bad", el("p", { text: `${capitalized(problem.message)} ${advice(problem)}`.trim() }));
}

// chosen: told of {upload, name, bytes}, or of {path, name}.
export function fileStep(chosen) {
  const place = el("div", { class: "file" });
  const input = el("input", { type: "file", id: "file", class: "unseen",
    on: { change: () => input.files.length && send(input.files[0]) } });

  function choosing(problem = null) {
    taking = send;
    input.value = "";
    const path = el("input", { autocomplete: "off", spellcheck: "false", required: true, placeholder: "folder/birds.csv" });
    place.replaceChildren(
      ...(problem ? [shownProblem(problem)] : []),
      el("div", { class: "drop" }, input,
        el("label", { for: "file", class: "button primary", text: "Choose a CSV file" }),
        el("p", { text: "or drop it here" }),
        el("p", { class: "note", text: "CSV or TSV, also compressed (gzip, zstd); Parquet, Arrow and JSON lines, too. " +
          "Nothing is written to InfluxDB until you say so." })),
      el("details", { class: "more" }, el("summary", { text: "It is on the service’s own machine" }),
        el("form", { class: "inline", on: { submit: (event) => {
          event.preventDefault();
          taking = null;
          chosen({ path: path.value, name: path.value });
        } } },
        labelled("Path", path, "Below the folder that the service was started with (--allow-folder)."),
        el("button", { text: "Look at it" }))));
  }

  async function send(file) {
    taking = null;
    const giving = new AbortController();
    const bar = el("progress", { max: "1", value: 0, "aria-label": `Upload of ${file.name}` });
    const figures = el("p", { class: "note", text: "0 %" });
    const cancel = el("button", { text: "Give up", on: { click: () => giving.abort() } });
    place.replaceChildren(el("p", {}, "Uploading ", el("strong", { text: file.name }), ` (${bytes(file.size)}) …`), bar, figures, cancel);
    cancel.focus();
    say(`Uploading ${file.name}`);
    try {
      const upload = await uploaded(file, (gone, all) => {
        bar.value = all ? gone / all : 1;
        figures.textContent = `${bytes(gone)} of ${bytes(all)}`;
      }, giving.signal);
      chosen(upload);
    } catch (problem) {
      choosing(problem.name === "AbortError" ? null : problem);
      say(problem.name === "AbortError" ? "Given up" : problem.message);
      place.querySelector("input").focus();
    }
  }

  choosing();
  return place;
}
