// Where the points of the verified import lie: equirectangular, with a graticule; nothing comes from elsewhere.

import { asked } from "./api.js";
import { el, wideTable } from "./elements.js";
import { seriesNames } from "./series_names.js";
import { count, moment, plural, shown } from "./wording.js";

const MARGIN = { top: 10, right: 12, bottom: 24, left: 56 };
const DEGREES = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 45];
const TALLEST = 560;

// A few points that lie far off would make all others a dot.
const FAR_SHARE = 0.01;
const FAR_TIMES = 3;

// Who does not see hues tells series by these; the legend has the same.
const SHAPES = ["round", "square", "triangle", "diamond"];
const shapeOf = (index) => SHAPES[index % SHAPES.length];

function mark(pen, shape, x, y, size) {
  pen.beginPath();
  if (shape === "round") pen.arc(x, y, size, 0, 7);
  else if (shape === "square") pen.rect(x - 0.9 * size, y - 0.9 * size, 1.8 * size, 1.8 * size);
  else {
    pen.moveTo(x, y - 1.3 * size);
    pen.lineTo(x + 1.25 * size, shape === "diamond" ? y : y + size);
    if (shape === "diamond") pen.lineTo(x, y + 1.3 * size);
    pen.lineTo(x - 1.25 * size, shape === "diamond" ? y : y + size);
  }
  pen.fill();
}

// One hue per series, as far apart as they can be.
const colour = (index, all, isDark) => `oklch(${isDark ? 0.76 : 0.56} 0.15 ${(25 + index * 360 / all).toFixed(1)})`;

function grouped(points) {
  const found = new Map();
  for (const point of points) {
    if (!found.has(point.series)) found.set(point.series, []);
    found.get(point.series).push(point);
  }
  return found;
}

// A part of the earth: the points with room around them, never beyond the poles; without the outermost of them, if a share
// of them at each end is to be left out.
function extent(points, share = 0) {
  const ends = (values, least) => {
    const sorted = Float64Array.from(values).sort();
    const skipped = Math.floor(sorted.length * share);
    const [low, high] = [sorted[skipped], sorted[sorted.length - 1 - skipped]];
    const room = Math.max((high - low) * 0.06, least);
    return [low - room, high + room];
  };
  const [south, north] = ends(points.map((point) => point.lat), 0.002);
  const [west, east] = ends(points.map((point) => point.lon), 0.002);
  return { south: Math.max(-90, south), north: Math.min(90, north), west: Math.max(-180, west), east: Math.min(180, east) };
}

const area = (part) => (part.north - part.south) * (part.east - part.west);

function degrees(value, kind) {
  const [plus, minus] = kind === "lat" ? ["N", "S"] : ["E", "W"];
  const text = Math.abs(value).toLocaleString("en", { maximumFractionDigits: 3 });
  const isEdge = Math.abs(value) < 1e-9 || (kind === "lon" && Math.abs(value) === 180);
  return `${text}°${isEdge ? "" : value > 0 ? plus : minus}`;
}

// Degrees of both directions as long as they are in the middle of the map, as far as there is room.
function frame(part, width) {
  const inner = width - MARGIN.left - MARGIN.right;
  const shrink = Math.cos((part.south + part.north) / 2 * Math.PI / 180);
  const wide = Math.max(1e-6, (part.east - part.west) * Math.max(0.2, shrink));
  const scale = Math.min(inner / wide, (TALLEST - MARGIN.top - MARGIN.bottom) / (part.north - part.south));
  const height = Math.max(180, scale * (part.north - part.south) + MARGIN.top + MARGIN.bottom);
  const perLon = scale * Math.max(0.2, shrink);
  const left = MARGIN.left + (inner - perLon * (part.east - part.west)) / 2;
  const top = MARGIN.top + (height - MARGIN.top - MARGIN.bottom - scale * (part.north - part.south)) / 2;
  return { width, height, x: (lon) => left + (lon - part.west) * perLon, y: (lat) => top + (part.north - lat) * scale, scale, perLon };
}

function graticule(pen, at, style) {
  const { width, height } = at;
  const lines = (kind, perDegree, room) => {
    const step = DEGREES.find((each) => each * perDegree >= room) ?? 90;
    const [from, to] = kind === "lat" ? [-90, 90] : [-180, 180];
    const place = kind === "lat" ? at.y : at.x;
    const [low, high] = kind === "lat" ? [MARGIN.top, height - MARGIN.bottom] : [MARGIN.left, width - MARGIN.right];
    for (let value = Math.ceil(from / step); value * step <= to; value += 1) {
      const pixel = place(value * step);
      if (pixel < low - 0.5 || pixel > high + 0.5) continue;
      pen.strokeStyle = style.grid;
      pen.lineWidth = 1;
      pen.beginPath();
      if (kind === "lat") { pen.moveTo(MARGIN.left, pixel); pen.lineTo(width - MARGIN.right, pixel); }
      else { pen.moveTo(pixel, MARGIN.top); pen.lineTo(pixel, height - MARGIN.bottom); }
      pen.stroke();
      pen.fillStyle = style.soft;
      pen.textAlign = kind === "lat" ? "right" : "center";
      if (kind === "lat") pen.fillText(degrees(value * step, kind), MARGIN.left - 6, pixel + 4);
      else pen.fillText(degrees(value * step, kind), pixel, height - 7);
    }
  };
  lines("lat", at.scale, 48);
  lines("lon", at.perLon, 64);
  pen.strokeStyle = style.line;
  pen.strokeRect(MARGIN.left, MARGIN.top, width - MARGIN.left - MARGIN.right, height - MARGIN.top - MARGIN.bottom);
}

// joins: whether two points that follow each other are to be joined by a line.
function tracks(pen, at, series, { chosen, isDark, joins }) {
  const all = [...series];
  const order = all.map(([name, points], index) => ({ name, points, index })).sort((one, other) => (one.name === chosen) - (other.name === chosen));
  for (const { name, points, index } of order) {
    const isFaint = chosen !== null && name !== chosen;
    pen.strokeStyle = pen.fillStyle = colour(index, all.length, isDark);
    pen.globalAlpha = isFaint ? 0.08 : 0.35;
    pen.lineWidth = name === chosen ? 2 : 1.2;
    pen.beginPath();
    points.forEach((point, number) => {
      const before = points[number - 1];
      const isJoined = before && Math.abs(before.lon - point.lon) <= 180 && joins(before, point); // not over the date line
      pen[isJoined ? "lineTo" : "moveTo"](at.x(point.lon), at.y(point.lat));
    });
    pen.stroke();
    pen.globalAlpha = isFaint ? 0.15 : 0.9;
    for (const point of points) mark(pen, shapeOf(index), at.x(point.lon), at.y(point.lat), name === chosen ? 2.6 : 2);
  }
  pen.globalAlpha = 1;
}

// Each series' first and last point, and what it keeps to.
function table(series, names) {
  const span = (values, kind) => {
    const [low, high] = values.reduce(([least, most], each) => [Math.min(least, each), Math.max(most, each)], [Infinity, -Infinity]);
    return `${degrees(low, kind)} … ${degrees(high, kind)}`;
  };
  const rows = [...series.values()].map((points, index) => [shown(names[index], 60) || "(no tags)",
    el("td", { class: "number", text: count(points.length) }), moment(points[0].time), moment(points.at(-1).time),
    span(points.map((point) => point.lat), "lat"), span(points.map((point) => point.lon), "lon")]);
  return el("details", { class: "more" }, el("summary", { text: "The same as a table" }),
    wideTable("Where each series is", ["Series", "Points", "First (UTC)", "Last (UTC)", "Latitude", "Longitude"], rows));
}

function shownMap(track, step) {
  const points = track.points.filter((point) => Math.abs(point.lat) <= 90 && Math.abs(point.lon) <= 180);
  const series = grouped(points);
  const names = seriesNames([...series.keys()]);
  const whole = extent(points);
  const most = extent(points, FAR_SHARE);
  const hasFar = area(whole) > FAR_TIMES * area(most);
  const isWithin = ({ lat, lon }) => lat >= most.south && lat <= most.north && lon >= most.west && lon <= most.east;
  let part = hasFar ? most : whole;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const canvas = el("canvas", { role: "img", "aria-label": `Map: ${plural(points.length, "point")} of ${plural(series.size, "series", "series")}, ` +
    `${degrees(whole.south, "lat")} to ${degrees(whole.north, "lat")}, ${degrees(whole.west, "lon")} to ${degrees(whole.east, "lon")}` });
  const holder = el("div", { class: "frame" }, canvas);
  const buttons = new Map();
  let [chosen, pinned] = [null, null];

  function draw() {
    const width = Math.round(holder.clientWidth);
    if (!width) return;
    const at = frame(part, width);
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(at.height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${Math.round(at.height)}px`;
    const pen = canvas.getContext("2d");
    const computed = getComputedStyle(canvas);
    pen.scale(ratio, ratio);
    pen.font = `12px ${computed.fontFamily}`;
    graticule(pen, at, { grid: dark.matches ? "#28333f" : "#e1e7ec", line: dark.matches ? "#3b4754" : "#c6d0d9", soft: dark.matches ? "#9fadba" : "#55626f" });
    pen.save();
    pen.beginPath();
    pen.rect(MARGIN.left, MARGIN.top, width - MARGIN.left - MARGIN.right, at.height - MARGIN.top - MARGIN.bottom);
    pen.clip();
    tracks(pen, at, series, { chosen, isDark: dark.matches, joins: (one, other) => part === whole || (isWithin(one) && isWithin(other)) });
    pen.restore();
    [...buttons.values()].forEach((button, index) => {
      button.querySelector(".swatch").style.backgroundColor = colour(index, series.size, dark.matches);
    });
  }

  function choose(name) {
    chosen = name ?? pinned;
    draw();
  }

  const legend = el("ul", { class: "legend", "aria-label": "Series" }, [...series].map(([name, own], index) => {
    const button = el("button", { class: "quiet", "aria-pressed": "false", title: name, on: {
      pointerenter: () => choose(name), pointerleave: () => choose(null), focus: () => choose(name), blur: () => choose(null),
      click: () => {
        pinned = pinned === name ? null : name;
        for (const [each, other] of buttons) other.setAttribute("aria-pressed", String(each === pinned));
        choose(pinned);
      } } }, el("span", { class: `swatch ${shapeOf(index)}`, "aria-hidden": "true" }), shown(names[index], 40) || "(no tags)", el("span", { class: "note", text: ` ${count(own.length)}` }));
    buttons.set(name, button);
    return el("li", {}, button);
  }));
  const outside = track.points.length - points.length;
  const far = points.filter((point) => !isWithin(point)).length;
  const toggle = hasFar ? el("button", { class: "quiet", on: { click: () => {
    part = part === most ? whole : most;
    named();
    draw();
  } } }) : null;
  const named = () => {
    toggle.textContent = part === most ? `Show all: ${plural(far, "point lies", "points lie")} further off` : "Show where most of them are";
  };
  if (toggle) named();
  step.append(holder, ...(toggle ? [toggle] : []), legend, el("p", { class: "note", text:
    `${track.is_whole ? `All ${plural(points.length, "point")}` : `${plural(points.length, "point")}, the first of each stretch of time`}, by ${shown(track.latitude)} and ${shown(track.longitude)}.` +
    (outside ? ` ${plural(outside, "point is", "points are")} not on the earth.` : "") }), table(series, names));
  // It is told, too, that the map has left the page.
  new ResizeObserver(() => {
    dark[holder.isConnected ? "addEventListener" : "removeEventListener"]("change", draw);
    draw();
  }).observe(holder);
}

// Names by which the service finds coordinates, as far as this page need know.
const COORDINATES = [/(^|[-_])lat(itude)?$/i, /(^|[-_])(lon|lng|long|longitude)$/i];

// job: verified. pictures: where the map goes, if there is one.
export async function showMap({ id: job, report }, pictures) {
  const hasAll = COORDINATES.every((pattern) => report.fields.some((each) => pattern.test(each.field) && each.type !== "string"));
  if (!hasAll) return;
  let track;
  try {
    track = await asked(`imports/${encodeURIComponent(job)}/track`);
  } catch {
    return; // they were none after all
  }
  if (!track.points.length) return;
  const step = el("section", { class: "step map", "aria-label": "Map" }, el("h2", { text: "Where" }));
  pictures.append(step);
  shownMap(track, step);
}
