// The imports so far, each a link to what became of it.

import { asked } from "./api.js";
import { byId, el } from "./elements.js";
import { moment, plural, shown } from "./wording.js";

const SHOWN = 8;

export async function showEarlier() {
  const place = byId("earlier");
  let jobs;
  try {
    jobs = await asked(`imports?limit=${SHOWN}`);
  } catch {
    return; // that the service does not answer is said elsewhere
  }
  place.hidden = !jobs.length || byId("lead").hidden;
  byId("earlier-list").replaceChildren(el("ul", { class: "jobs" }, jobs.map((job) => el("li", {},
    el("a", { href: `#import=${job.id}` }, shown(job.source, 60), " → ", shown(job.bucket, 60)),
    el("span", { class: `state ${job.state}`, text: job.state }),
    el("span", { class: "note", text: `${moment(job.created).slice(0, 16)} UTC` +
      (job.state === "verified" && job.report ? `, ${plural(job.report.points_written, "point")}` : "") })))));
}
