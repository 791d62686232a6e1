// Where to, and what may happen there; the button that starts.

import { sent } from "./api.js";
import { el, labelled, notice, select } from "./elements.js";
import { advice, capitalized, inWords } from "./wording.js";

const IF_EXISTS = [
  ["auto", "Replace it if only an import filled it"],
  ["replace", "Replace it, whatever it holds"],
  ["append", "Add to it"],
  ["fail", "Do nothing"],
];

const bucketAfter = (name) => name.split("/").pop().split(".")[0].replaceAll('"', "");

// Made once per file: what is typed in stays while the columns change. begun: told of the job.
export function targetStep(look, begun) {
  const bucket = el("input", { id: "bucket", required: true, autocomplete: "off", spellcheck: "false", value: bucketAfter(look.chosen.name) });
  const ifExists = select(IF_EXISTS, "auto", { id: "if-exists" });
  const onRejects = select([["0", "Load nothing"], ["some", "Leave them out, up to …"]], "0", { id: "on-rejects",
    on: { change: () => { most.hidden = onRejects.value === "0"; } } });
  const mostRejects = el("input", { id: "max-rejects", value: "1%", autocomplete: "off", pattern: "\\d+|\\d+(\\.\\d+)?%" });
  const most = labelled("At most", mostRejects, "A number of rows, or a share such as 0.5%.");
  most.hidden = true;
  const retention = el("input", { id: "retention", autocomplete: "off", placeholder: "for ever", pattern: "0|(\\d+[wdhms])+" });
  const keepOld = el("input", { id: "keep-old", type: "checkbox" });
  const trouble = el("div", { role: "alert" });
  const start = el("button", { id: "start", class: "primary large", text: "Start the import" });
  const note = el("p", { class: "note", id: "start-note" });
  start.setAttribute("aria-describedby", note.id);

  async function onStart(event) {
    event.preventDefault();
    if (!look.canStart || start.disabled) return;
    start.disabled = true;
    look.isTaken = true;
    trouble.replaceChildren();
    try {
      begun(await sent("imports", {
        ...look.source, bucket: bucket.value.trim(), if_exists: ifExists.value, mapping: look.mapping,
        csv: look.found.annotated ? look.csv : {},
        max_rejects: onRejects.value === "0" ? 0 : mostRejects.value.trim(),
        retention: retention.value.trim() || null, keep_old: keepOld.checked,
      }));
    } catch (problem) {
      look.isTaken = false;
      const reasons = problem.errors.map((each) => `${each.where}: ${each.reason}`).join("; ");
      trouble.replaceChildren(notice("bad", el("p", { text: `${capitalized(inWords(problem.message))}${reasons ? ` (${reasons})` : ""}. ${advice(problem)}`.trim() })));
      if (problem.status === 409) ifExists.focus();
    } finally {
      start.disabled = !look.canStart;
    }
  }

  const form = el("form", { class: "target", on: { submit: onStart } },
    el("div", { class: "settings" },
      labelled("Bucket", bucket, "It is made if there is none."),
      labelled("If there is one", ifExists),
      labelled("Rows that cannot be loaded", onRejects, "One of them stops the import, unless you allow some."),
      most),
    el("details", { class: "more" }, el("summary", { text: "More" }), el("div", { class: "settings" },
      labelled("Keep points for", retention, "Such as 90d or 26w; InfluxDB deletes what is older."),
      el("div", { class: "labelled check" }, keepOld, el("label", { for: "keep-old", text: "Keep the bucket that is replaced, under another name" })))),
    trouble, el("div", { class: "go" }, start, note));

  let suggested = false;
  function update() {
    start.disabled = !look.canStart;
    const rejects = look.tried?.tried?.rejects ?? 0;
    if (rejects && !suggested && look.tried.tried.is_whole) {
      mostRejects.value = String(rejects);
      suggested = true;
    }
    note.textContent = look.fault ?? look.emptiness ?? (look.problem ? "What stands above is to be mended first."
      : look.canStart ? "Into a bucket of its own first, then verified, then put in place: until then nothing of yours changes."
        : "Answer what is asked above first.");
  }
  update();
  return { form, update };
}
