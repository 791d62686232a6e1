// A field of the verified import over time: the mean of each window as a line, the least and the most as a band.

import { asked } from "./api.js";
import { el, labelled, notice, select, svg, wideTable } from "./elements.js";
import { ticks, timeTicks } from "./scales.js";
import { capitalized, count, duration, moment, number, plural, shown } from "./wording.js";

const HEIGHT = 260;
const MARGIN = { top: 12, right: 12, bottom: 30, left: 64 };
const GAP = 6; // windows without values before the line is broken

const at = (window) => Date.parse(window.time);

function summary(chart) {
  const { windows } = chart;
  if (!windows.length) return `${chart.field}: no values`;
  const isNumber = windows.some((each) => each.mean !== null);
  const range = isNumber ? `, from ${number(Math.min(...windows.map((each) => each.least)))} to ${number(Math.max(...windows.map((each) => each.most)))}` : "";
  const values = windows.reduce((sum, each) => sum + each.count, 0);
  return `${chart.field}: ${plural(values, "value")}${range}; ${moment(windows[0].time).slice(0, 16)} to ${moment(windows.at(-1).time).slice(0, 16)} UTC`;
}

// Stretches without a long gap: a line across one would tell of what is not there.
function stretches(windows, seconds) {
  const found = [];
  for (const each of windows) {
    const last = found.at(-1)?.at(-1);
    if (!last || at(each) - at(last) > GAP * seconds * 1000) found.push([]);
    found.at(-1).push(each);
  }
  return found;
}

function drawn(chart, width) {
  const { windows } = chart;
  const isNumber = windows.every((each) => each.mean !== null);
  const value = (each) => isNumber ? each.mean : each.count;
  const inner = { left: MARGIN.left, right: width - MARGIN.right, top: MARGIN.top, bottom: HEIGHT - MARGIN.bottom };
  const first = at(windows[0]);
  const last = at(windows.at(-1)) + chart.window_seconds * 1000;
  let low = isNumber ? Math.min(...windows.map((each) => each.least)) : 0;
  let high = Math.max(...windows.map((each) => isNumber ? each.most : each.count));
  if (low === high) [low, high] = [low - 1, high + 1];
  const marks = ticks(low, high, 5);
  const step = marks.length > 1 ? marks[1] - marks[0] : high - low;
  while (marks[0] > low) marks.unshift(Number((marks[0] - step).toPrecision(12)));
  while (marks.at(-1) < high) marks.push(Number((marks.at(-1) + step).toPrecision(12)));
  [low, high] = [marks[0], marks.at(-1)];
  const x = (time) => inner.left + (time - first) / (last - first || 1) * (inner.right - inner.left);
  const y = (each) => inner.bottom - (each - low) / (high - low) * (inner.bottom - inner.top);
  const middle = (each) => x(at(each) + chart.window_seconds * 500);
  const point = (px, py) => `${px.toFixed(1)},${py.toFixed(1)}`;
  const parts = stretches(windows, chart.window_seconds);
  const bands = isNumber ? parts.map((part) => svg("path", { class: "band", d: `M${[
    ...part.map((each) => point(middle(each), y(each.most))), ...part.toReversed().map((each) => point(middle(each), y(each.least))),
  ].join("L")}Z` })) : [];
  const lines = parts.map((part) => part.length > 1
    ? svg("polyline", { class: "line", points: part.map((each) => point(middle(each), y(value(each)))).join(" ") })
    : svg("circle", { class: "dot", cx: middle(part[0]), cy: y(value(part[0])), r: 2 }));
  const cross = svg("line", { class: "cross", y1: inner.top, y2: inner.bottom, hidden: true });
  const picture = svg("svg", { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": summary(chart) },
    marks.map((mark) => [svg("line", { class: "grid", x1: inner.left, x2: inner.right, y1: y(mark), y2: y(mark) }),
      svg("text", { class: "tick", x: inner.left - 8, y: y(mark) + 4, "text-anchor": "end", text: number(mark) })]),
    timeTicks(first, last, Math.max(3, Math.floor(width / 110))).map(([time, text]) => [
      svg("line", { class: "grid", x1: x(time), x2: x(time), y1: inner.top, y2: inner.bottom }),
      svg("text", { class: "tick", x: x(time), y: HEIGHT - 10, "text-anchor": "middle", text })]),
    bands, lines, cross);
  return { picture, cross, middle };
}

function readout(chart, each) {
  const values = each.mean === null ? "" : `mean ${number(each.mean)}, ${number(each.least)} … ${number(each.most)}, `;
  return `${moment(each.time).slice(0, 19)} UTC: ${values}${plural(each.count, "value")}`;
}

function table(chart) {
  const rows = chart.windows.map((each) => [moment(each.time), ...["mean", "least", "most"].map((name) =>
    el("td", { class: "number", text: each[name] === null ? "–" : number(each[name]) })), el("td", { class: "number", text: count(each.count) })]);
  return el("details", { class: "more" }, el("summary", { text: "The same as a table" }),
    wideTable(`${chart.field} over time`, ["From (UTC)", "Mean", "Least", "Most", "Values"], rows));
}

function shownChart(chart, place) {
  if (!chart.windows.length) {
    place.replaceChildren(el("p", { class: "note", text: "The field has no values." }));
    return;
  }
  const frame = el("div", { class: "frame" });
  const line = el("p", { class: "note readout" });
  const isNumber = chart.windows.every((each) => each.mean !== null);
  const still = `${isNumber ? "The mean of each window, in a band from the least to the most" : "How many values there are in each window"}; a window is ${duration(chart.window_seconds)} long. All series together.`;
  line.textContent = still;
  let current = null;
  let crossAt = () => null; // of the picture as it is drawn now
  // By pointer, and by this one's keys.
  const slide = el("input", { type: "range", class: "slide", min: 0, max: chart.windows.length - 1, value: 0, "aria-label": "Window of time",
    on: { input: () => read(Number(slide.value)), focus: () => read(Number(slide.value)), blur: () => leave() } });
  slide.setAttribute("aria-valuetext", readout(chart, chart.windows[0]));
  const read = (index) => {
    const each = chart.windows[index];
    slide.value = index;
    line.textContent = readout(chart, each);
    slide.setAttribute("aria-valuetext", line.textContent);
    crossAt(each);
  };
  const leave = () => {
    crossAt(null);
    line.textContent = still;
  };
  const draw = () => {
    const width = Math.round(frame.clientWidth);
    if (!width || current === width) return;
    current = width;
    const { picture, cross, middle } = drawn(chart, width);
    picture.addEventListener("pointermove", (event) => {
      const pointed = event.clientX - picture.getBoundingClientRect().left;
      const distance = (each) => Math.abs(middle(each) - pointed);
      read(chart.windows.reduce((best, each, index) => distance(each) < distance(chart.windows[best]) ? index : best, 0));
    });
    picture.addEventListener("pointerleave", leave);
    crossAt = (each) => {
      if (!each) {
        cross.setAttribute("hidden", "");
        return;
      }
      cross.removeAttribute("hidden");
      cross.setAttribute("x1", middle(each));
      cross.setAttribute("x2", middle(each));
    };
    frame.replaceChildren(picture);
  };
  place.replaceChildren(frame, slide, line, table(chart));
  new ResizeObserver(draw).observe(frame);
}

export async function showChart(job, pictures) {
  const picture = el("div");
  const controls = el("div", { class: "settings" });
  const step = el("section", { class: "step chart", "aria-label": "Chart" }, el("h2", { text: "Over time" }), controls, picture);
  pictures.prepend(step);
  const load = async (query) => {
    try {
      const chart = await asked(`imports/${encodeURIComponent(job)}/chart?${new URLSearchParams(query)}`);
      const choose = (name, choices, value, more) => labelled(name, select(choices.map((each) => [each, shown(each, 60)]), value, {
        id: `chart-${name.toLowerCase()}`, on: { change: async (event) => {
          const { id } = event.target;
          await load({ ...more, [name.toLowerCase()]: event.target.value });
          document.getElementById(id)?.focus({ preventScroll: true });
        } } }));
      controls.replaceChildren(...[
        chart.measurements.length > 1 ? choose("Measurement", chart.measurements, chart.measurement, {}) : null,
        choose("Field", chart.fields, chart.field, { measurement: chart.measurement })].filter(Boolean));
      shownChart(chart, picture);
    } catch (problem) {
      picture.replaceChildren(notice("bad", el("p", { text: `${capitalized(problem.message)}.` })));
    }
  };
  await load({});
}
