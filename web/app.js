// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The page: signing in, asking the server, and what is in view. The rest is in files of their own.

import {apiKey, ask, keyPath, RequestError, setApiKey} from "./api.js";
import {tableForCsv, toCsv} from "./csv.js";
import {KeyDetail} from "./detail.js";
import {element, setText} from "./dom.js";
import {Format} from "./format.js";
import {chooseLanguage, LANGUAGES, Texts} from "./language.js";
import {KeyList} from "./list.js";
import {Live} from "./live.js";
import {loadPlots} from "./plot.js";
import {makeRows, sumRows} from "./rows.js";
import {Sparks} from "./sparks.js";
import {Contact} from "./state.js";
import {Summary} from "./summary.js";

const KEYS_MS = 60000;
const STATUS_MS = 15000;
const THEMES = ["auto", "light", "dark"];
const PAST_AT_ONCE = 4;
// Of the whole server: ten minutes.
const TOTALS = 300;

const get = (id) => document.getElementById(id);

class Page {
  constructor() {
    this.main = get("main");
    this.contact = new Contact();
    this.live = new Live();
    this.sparks = new Sparks();
    this.timer = null;
    this.forget();
    this.setTheme(localStorage.getItem("v2meter.theme") ?? "auto");
    this.setLanguage(chooseLanguage(localStorage.getItem("v2meter.language"), navigator.languages));
    get("language").addEventListener("change", (event) => this.pickLanguage(event.target.value));
    get("theme").addEventListener("click", () => this.pickTheme());
    get("leave").addEventListener("click", () => this.signOut(null));
    // The head of the table stands below what is always in view.
    new ResizeObserver(([{target}]) => document.documentElement.style.setProperty("--top", `${target.offsetHeight}px`)).observe(get("top"));
    addEventListener("hashchange", () => this.route());
    addEventListener("visibilitychange", () => document.hidden || this.poll());
    loadPlots().then((plots) => { this.hasPlots = plots !== null; this.showFooter(); });
    if (apiKey()) this.start();
    else this.showSignIn(null);
  }

  // --- language and theme ---

  setLanguage(name) {
    this.texts = new Texts(name);
    this.format = new Format(name, this.texts.table.units, this.texts.table.per_second);
    document.documentElement.lang = name;
    document.documentElement.dir = this.texts.table.direction;
    for (const node of document.querySelectorAll("[data-text]")) node.textContent = this.texts.get(node.dataset.text);
    for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", this.texts.get(node.dataset.label));
    get("language").replaceChildren(...Object.entries(LANGUAGES).map(([each, table]) =>
      element("option", {value: each, selected: each === name, lang: each}, table.name)));
    this.nameTheme();
    this.summary = new Summary(this);
  }

  pickLanguage(name) {
    localStorage.setItem("v2meter.language", name);
    this.setLanguage(name);
    if (!apiKey()) this.showSignIn(null);
    else if (this.data) this.route(true);
  }

  setTheme(theme) {
    this.theme = THEMES.includes(theme) ? theme : "auto";
    document.documentElement.dataset.theme = this.theme;
    if (this.texts) this.nameTheme();
  }

  nameTheme() {
    const text = this.texts.get(`theme_${this.theme}`);
    get("theme").setAttribute("aria-label", text);
    get("theme").title = text;
    get("theme").textContent = {auto: "◐", light: "☀", dark: "☾"}[this.theme];
  }

  pickTheme() {
    this.setTheme(THEMES[(THEMES.indexOf(this.theme) + 1) % THEMES.length]);
    localStorage.setItem("v2meter.theme", this.theme);
    if (this.view instanceof KeyDetail) this.route(true);
  }

  // --- signing in ---

  forget() {
    clearTimeout(this.timer);
    Object.assign(this, {keys: [], data: null, status: null, budget: null, rows: [], keysAt: 0, statusAt: 0, view: null,
                         totals: []});
  }

  signOut(notice) {
    setApiKey(null);
    this.view?.close();
    this.forget();
    this.contact.succeeded();
    this.live = new Live();
    this.sparks = new Sparks();
    this.showSignIn(notice);
  }

  showSignIn(notice) {
    const {texts} = this;
    this.summary.hide();
    get("leave").hidden = true;
    get("notices").replaceChildren();
    const input = element("input", {type: "password", id: "key", autocomplete: "off", spellcheck: "false", required: true});
    const problem = element("p", {class: "problem", role: "alert"}, notice ?? "");
    const button = element("button", {type: "submit", class: "main"}, texts.get("sign_in"));
    const submit = async (event) => {
      event.preventDefault();
      button.disabled = true;
      setText(problem, await this.signIn(input.value.trim()) ?? "");
      button.disabled = false;
      if (!apiKey()) input.focus();
    };
    this.main.replaceChildren(element("form", {class: "sign-in", onsubmit: submit, novalidate: true},
      element("h1", {}, "v2meter"), element("label", {for: "key"}, texts.get("api_key")), input, button, problem,
      element("p", {class: "quiet"}, texts.get("api_key_where"))));
    input.focus();
  }

  // Resolves with what is wrong, or null.
  async signIn(key) {
    if (!key) return this.texts.get("api_key_missing");
    try {
      await ask("api/keys", {key});
    } catch (error) {
      if (error.status === 401) return this.texts.get("api_key_wrong");
      if (error.status === 403) return this.texts.get("api_key_no_read");
      if (error.status === 0) return this.texts.get("sign_in_unreachable");
      if (!(error instanceof RequestError)) throw error;
    }
    setApiKey(key);
    this.start();
    return null;
  }

  // --- asking the server ---

  start() {
    get("leave").hidden = false;
    this.main.replaceChildren(element("p", {class: "loading"}, this.texts.get("loading")));
    this.poll();
  }

  async poll() {
    clearTimeout(this.timer);
    if (!apiKey() || document.hidden) return;
    const turn = Symbol("poll");
    this.turn = turn;
    let soon = false;
    try {
      soon = !this.data;
      const answer = await ask("api/traffic/live");
      await this.askOthers(answer.data);
      if (this.turn !== turn || !apiKey()) return;
      if (this.contact.succeeded()) {
        this.statusAt = 0;
        this.notify(this.texts.get("recovered"));
      }
      this.take(answer.data);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      if (this.turn !== turn || !apiKey()) return;
      if (error.status === 401 || error.status === 403) {
        this.signOut(this.texts.get(error.status === 401 ? "api_key_ended" : "api_key_no_read"));
        return;
      }
      this.contact.failed(error, Date.now());
    }
    this.summary.show();
    // The second answer brings the first rates.
    this.timer = setTimeout(() => this.poll(), soon ? 1000 : this.contact.delay());
  }

  // The key list and the status change rarely.
  async askOthers(data) {
    const now = Date.now();
    const known = new Set(this.keys.map((key) => key.id));
    const column = data.columns.indexOf("subject");
    const news = this.keys.length !== data.total_keys || data.rows.some((row) => !row[column].startsWith("port:") && !known.has(row[column]));
    if (news || now - this.keysAt > KEYS_MS) {
      this.keys = await ask("api/keys", {fresh: news});
      this.keysAt = now;
    }
    if (now - this.statusAt > STATUS_MS) {
      this.status = await ask("api/meter/status");
      await this.askBudget();
      this.showFooter();
      this.statusAt = now;
    }
  }

  showFooter() {
    const {texts, status} = this;
    get("footer").replaceChildren(...(status ? [element("span", {}, texts.get("footer", {version: status.version})),
      element("a", {href: "ui/uplot-license.txt"}, texts.get("plots_by"))].slice(0, this.hasPlots ? 2 : 1) : []));
  }

  // A server without budgets answers 404, and is not asked again.
  async askBudget() {
    if (this.budget === undefined) return;
    try {
      this.budget = await ask("api/meter/budget");
    } catch (error) {
      if (error.status === 0) throw error;
      this.budget = error.status === 404 ? undefined : null;
    }
  }

  take(data) {
    const first = !this.data;
    this.data = data;
    this.readAt = Date.now() / 1000;
    const figures = this.live.add(data);
    const lifetimes = new Map(data.rows.map((row) => [row[data.columns.indexOf("subject")], row[data.columns.indexOf("lifetime_bytes")]]));
    this.rows = makeRows({keys: this.keys, figures, lifetimes, shared: data.shared, notCounted: data.not_counted,
                          locale: this.texts.name});
    this.sum = sumRows(this.rows);
    const now = data.clock_s;
    for (const [subject, each] of figures) this.sparks.add(subject, now, each.rxRate === null ? NaN : each.rxRate + each.txRate);
    this.sparks.keep(new Set(figures.keys()));
    if (this.sum.rxRate !== null) this.totals = [...this.totals.slice(1 - TOTALS), this.sum.rxRate + this.sum.txRate];
    if (first) this.route(true);
    else this.refresh();
  }

  // The rates from before the page was open, for the rows in sight.
  async askPast(subjects) {
    this.waiting = subjects.filter((subject) => !subject.startsWith("port:") && this.sparks.lacks(subject));
    while (this.waiting.length && (this.asking ?? 0) < PAST_AT_ONCE && this.data && !this.contact.failures) {
      const subject = this.waiting.shift();
      if (!this.sparks.lacks(subject)) continue;
      this.sparks.past(subject, 0, [], this.data.clock_s);
      this.asking = (this.asking ?? 0) + 1;
      ask(keyPath(subject, "traffic/rates")).then((answer) => {
        // The server's wall clock and its monotonic one: the last step ends at most one step ago.
        const end = this.data ? this.data.clock_s : 0;
        const start = end - (Date.now() / 1000 - this.readAt) - answer.rx.length * answer.step_s;
        this.sparks.past(subject, start, answer.rx.map((rx, index) => rx + answer.tx[index]), end);
      }).catch(() => {}).finally(() => {
        this.asking--;
        this.askPast(this.waiting);
      });
    }
  }

  // --- what is in view ---

  findRow(id) {
    for (const row of this.rows) {
      if (row.id === id) return row;
      const user = row.users.find((each) => each.id === id);
      if (user) return user;
    }
    return null;
  }

  route(again = false) {
    if (!apiKey() || !this.data) return;
    const wanted = /^#key=(.+)$/.exec(location.hash);
    const row = wanted && this.findRow(decodeURIComponent(wanted[1]));
    const was = this.view;
    if (!again && !row && was instanceof KeyList) return;
    was?.close();
    if (row) {
      this.view = new KeyDetail(this, row, {reset: (each) => this.reset(each)});
    } else {
      if (wanted) this.notify(this.texts.get("key_gone"), "warn");
      this.view = new KeyList(this);
    }
    this.main.replaceChildren(this.view.element);
    document.title = row ? `${row.name} – v2meter` : "v2meter";
    this.view.open();
    if (!again) scrollTo({top: row ? 0 : this.listTop ?? 0, behavior: "instant"});
    this.refresh();
  }

  refresh() {
    this.summary.show();
    if (this.view instanceof KeyDetail) {
      const row = this.findRow(this.view.row.id);
      if (row) this.view.show(row);
    } else {
      this.view?.show();
    }
  }

  notify(text, kind = "good") {
    const notice = element("p", {class: `notice ${kind}`}, text);
    get("notices").append(notice);
    setTimeout(() => notice.remove(), 8000);
  }

  saveCsv(rows) {
    const url = URL.createObjectURL(new Blob(["\ufeff", toCsv(tableForCsv(rows))], {type: "text/csv;charset=utf-8"}));
    const name = `v2meter-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}.csv`;
    element("a", {href: url, download: name}).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  }

  reset(row) {
    const {texts} = this;
    const dialog = element("dialog", {"aria-labelledby": "reset-title"},
      element("h2", {id: "reset-title"}, texts.get("reset_title", {name: row.name})),
      element("p", {}, texts.get("reset_text")),
      element("div", {class: "actions"},
        element("button", {type: "button", onclick: () => dialog.close()}, texts.get("cancel")),
        element("button", {type: "button", class: "danger", onclick: () => { dialog.close(); this.doReset(row); }}, texts.get("reset_confirm"))));
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }

  // A reset is sent once. Its answer is the only place that has the figures of the period that it closed.
  async doReset(row) {
    const {texts, format} = this;
    try {
      const answer = await ask(keyPath(row.id, "traffic/simple/reset"), {method: "POST"});
      if (!answer.success) throw new RequestError(200, "refused", answer.message);
      this.notify(texts.get("reset_done", {name: row.name, total: format.size(answer.previous_total),
        down: format.size(answer.previous_download), up: format.size(answer.previous_upload)}));
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      this.notify(error.status ? texts.get("reset_failed", {detail: error.message}) : texts.get("reset_unknown"), "warn");
    }
    this.poll();
  }
}

globalThis.v2meterPage = new Page();
