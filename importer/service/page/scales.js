// Where the marks of an axis stand: round numbers, round times, round degrees.

export function ticks(low, high, most) {
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= rough * 0.999);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at += 1) found.push(Number((at * step).toPrecision(12)));
  return found.length ? found : [low, high];
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((each) => [each * SECOND, "time"]), ...[1, 2, 5, 10, 15, 30].map((each) => [each * MINUTE, "minute"]),
  ...[1, 2, 3, 6, 12].map((each) => [each * HOUR, "minute"]), ...[1, 2, 7, 14].map((each) => [each * DAY, "day"]),
];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MONTH_STEPS = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200];

const two = (value) => String(value).padStart(2, "0");

function wording(time, kind) {
  const date = new Date(time);
  const clock = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
  const day = `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
  if (kind === "time") return `${clock}:${two(date.getUTCSeconds())}`;
  if (kind === "minute") return clock === "00:00" ? day : clock;
  if (kind === "day") return day;
  return `${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
}

// Times in milliseconds, each with its text; UTC.
export function timeTicks(first, last, most) {
  const rough = Math.max(1, last - first) / most;
  const step = STEPS.find(([each]) => each >= rough);
  const found = [];
  if (step) {
    const [every, kind] = step;
    for (let at = Math.ceil(first / every) * every; at <= last; at += every) found.push([at, wording(at, kind)]);
    return found;
  }
  const months = MONTH_STEPS.find((each) => each * 30.4 * DAY >= rough) ?? MONTH_STEPS.at(-1);
  const begin = new Date(first);
  let month = Math.ceil((begin.getUTCFullYear() * 12 + begin.getUTCMonth()) / months) * months;
  for (;; month += months) {
    const at = Date.UTC(Math.floor(month / 12), month % 12);
    if (at > last) return found;
    if (at >= first) found.push([at, months >= 12 ? String(new Date(at).getUTCFullYear()) : wording(at, "month")]);
  }
}
