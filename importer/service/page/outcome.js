// What became of an import: its accounts where it was verified, else why it was not, and what can be done.

import { asked } from "./api.js";
import { el, notice, wideTable } from "./elements.js";
import { spanOf } from "./preview.js";
import { bytes, capitalized, count, duration, inWords, plural, shown } from "./wording.js";

const KINDS = { identical: "the same values", merged: "joined", overwritten: "overwritten by a later row" };

function fact(label, value, note = null) {
  return el("div", { class: "fact" }, el("dt", { text: label }), el("dd", {}, value, note ? el("span", { class: "note", text: note }) : null));
}

function accounts(report) {
  const skipped = Object.values(report.skipped).reduce((sum, each) => sum + each, 0);
  const kinds = Object.entries(report.duplicate_kinds).filter(([, number]) => number).map(([kind, number]) => `${count(number)} ${KINDS[kind] ?? kind}`);
  const reasons = Object.entries(report.skipped).map(([why, number]) => `${count(number)} ${why}`).join(", ");
  return el("dl", { class: "facts" },
    fact("Rows read", count(report.rows_read)),
    fact("Points stored", count(report.points_written)),
    fact("Repeated keys", count(report.duplicates), kinds.join(", ")),
    fact("Rejected", count(report.rejected + report.points_rejected)),
    skipped ? fact("Without a point", count(skipped), reasons) : null,
    fact("Series", count(report.series)),
    fact("Took", duration(report.elapsed_seconds), `${count(Math.round(report.rows_per_second))} rows per second`),
    report.time_range ? el("div", { class: "fact wide-fact" }, el("dt", { text: "From … to" }), el("dd", { text: spanOf(report.time_range) })) : null);
}

function fields(report) {
  const rows = report.fields.map((each) => [shown(each.measurement), shown(each.field), each.type,
    el("td", { class: "number", text: count(each.expected) }),
    el("td", { class: "number", text: each.stored === null ? "not asked" : count(each.stored) }),
    el("td", {}, each.stored === each.expected ? el("span", { class: "ok", text: "✓ equal" }) : null)]);
  return el("details", { class: "more" }, el("summary", { text: "Checked field by field" }),
    wideTable("Values expected and stored", ["Measurement", "Field", "Type", "Expected", "In InfluxDB", ""], rows));
}

function sources(report) {
  return el("details", { class: "more" }, el("summary", { text: "What was read" }),
    wideTable("Sources", ["File", "Size", "SHA-256"], report.sources.map((each) =>
      [shown(each.path), bytes(each.bytes), el("code", { text: each.sha256 })])));
}

export function verified(job) {
  const { report } = job;
  const isChecked = report.status === "verified";
  const title = el("h2", { tabindex: "-1" }, isChecked ? el("span", { class: "ok", "aria-hidden": "true", text: "✓ " }) : null,
    `${isChecked ? "Verified" : "Loaded"}: ${plural(report.points_written, "point")} in `, el("strong", { text: shown(job.bucket) }));
  const place = el("section", { class: "step outcome", "aria-label": "Result" }, title,
    el("p", { text: isChecked ? `Every row of ${shown(job.source)} is accounted for, and InfluxDB holds exactly what was sent.`
      : `${shown(job.source)} was loaded.` }),
    accounts(report),
    report.warnings.length ? el("ul", { class: "notes" }, report.warnings.map((text) => el("li", { text: capitalized(inWords(text)) }))) : null,
    fields(report), sources(report));
  return { place, title };
}

const ENDS = {
  failed: ["bad", "The import failed. Nothing was changed in InfluxDB."],
  cancelled: ["calm", "The import was cancelled. Nothing was changed in InfluxDB."],
  interrupted: ["warn", "The import was interrupted. What was written so far is kept aside, and it can go on from there."],
};
const HINTS = {
  RejectBudgetError: "Look at the reasons below. Change the types or roles, mend the file, or allow some rows to be left out.",
  BucketExistsError: "Import it under another name, or say that the bucket may be replaced.",
  SourceError: "Mend the file, or say how its text is to be read.",
  ServiceDiedError: "Give the service more memory, say; then go on, or give it up and import the file in parts.",
  AuthorizationError: "Whoever runs the service has to give it a token that may write.",
};

function hintOf({ state, error }) {
  if (error?.type !== "ServerUnreachableError") return HINTS[error?.type];
  return `Start InfluxDB again, then ${state === "interrupted" ? "go on" : "try again"}.`;
}

// retry: called with where the file still is; resumed: told of the job that goes on; given up: of one that is cancelled.
export function unfinished(job, { retry, resumed }) {
  const [kind, words] = ENDS[job.state] ?? ["bad", `The import is ${job.state}.`];
  const trouble = el("p", { class: "wrong", role: "alert" });
  const title = el("h2", { tabindex: "-1", text: `${capitalized(job.state)}: ${shown(job.source)} into ${shown(job.bucket)}` });
  const act = async (way, method) => {
    try {
      resumed(await asked(way, { method }));
    } catch (problem) {
      // It goes on already, or has ended meanwhile.
      if (problem.status === 409) asked(path).then(resumed, () => null);
      trouble.textContent = `${capitalized(inWords(problem.message))}.`;
    }
  };
  const path = `imports/${encodeURIComponent(job.id)}`;
  const doing = job.state === "interrupted"
    ? [el("button", { class: "primary", id: "resume", on: { click: () => act(`${path}/resume`, "POST") } }, "Go on"),
      el("button", { id: "give-up", on: { click: () => act(path, "DELETE") } }, "Give it up")]
    : [job.upload && job.state === "failed"
      ? el("button", { class: "primary", id: "retry", on: { click: () => retry({ upload: job.upload, name: job.source }) } }, "Change it and try again") : null];
  const place = el("section", { class: "step outcome", "aria-label": "Result" }, title,
    notice(kind, el("p", { text: words }),
      job.error ? el("p", {}, el("strong", { text: capitalized(inWords(job.error.message)) })) : null,
      hintOf(job) ? el("p", { text: hintOf(job) }) : null),
    job.report ? accounts(job.report) : null, trouble, el("div", { class: "go" }, doing));
  return { place, title };
}
