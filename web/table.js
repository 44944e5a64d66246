// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The table of keys. Only the rows in sight are elements, so that 5,000 keys cost as much as 50.

import {drawing, element, setAttribute, setText} from "./dom.js";
import {areaPath} from "./sparks.js";

const OVERSCAN = 8;
const HOLD_MS = 3000;
const SPARK_WIDTH = 96;
const SPARK_HEIGHT = 24;

// text: the name of the column; sort: how it sorts (rows.js); value: what a row shows.
const COLUMNS = [
  {name: "key", sort: "name"},
  {name: "down_rate", sort: "down_rate", class: "down", label: true, value: (row, format) => format.rate(row.txRate)},
  {name: "up_rate", sort: "up_rate", class: "up", label: true, value: (row, format) => format.rate(row.rxRate)},
  {name: "last_minutes", sort: "rate", class: "spark"},
  {name: "down", sort: "down", class: "wide", value: (row, format) => format.size(row.tx)},
  {name: "up", sort: "up", class: "wide", value: (row, format) => format.size(row.rx)},
  {name: "total", sort: "total", label: true, value: (row, format) => format.size(row.total)},
  {name: "lifetime", sort: "lifetime", class: "wide", value: (row, format) => format.size(row.lifetime)},
  {name: "connections", sort: "connections", class: "count",
   value: (row, format) => (row.connections === null ? "–" : format.number(row.connections))},
];

export class KeyTable {
  // context: {texts, format, sparks}; onSort(sort), onSight(subjects in sight).
  constructor(context, {onSort, onSight}) {
    this.context = context;
    this.onSort = onSort;
    this.onSight = onSight;
    this.rows = [];
    this.nodes = new Map();
    this.spare = [];
    this.above = element("tr", {class: "spacer", "aria-hidden": "true"}, element("td", {}));
    this.below = element("tr", {class: "spacer", "aria-hidden": "true"}, element("td", {}));
    this.body = element("tbody", {role: "rowgroup"}, this.above, this.below);
    this.heads = COLUMNS.map((column) => this.#head(column));
    this.element = element("table", {class: "keys", role: "table", "aria-label": context.texts.get("keys")},
                           element("thead", {role: "rowgroup"}, element("tr", {role: "row", "aria-rowindex": 1}, this.heads)),
                           this.body);
    this.pointedAt = -Infinity;
    this.body.addEventListener("pointermove", () => { this.pointedAt = performance.now(); });
    this.body.addEventListener("keydown", (event) => this.#move(event));
    this.scrolled = () => this.#draw();
    addEventListener("scroll", this.scrolled, {passive: true});
    addEventListener("resize", this.scrolled);
  }

  close() {
    removeEventListener("scroll", this.scrolled);
    removeEventListener("resize", this.scrolled);
  }

  #head(column) {
    const text = this.context.texts.get(column.name);
    const inner = column.sort
      ? element("button", {type: "button", onclick: () => this.onSort(column.sort)}, text)
      : element("span", {}, text);
    return element("th", {role: "columnheader", scope: "col", class: column.class ?? null}, inner);
  }

  // Whether the person is about to act on a row: it must not jump away. A pointer that only rests there holds nothing.
  isHeld() {
    return performance.now() - this.pointedAt < HOLD_MS || this.body.contains(document.activeElement);
  }

  show(rows, sort, descending) {
    this.rows = rows;
    for (const node of this.nodes.values()) node.row = null;
    COLUMNS.forEach((column, index) => {
      const order = column.sort && column.sort === sort ? (descending ? "descending" : "ascending") : null;
      if (order) this.heads[index].setAttribute("aria-sort", order);
      else this.heads[index].removeAttribute("aria-sort");
    });
    this.element.setAttribute("aria-rowcount", String(rows.length + 1));
    this.#draw();
  }

  #height() {
    return parseFloat(getComputedStyle(this.element).getPropertyValue("--row")) || 44;
  }

  #draw() {
    if (!this.element.isConnected) return;
    const height = this.#height();
    const top = this.body.getBoundingClientRect().top;
    const first = Math.min(Math.max(Math.floor(-top / height) - OVERSCAN, 0), this.rows.length);
    const last = Math.min(Math.ceil((innerHeight - top) / height) + OVERSCAN, this.rows.length);
    const sight = this.rows.slice(first, Math.max(last, first));
    this.above.firstChild.style.height = `${first * height}px`;
    this.below.firstChild.style.height = `${(this.rows.length - first - sight.length) * height}px`;
    const focused = document.activeElement;
    this.#recycle(new Set(sight.map((row) => row.subject)));
    let before = this.above;
    sight.forEach((row, index) => {
      const node = this.nodes.get(row.subject) ?? this.#take(row.subject);
      if (before.nextSibling !== node.element) before.after(node.element);
      before = node.element;
      this.#update(node, row, first + index);
    });
    if (focused !== document.activeElement && focused?.isConnected) focused.focus({preventScroll: true});
    this.onSight(sight.map((row) => row.subject));
  }

  #recycle(subjects) {
    for (const [subject, node] of this.nodes) {
      if (subjects.has(subject)) continue;
      this.nodes.delete(subject);
      node.element.remove();
      this.spare.push(node);
    }
  }

  #take(subject) {
    const node = this.spare.pop() ?? this.#make();
    this.nodes.set(subject, node);
    return node;
  }

  #make() {
    const {texts} = this.context;
    const node = {name: element("a", {}), note: element("span", {class: "note"}), path: drawing("path", {}), texts: []};
    const cells = COLUMNS.map((column) => {
      const properties = {role: "cell", class: column.class ?? null, "data-name": column.label ? texts.get(column.name) : null};
      if (column.name === "key") return element("td", {role: "rowheader", class: "key"}, node.name, node.note);
      if (column.class === "spark")
        return element("td", properties, drawing("svg", {viewBox: `0 0 ${SPARK_WIDTH} ${SPARK_HEIGHT}`, "aria-hidden": "true",
          preserveAspectRatio: "none"}, node.path));
      // The unit stays behind the number, whatever the direction of the page.
      const text = element("bdi", {});
      node.texts.push({text, column});
      return element("td", properties, text);
    });
    node.element = element("tr", {role: "row"}, cells);
    return node;
  }

  #update(node, row, index) {
    // While the list scrolls, most rows in sight stay as they are.
    if (node.row === row && node.index === index) return;
    Object.assign(node, {row, index});
    const {texts, format, sparks} = this.context;
    const name = row.kind === "port" ? texts.get("port_row", {port: row.name}) : row.name;
    setText(node.name, name);
    if (row.kind === "port") node.name.removeAttribute("href");
    else setAttribute(node.name, "href", `#key=${encodeURIComponent(row.id)}`);
    setText(node.note, this.#note(row));
    setAttribute(node.element, "class", [row.kind, row.inactive ? "off" : "", row.rate >= 1 ? "busy" : ""].join(" ").trim());
    setAttribute(node.element, "aria-rowindex", String(index + 2));
    for (const {text, column} of node.texts) setText(text, column.value(row, format));
    setAttribute(node.path, "d", areaPath(sparks.values(row.id ?? row.subject), SPARK_WIDTH, SPARK_HEIGHT));
  }

  #note(row) {
    const {texts} = this.context;
    if (row.kind === "port") return texts.get("port_users", {n: row.users.length});
    const notes = [row.ports ? `\u2066:${row.ports}\u2069` : texts.get("no_port")];
    if (row.kind === "user") notes.splice(0, 1, texts.get("user_of_port"));
    if (row.inactive) notes.push(texts.get("inactive"));
    if (row.notCounted) notes.push(texts.get("not_counted"));
    return notes.join(" · ");
  }

  // The arrow keys go from row to row, Page keys and Home and End further.
  #move(event) {
    const steps = {ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity};
    const step = steps[event.key];
    const subject = [...this.nodes].find(([, node]) => node.name === document.activeElement)?.[0];
    if (step === undefined || subject === undefined) return;
    event.preventDefault();
    const direction = Math.sign(step);
    let to = this.rows.findIndex((row) => row.subject === subject) + step;
    to = Math.min(Math.max(to, 0), this.rows.length - 1);
    while (this.rows[to]?.kind === "port" && this.rows[to + direction]) to += direction;
    this.#focus(to);
  }

  #focus(index) {
    const height = this.#height();
    const head = this.element.tHead.getBoundingClientRect();
    const top = this.body.getBoundingClientRect().top + index * height;
    if (top < head.bottom) scrollBy({top: top - head.bottom, behavior: "instant"});
    else if (top + height > innerHeight) scrollBy({top: top + height - innerHeight, behavior: "instant"});
    this.#draw();
    this.nodes.get(this.rows[index]?.subject)?.name.focus({preventScroll: true});
  }
}
