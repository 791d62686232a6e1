// The rows and cells that could not be loaded: the first of them as a table, all of them as a file.

import { fetched, hasToken } from "./api.js";
import { el, wideTable } from "./elements.js";
import { capitalized, count, inWords, plural, shown } from "./wording.js";

const SHOWN = 100;

// RFC 4180: quoted cells may hold delimiters, doubled quotes and ends of lines.
export function cellsOf(text) {
  const rows = [];
  let row = [];
  let at = 0;
  while (at < text.length) {
    let cell = "";
    if (text[at] === '"') {
      at += 1;
      for (;;) {
        const end = text.indexOf('"', at);
        if (end < 0) return rows;
        cell += text.slice(at, end);
        at = end + 1;
        if (text[at] !== '"') break;
        cell += '"';
        at += 1;
      }
    } else {
      const end = at + text.slice(at).search(/[,\r\n]|$/);
      cell = text.slice(at, end);
      at = end;
    }
    row.push(cell);
    if (text[at] === ",") {
      at += 1;
      if (at < text.length && !"\r\n".includes(text[at])) continue;
      row.push("");
    }
    if (text[at] === "\r") at += 1;
    if (text[at] === "\n") at += 1;
    rows.push(row);
    row = [];
  }
  return rows;
}

async function saved(path, name) {
  const body = await (await fetched(path)).blob();
  const address = URL.createObjectURL(body);
  const link = el("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

function download(path, name) {
  // A plain link streams to the disk; it cannot send a token, though.
  if (!hasToken()) return el("a", { class: "button", href: path, download: name, text: "Download all as CSV" });
  return el("button", { on: { click: () => saved(path, name) } }, "Download all as CSV");
}

export async function rejectsOf(job, total = null) {
  const path = `imports/${encodeURIComponent(job)}/rejects`;
  const [header, ...rows] = cellsOf(await (await fetched(`${path}?limit=${SHOWN}`)).text());
  if (!header || !rows.length) return null;
  const at = Object.fromEntries(header.map((name, index) => [name, index]));
  const cell = (row, name) => row[at[name]] ?? "";
  const named = total === null ? plural(rows.length, "reject") : plural(Math.max(total, rows.length), "row", "rows");
  const few = rows.length >= SHOWN ? ` The first ${SHOWN} are shown.` : "";
  return el("section", { class: "step rejects", "aria-label": "What was rejected" },
    el("h2", { text: total === null ? `Rejects: ${named}` : `Rejected: ${named}` }),
    el("p", { class: "note", text: `Each with its line in the file and the reason.${few}` }),
    wideTable("Rejects", ["Line", "Column", "Reason", "Text"], rows.map((row) => [
      cell(row, "line") ? count(Number(cell(row, "line"))) : "–",
      shown(cell(row, "column"), 60), capitalized(inWords(shown(cell(row, "error_message"), 300))),
      el("code", { text: shown(cell(row, "raw"), 160) })])),
    download(path, `${job}.rejects.csv`));
}
