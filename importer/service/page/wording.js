// Numbers, times and the service's sentences, as people read them.

export const count = (number) => number.toLocaleString("en");

export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

export function bytes(number) {
  if (number < 1000) return plural(number, "byte");
  const units = ["kB", "MB", "GB", "TB"];
  let size = number;
  let unit = "";
  for (unit of units) {
    size /= 1000;
    if (size < 1000) break;
  }
  return `${size.toLocaleString("en", { maximumFractionDigits: 1 })} ${unit}`;
}

export function duration(seconds) {
  if (seconds < 60) return `${seconds.toLocaleString("en", { maximumFractionDigits: seconds < 10 ? 1 : 0 })} s`;
  const whole = Math.round(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return parts[0] ? `${parts[0]} h ${parts[1]} min` : `${parts[1]} min ${parts[2]} s`;
}

// RFC 3339 in UTC, its nanoseconds kept as they are.
export const moment = (text) => text.replace("T", " ").replace(/Z$/, "").replace(/\.0+$|(\.\d{3})0{6}$|(\.\d{6})0{3}$/, "$1$2");

export const inUtc = (text) => `${moment(text)} UTC`;

export const number = (value) => value.toLocaleString("en", { maximumSignificantDigits: 6 });

// Control signs would be nowhere to be seen.
export function shown(text, longest = 80) {
  const visible = text.replace(/[\u0000-\u001f\u007f]/g, (sign) =>
    ({ "\n": "⏎", "\r": "␍", "\t": "⇥" })[sign] ?? "␦");
  return visible.length > longest ? `${visible.slice(0, longest - 1)}…` : visible;
}

const PHRASES = [
  [/say (?:--if-exists |"if_exists": ")replace"? to ([^,]+), (?:--if-exists |"if_exists": ")append"? to add to it, or choose another (?:--bucket|"bucket")/g,
    "choose “Replace it” to $1, “Add to it”, or another name for the bucket"],
  [/; say --time COLUMN, and its --time-format\./g, "."],
  [/ \(--tag\)/g, ""],
  [/; say --time (.+) if it is this one/g, ""],
  [/ \(--wait\)/g, ""],
  [/; all that were found are in '[^']+'/g, ""],
  [/\bsay (?=--)/g, "set "],
];
const CONTROLS = {
  "--timezone": "“Time zone”", "--time-format": "“Time format”", "--time": "the role “time”",
  "--null": "“Empty cells”", "--encoding": "“Encoding”", "--delimiter": "“Delimiter”", "--decimal": "“Decimal mark”",
  "--header": "“Names of the columns”", "--max-rejects": "“Rows that cannot be loaded”", "--bucket": "“Bucket”",
  "--tag": "the role “tag”", "--field": "the role “field”", "--skip-header": "“Lines to skip”",
};

// Errors of requests name parts of a request, what a load tells names the command line's options: here they are controls.
const PARTS = {
  max_rejects: "--max-rejects", bucket: "--bucket", "hints.tags": "--tag", "hints.fields": "--field", "hints.time": "--time",
  "hints.time_format": "--time-format", "hints.timezone": "--timezone", "csv.encoding": "--encoding", "csv.delimiter": "--delimiter",
  "csv.decimal": "--decimal", "csv.null": "--null", "csv.header": "--header", "csv.skip_header": "--skip-header",
};

export function inWords(text) {
  let found = text.replace(/"((?:hints\.|csv\.)?[a-z_]+)"(?!:)/g, (whole, part) => PARTS[part] ?? whole);
  for (const [pattern, words] of PHRASES) found = found.replace(pattern, words);
  return found.replace(/--[a-z]+(?:-[a-z]+)*/g, (option) => CONTROLS[option] ?? option);
}

export const capitalized = (text) => text.charAt(0).toUpperCase() + text.slice(1);

// What went wrong, and what can be done about it.
export function advice(problem) {
  switch (problem.status) {
    case 0:
      return "The service does not answer. Is “importer serve” still running? Start it again; what was under way goes on.";
    case 401:
      return "The service wants its token.";
    case 404:
      return "It is no longer there: uploads are kept for a day. Choose the file again.";
    case 413:
      return "Import it on the command line, or start the service with a higher bound for uploads.";
    case 429:
      return "Try again in a moment.";
    case 503:
      return "Check that InfluxDB runs where the service looks for it, and that its token is right; then try again.";
    case 504:
      return "Try again, with a part of the rows.";
    case 507:
      return "Make room on the service's disk.";
    default:
      return "";
  }
}
