// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The list of keys: filter, sort, table, and what is said if there is nothing to show.

import {element, setText} from "./dom.js";
import {filterRows, flattenRows, sortRows, SORTS, sumRows} from "./rows.js";
import {KeyTable} from "./table.js";

const MENU = ["rate", "name", "down_rate", "up_rate", "total", "lifetime", "connections"];

export class KeyList {
  // page: {texts, format, sparks, rows, status, list settings, askPast(), saveCsv()}.
  constructor(page) {
    this.page = page;
    page.list ??= {text: "", onlyBusy: false, sort: "rate", descending: true};
    this.settings = page.list;
    const {texts} = page;
    this.filter = element("input", {type: "search", id: "filter", placeholder: texts.get("filter"), "aria-label": texts.get("filter"),
      autocomplete: "off", spellcheck: "false", oninput: () => this.#set({text: this.filter.value})});
    this.filter.value = this.settings.text;
    this.busy = element("input", {type: "checkbox", id: "busy", onchange: () => this.#set({onlyBusy: this.busy.checked})});
    this.busy.checked = this.settings.onlyBusy;
    this.menu = element("select", {id: "sort", "aria-label": texts.get("sort_by"), onchange: () => this.#sort(this.menu.value, true)},
      MENU.map((sort) => element("option", {value: sort}, texts.get({name: "key", rate: "busiest"}[sort] ?? sort))));
    this.count = element("span", {class: "quiet", id: "count", role: "status"});
    this.nothing = element("div", {class: "nothing", hidden: true});
    this.table = new KeyTable(page, {onSort: (sort) => this.#sort(sort, false), onSight: (subjects) => page.askPast(subjects)});
    this.element = element("section", {class: "list"}, element("h1", {class: "unseen"}, texts.get("keys")),
      element("div", {class: "tools"}, this.filter, element("label", {class: "check", for: "busy"}, this.busy, texts.get("only_busy")),
        this.menu, element("span", {class: "grow"}), this.count,
        element("button", {type: "button", id: "csv", title: texts.get("export_csv_hint"), onclick: () => page.saveCsv(this.shown)},
          texts.get("export_csv"))),
      this.table.element, this.nothing);
  }

  open() {
    this.remember = () => { this.page.listTop = scrollY; };
    addEventListener("scroll", this.remember, {passive: true});
  }

  close() {
    removeEventListener("scroll", this.remember);
    this.table.close();
  }

  #set(change) {
    Object.assign(this.settings, change);
    this.order = null;
    this.show();
  }

  #sort(sort, fromMenu) {
    const {settings} = this;
    const first = sort !== "name";
    const descending = settings.sort === sort && !fromMenu ? !settings.descending : first;
    this.#set({sort, descending});
  }

  show() {
    const {page, settings} = this;
    const kept = filterRows(page.rows, settings.text, settings.onlyBusy);
    this.shown = this.#sorted(kept);
    this.menu.value = settings.sort in SORTS && MENU.includes(settings.sort) ? settings.sort : "rate";
    this.table.element.hidden = !this.shown.length;
    this.table.show(flattenRows(this.shown), settings.sort, settings.descending);
    this.#count();
    this.#explain();
  }

  // The order stays while the person points at rows or has the focus in one.
  #sorted(rows) {
    const {settings} = this;
    const sorted = sortRows(rows, settings.sort, settings.descending);
    if (this.order && this.table.isHeld()) {
      const place = (row) => this.order.get(row.subject) ?? Infinity;
      return sorted.sort((left, right) => place(left) - place(right) || 0);
    }
    this.order = new Map(sorted.map((row, index) => [row.subject, index]));
    return sorted;
  }

  #count() {
    const {texts, sum} = this.page;
    const n = sumRows(this.shown).keys;
    setText(this.count, n === sum.keys ? texts.get("all_shown", {n}) : texts.get("shown", {n, all: sum.keys}));
  }

  #explain() {
    const {texts, rows} = this.page;
    this.nothing.hidden = this.shown.length > 0;
    if (this.shown.length) return;
    const kind = rows.length ? "filter" : "keys";
    if (this.nothing.dataset.kind === kind) return;
    this.nothing.dataset.kind = kind;
    this.nothing.replaceChildren(...(rows.length ? [element("p", {}, texts.get("none_fits")),
      element("button", {type: "button", onclick: () => this.#clear()}, texts.get("clear_filter"))] : this.#noKeys()));
  }

  #clear() {
    this.filter.value = "";
    this.busy.checked = false;
    this.nothing.dataset.kind = "";
    this.#set({text: "", onlyBusy: false});
    this.filter.focus();
  }

  #noKeys() {
    const {texts, status} = this.page;
    const sources = status?.key_sources ?? [];
    if (!sources.length) return [element("h2", {}, texts.get("no_keys")), element("p", {}, texts.get("no_keys_sources"))];
    return [element("h2", {}, texts.get("no_keys")), element("p", {}, texts.get("no_keys_where")),
            element("ul", {}, sources.map((source) => element("li", {}, element("code", {}, source.path), " ",
              source.error ? element("span", {class: "problem"}, source.error) : texts.get("source_keys", {n: source.keys}))))];
  }
}
