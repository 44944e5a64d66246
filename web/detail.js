// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// One key: its figures, its history as plots, its ports and connections, and the reset.

import {ask, keyPath} from "./api.js";
import {element, setText} from "./dom.js";
import {dayBars, drawPlot, hourBars, hourPoints, loadPlots, monthBars} from "./plot.js";

const RANGES = ["hour", "hours", "days", "months"];
const CONNECTIONS_MS = 5000;
const PLOT_MS = 10000;
const FIGURES = ["down_now", "up_now", "down", "up", "total", "lifetime", "connections"];

export class KeyDetail {
  // context: {texts, format, status}; actions: {reset(row)}.
  constructor(context, row, actions) {
    this.context = context;
    this.row = row;
    this.actions = actions;
    this.range = "hour";
    this.plot = null;
    this.timers = [];
    const {texts} = context;
    this.values = Object.fromEntries(FIGURES.map((name) => [name, element("bdi", {})]));
    this.note = element("p", {class: "facts"});
    this.warning = element("p", {class: "notice warn", hidden: true});
    this.box = element("div", {class: "plot"});
    this.readout = element("p", {class: "readout", "aria-hidden": "true", dir: "ltr"}, " ");
    this.caption = element("p", {class: "quiet"});
    this.figures = element("div", {class: "figures"});
    this.ports = element("div", {});
    this.connections = element("div", {});
    this.tabs = RANGES.map((range) => element("button", {type: "button", role: "tab", id: `range-${range}`,
      "aria-controls": "plot", onclick: () => this.choose(range)}, texts.get(`range_${range}`)));
    this.element = this.#layout();
  }

  #layout() {
    const {texts} = this.context;
    this.title = element("h1", {tabindex: "-1"}, this.row.name);
    this.resetButton = element("button", {type: "button", class: "danger", onclick: () => this.actions.reset(this.row)}, texts.get("reset"));
    return element("article", {class: "detail"},
      element("p", {}, element("a", {href: "#", class: "back"}, texts.get("back"))),
      element("div", {class: "head"}, element("div", {}, this.title, this.note), this.resetButton),
      this.warning,
      element("dl", {class: "tiles"}, FIGURES.map((name) => element("div", {class: name},
        element("dt", {}, texts.get(name)), element("dd", {}, this.values[name])))),
      element("section", {class: "card", "aria-label": texts.get("history")},
        element("div", {class: "card-head"}, element("h2", {}, texts.get("history")),
          element("div", {class: "tabs", role: "tablist", "aria-label": texts.get("history"), onkeydown: (event) => this.#turn(event)}, this.tabs)),
        element("div", {id: "plot", role: "tabpanel"}, element("div", {class: "plot-head"}, this.caption,
          element("p", {class: "legend"}, element("span", {class: "down"}, texts.get("down")), element("span", {class: "up"}, texts.get("up"))), this.readout), this.box, this.figures)),
      this.ports,
      this.connections);
  }

  open() {
    this.show(this.row);
    this.choose("hour");
    this.#loadConnections();
    this.#every(CONNECTIONS_MS, () => this.#loadConnections());
    this.#every(PLOT_MS, () => this.#loadPlot());
    this.title.focus({preventScroll: true});
  }

  close() {
    this.timers.forEach(clearInterval);
    this.plot?.close();
    this.closed = true;
  }

  #every(milliseconds, work) {
    this.timers.push(setInterval(() => document.hidden || work(), milliseconds));
  }

  // row: of rows.js, with the newest live figures.
  show(row) {
    const {texts, format} = this.context;
    this.row = row;
    const exact = {down: row.tx, up: row.rx, total: row.total, lifetime: row.lifetime};
    const shown = {down_now: format.rate(row.txRate), up_now: format.rate(row.rxRate), down: format.size(row.tx), up: format.size(row.rx),
                   total: format.size(row.total), lifetime: format.size(row.lifetime),
                   connections: row.connections === null ? "–" : format.number(row.connections)};
    for (const name of FIGURES) {
      setText(this.values[name], shown[name]);
      if (Number.isFinite(exact[name])) this.values[name].title = `${format.number(exact[name])} ${format.units[0]}`;
    }
    const facts = [row.ports ? `${texts.get("port")} ${row.ports}` : texts.get("no_port"), `${texts.get("id")} ${row.id}`];
    if (row.inactive) facts.push(texts.get("inactive"));
    const resets = this.context.status?.api_key?.scopes.includes("reset") ?? true;
    const resettable = row.kind !== "user" && Boolean(row.ports);
    if (resettable && !resets) facts.push(texts.get("reset_not_allowed"));
    setText(this.note, facts.join("  ·  "));
    this.resetButton.hidden = !resettable || !resets;
    this.#warn(row.kind === "user" && row.total === null ? texts.get("shared_port") : row.notCounted ? texts.get("not_counted") : "");
  }

  #warn(text) {
    this.warning.hidden = !text;
    setText(this.warning, text);
  }

  // --- plots ---

  choose(range) {
    this.range = range;
    this.tabs.forEach((tab, index) => {
      tab.setAttribute("aria-selected", String(RANGES[index] === range));
      tab.tabIndex = RANGES[index] === range ? 0 : -1;
    });
    this.#loadPlot();
  }

  #turn(event) {
    const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
    if (!step) return;
    const forwards = document.documentElement.dir === "rtl" ? -step : step;
    const next = RANGES[(RANGES.indexOf(this.range) + forwards + RANGES.length) % RANGES.length];
    this.choose(next);
    this.tabs[RANGES.indexOf(next)].focus();
  }

  async #view(range) {
    const {format} = this.context;
    const utc = (options) => (at) => format.time(at, {...options, timeZone: "UTC"});
    const id = this.row.id;
    if (range === "hour")
      return {points: hourPoints(await ask(keyPath(id, "traffic/rates"))), bars: false, value: (bytes) => format.rate(bytes),
              tick: (at) => format.time(at, {hour: "2-digit", minute: "2-digit"}), name: (at) => format.clock(at)};
    if (range === "hours") {
      const data = await this.#hours(id);
      return {points: hourBars(data.hours, Date.now() / 1000, data.offset), bars: true, value: (bytes) => format.size(bytes),
              tick: utc({hour: "2-digit", minute: "2-digit"}), name: utc({weekday: "short", hour: "2-digit", minute: "2-digit"})};
    }
    const answer = await ask(keyPath(id, "traffic/history"));
    const [make, options] = range === "days" ? [dayBars, {day: "numeric", month: "short"}] : [monthBars, {month: "short", year: "2-digit"}];
    return {points: make(answer.data.daily_stats, answer.timestamp.slice(0, 10)), bars: true, value: (bytes) => format.size(bytes),
            tick: utc(options), name: utc(range === "days" ? {weekday: "short", ...options} : {month: "long", year: "numeric"})};
  }

  // The hours of two days back are asked for by the server's dates, which the first answer tells.
  async #hours(id) {
    const today = (await ask(keyPath(id, "traffic/hours"))).data.to;
    const from = new Date(Date.parse(`${today}T00:00:00Z`) - 2 * 86400000).toISOString().slice(0, 10);
    const {hours} = (await ask(`${keyPath(id, "traffic/hours")}?from=${from}&to=${today}`)).data;
    return {hours, offset: hours.at(-1)?.utc_offset_s ?? -new Date().getTimezoneOffset() * 60};
  }

  async #loadPlot() {
    const range = this.range;
    const {texts} = this.context;
    let view;
    let uPlot;
    try {
      [view, uPlot] = await Promise.all([this.#view(range), loadPlots()]);
    } catch (error) {
      if (!this.closed && this.range === range) this.#failPlot(error);
      return;
    }
    if (this.closed || this.range !== range) return;
    const empty = !view.points.some((point) => point.rx || point.tx);
    setText(this.caption, texts.get(empty ? "chart_empty" : `chart_${range}`));
    if (this.shown !== range || !this.box.matches(":hover")) {
      this.plot?.close();
      this.plot = drawPlot(uPlot, this.box, this.readout, view);
      this.shown = range;
    }
    this.#tell(view);
  }

  #failPlot(error) {
    const {texts} = this.context;
    this.plot?.close();
    this.plot = null;
    this.shown = null;
    this.box.replaceChildren();
    this.figures.replaceChildren();
    setText(this.caption, error.status === 409 ? texts.get("shared_port") : texts.get("failed_part", {detail: error.message}));
  }

  // The same figures as a table, for those who cannot see the plot.
  #tell(view) {
    const {texts} = this.context;
    const open = this.figures.querySelector("details")?.open ?? false;
    const points = view.points.filter((point) => point.rx || point.tx).slice(-60).reverse();
    const rows = points.map((point) => element("tr", {}, element("th", {scope: "row"}, view.name(point.at)),
      numberCell(view.value(point.tx)), numberCell(view.value(point.rx))));
    this.figures.replaceChildren(element("details", {open}, element("summary", {}, texts.get("chart_table")),
      element("table", {class: "plain"}, element("thead", {}, heads([texts.get("time"), texts.get("down"), texts.get("up")])),
        element("tbody", {}, rows))));
  }

  // --- ports and connections ---

  async #loadConnections() {
    const {texts} = this.context;
    let entry;
    try {
      entry = (await ask(keyPath(this.row.id, "traffic/simple"), {fresh: true})).traffic;
    } catch (error) {
      if (this.closed || error.status === 0) return;
      const detail = error.status === 409 ? texts.get("shared_port") : texts.get("failed_part", {detail: error.message});
      this.connections.replaceChildren(card(texts.get("connections"), element("p", {class: "quiet"}, detail)));
      return;
    }
    if (this.closed) return;
    this.ports.replaceChildren(...(entry.by_port?.length > 1 ? [this.#portCard(entry.by_port)] : []));
    this.connections.replaceChildren(this.#connectionCard(entry));
  }

  #portCard(ports) {
    const {texts, format} = this.context;
    const rows = ports.map((port) => element("tr", {}, element("th", {scope: "row"}, `${port.port} ${port.transport}`.replace("-", "–")),
      numberCell(format.size(port.tx_bytes)), numberCell(format.size(port.rx_bytes)), numberCell(format.size(port.total_bytes)),
      numberCell(Number.isFinite(port.connections) ? format.number(port.connections) : "–")));
    return card(texts.get("ports"), element("table", {class: "plain"}, element("thead", {}, heads(["port", "down", "up", "total", "connections"]
      .map((name) => texts.get(name)))), element("tbody", {}, rows)));
  }

  #connectionCard(entry) {
    const {texts, format} = this.context;
    const list = entry.connection_details ?? [];
    const facts = [];
    if (entry.sessions) facts.push(`${texts.get("sessions")}: ${texts.get("sessions_text", {opened: entry.sessions.opened,
      closed: entry.sessions.closed, time: format.time(entry.sessions.since, {dateStyle: "medium", timeStyle: "short"})})}`);
    if (entry.udp_peers !== undefined) facts.push(`${texts.get("udp_peers")}: ${format.number(entry.udp_peers)}`);
    const known = list.some((each) => each.rx_bytes !== undefined);
    const names = ["remote", "state", ...(known ? ["down", "up", "rtt", "retransmits", "age"] : []), "local"];
    const cells = (each) => ({remote: each.remote, state: each.state, local: each.local, down: format.size(each.tx_bytes),
      up: format.size(each.rx_bytes), rtt: each.rtt_ms === undefined ? "–" : texts.get("ms", {n: Math.round(each.rtt_ms * 10) / 10}),
      retransmits: each.retransmits === undefined ? "–" : format.number(each.retransmits),
      age: each.age_s === undefined ? "–" : format.duration(each.age_s)});
    const sorted = [...list].sort((a, b) => (b.tx_bytes ?? 0) + (b.rx_bytes ?? 0) - (a.tx_bytes ?? 0) - (a.rx_bytes ?? 0));
    const rows = sorted.map((each) => {
      const shown = cells(each);
      return element("tr", {}, names.map((name, index) => element(index ? "td" : "th", {scope: index ? null : "row",
        class: classOf(name)}, element("bdi", {}, shown[name]))));
    });
    return card(texts.get("connections"), facts.length ? element("p", {class: "quiet"}, facts.join("  ·  ")) : null,
      list.length ? element("div", {class: "across", tabindex: "0", role: "region", "aria-label": texts.get("connections")},
        element("table", {class: "plain"}, element("thead", {}, heads(names.map((name) => texts.get(name)), names.map(classOf))), element("tbody", {}, rows)))
        : element("p", {class: "quiet"}, texts.get("no_connections")),
      entry.connection_details_truncated ? element("p", {class: "quiet"}, texts.get("truncated")) : null);
  }
}

function heads(names, classes = []) {
  return element("tr", {}, names.map((name, index) => element("th", {scope: "col", class: classes[index]}, name)));
}

function numberCell(text) {
  return element("td", {}, element("bdi", {}, text));
}

function classOf(column) {
  return ["remote", "local", "state"].includes(column) ? "address" : null;
}

function card(title, ...children) {
  return element("section", {class: "card"}, element("h2", {}, title), children);
}
