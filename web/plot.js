// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The plots of one key: what they show (pure), and how it is drawn. uPlot draws them if the build has it; otherwise
// a plain drawing without a cursor does.

import {drawing, element} from "./dom.js";

const HOUR_STEPS = 360;
const HOURS = 48;
const DAYS = 31;
const MONTHS = 12;

// --- what is shown: points of {at, rx, tx}, oldest first ---

// answer: of GET .../traffic/rates. at: Unix seconds of the step's begin; rx and tx: bytes a second.
export function hourPoints(answer) {
  const skip = Math.max(answer.rx.length - HOUR_STEPS, 0);
  return answer.rx.slice(skip).map((rx, index) => ({at: answer.start + (skip + index) * answer.step_s, rx,
                                                    tx: answer.tx[skip + index]}));
}

// hours: of GET .../traffic/hours. at: Unix seconds, moved so that UTC shows the server's local time. Hours in which
// nothing happened are not in the answer.
export function hourBars(hours, now, offset = hours.at(-1)?.utc_offset_s ?? 0) {
  const known = new Map(hours.map((hour) => [hour.start, hour]));
  const newest = Math.floor((now + offset) / 3600) * 3600 - offset;
  return Array.from({length: HOURS}, (_, index) => {
    const start = newest - (HOURS - 1 - index) * 3600;
    const hour = known.get(start);
    return {at: start + (hour?.utc_offset_s ?? offset), rx: hour?.rx_bytes ?? 0, tx: hour?.tx_bytes ?? 0};
  });
}

const dayOf = (date) => Date.parse(`${date}T00:00:00Z`) / 1000;
const dateOf = (day) => new Date(day * 1000).toISOString().slice(0, 10);

// days: daily_stats of GET .../traffic/history. today: "YYYY-MM-DD" on the server. at: as for hourBars().
export function dayBars(days, today) {
  return Array.from({length: DAYS}, (_, index) => {
    const at = dayOf(today) - (DAYS - 1 - index) * 86400;
    const day = days[dateOf(at)];
    return {at, rx: day?.rx_bytes ?? 0, tx: day?.tx_bytes ?? 0};
  });
}

export function monthBars(days, today) {
  const [year, month] = today.split("-").map(Number);
  return Array.from({length: MONTHS}, (_, index) => {
    const at = Date.UTC(year, month - MONTHS + index, 1) / 1000;
    const name = dateOf(at).slice(0, 7);
    const sum = {at, rx: 0, tx: 0};
    for (const [date, day] of Object.entries(days)) {
      if (!date.startsWith(name)) continue;
      sum.rx += day.rx_bytes;
      sum.tx += day.tx_bytes;
    }
    return sum;
  });
}

// --- how it is drawn ---

let loading = null;

// Resolves with uPlot, or null if the build does not have it.
export function loadPlots() {
  loading ??= new Promise((resolve) => {
    const script = element("script", {src: "ui/uplot.js"});
    script.addEventListener("load", () => resolve(globalThis.uPlot ?? null));
    script.addEventListener("error", () => resolve(null));
    document.head.append(element("link", {rel: "stylesheet", href: "ui/uplot.css"}), script);
  });
  return loading;
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// Steps of the axes: 1, 2, 4, ... 512 of each unit.
const SIZE_STEPS = [0, 1, 2, 3, 4, 5, 6].flatMap((power) => Array.from({length: 10}, (_, bit) => 2 ** bit * 1024 ** power));

// view: {points, bars, value(bytes), tick(at), name(at), texts}. Draws into the box and returns {close()}.
export function drawPlot(uPlot, box, readout, view) {
  const say = (point) => {
    readout.textContent = point ? `${view.name(point.at)}   ↓ ${view.value(point.tx)}   ↑ ${view.value(point.rx)}` : " ";
  };
  say(null);
  if (!uPlot) {
    box.replaceChildren(plainPlot(view));
    return {close() {}};
  }
  box.replaceChildren();
  const size = () => ({width: box.clientWidth, height: box.clientHeight});
  const plot = new uPlot(plotOptions(uPlot, view, say, size()), plotData(view), box);
  const watch = new ResizeObserver(() => plot.setSize(size()));
  watch.observe(box);
  return {close() { watch.disconnect(); plot.destroy(); }};
}

function plotData(view) {
  const x = view.points.map((point, index) => (view.bars ? index : point.at));
  const below = view.points.map((point) => point.tx);
  // Bars stand on each other: the higher one is drawn first.
  return view.bars ? [x, view.points.map((point) => point.rx + point.tx), below] : [x, below, view.points.map((point) => point.rx)];
}

function plotOptions(uPlot, view, say, size) {
  const bars = view.bars ? uPlot.paths.bars({size: [0.7, 40], radius: 0.15}) : undefined;
  const series = (name) => ({stroke: colour(name), fill: view.bars ? colour(name) : colour(`${name}-soft`), width: view.bars ? 0 : 1.5,
                             paths: bars, points: {show: false}});
  const axis = {stroke: colour("--quiet"), font: "12px system-ui, sans-serif", ticks: {show: false}};
  const grid = {stroke: colour("--line"), width: 1};
  const at = (x) => (view.bars ? view.points[Math.round(x)]?.at : x);
  return {
    ...size,
    legend: {show: false},
    cursor: {y: false, drag: {x: false, y: false}, points: {size: 7}},
    scales: {x: {time: false, range: view.bars ? (_, low, high) => [low - 0.6, high + 0.6] : undefined},
             y: {range: (_, low, high) => [0, Math.max(high * 1.08, 1024)]}},
    series: [{}, ...(view.bars ? [series("--up"), series("--down")] : [series("--down"), series("--up")])],
    axes: [{...axis, grid: {show: false}, space: 70, size: 32, incrs: view.bars ? [1, 2, 3, 6, 12] : [60, 300, 600, 900],
            values: (_, splits) => splits.map((x) => (at(x) === undefined ? "" : view.tick(at(x))))},
           {...axis, grid, size: 76, incrs: SIZE_STEPS, values: (_, splits) => splits.map(view.value)}],
    hooks: {setCursor: [(plot) => say(plot.cursor.idx === null ? null : view.points[plot.cursor.idx])]},
  };
}

function plainPlot(view) {
  const width = 600;
  const height = 200;
  const most = Math.max(1, ...view.points.map((point) => point.rx + point.tx));
  const step = width / Math.max(view.points.length, 1);
  const bars = view.points.flatMap((point, index) => {
    const place = {x: (index * step).toFixed(2), width: (step * (view.bars ? 0.7 : 1)).toFixed(2)};
    const down = point.tx / most * height;
    const up = point.rx / most * height;
    return [drawing("rect", {...place, y: height - down, height: down, class: "down"}),
            drawing("rect", {...place, y: height - down - up, height: up, class: "up"})];
  });
  const first = view.points[0];
  const last = view.points.at(-1);
  return element("div", {class: "plain-plot"},
                 element("span", {class: "most"}, view.value(most)),
                 drawing("svg", {viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true"}, bars),
                 element("div", {class: "ends"}, element("span", {}, first ? view.tick(first.at) : ""),
                         element("span", {}, last ? view.tick(last.at) : "")));
}
