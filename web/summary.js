// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What is always in view: totals, budget, accounting mode, health, and every reason why it is not good.

import {drawing, element, setAttribute, setText} from "./dom.js";
import {healthSentences} from "./health.js";
import {areaPath} from "./sparks.js";

const WIDTH = 160;
const HEIGHT = 30;
const SAMPLES_MIN = 10;
const FIGURES = ["down_now", "up_now", "since_reset", "connections", "keys"];

const get = (id) => document.getElementById(id);

export class Summary {
  constructor(page) {
    this.page = page;
    const {texts} = page;
    this.values = Object.fromEntries(FIGURES.map((name) => [name, element("bdi", {id: `sum-${name}`})]));
    this.path = drawing("path", {});
    this.budget = element("dd", {});
    this.budgetBox = element("div", {hidden: true}, element("dt", {}, texts.get("budget")), this.budget);
    this.sparkBox = element("div", {class: "all-spark"}, element("dt", {}, texts.get("while_open")), element("dd", {},
      drawing("svg", {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true"}, this.path)));
    get("strip").replaceChildren(...FIGURES.map((name) => element("div", {class: name}, element("dt", {}, texts.get(name)),
      element("dd", {}, this.values[name]))),
      this.budgetBox,
      this.sparkBox);
    this.alert = element("div", {id: "alerts", role: "status"});
    get("alerts")?.remove();
    get("top").append(this.alert);
    this.told = null;
  }

  hide() {
    for (const id of ["strip", "health", "mode"]) get(id).hidden = true;
    this.alert.replaceChildren();
    this.told = null;
  }

  show() {
    const {page} = this;
    this.#health();
    document.body.classList.toggle("stale", page.contact.failures > 0);
    if (!page.data) return;
    const {texts, format, sum, data} = page;
    get("strip").hidden = false;
    setText(this.values.down_now, format.rate(sum.txRate ?? NaN));
    setText(this.values.up_now, format.rate(sum.rxRate ?? NaN));
    setText(this.values.since_reset, format.size(sum.total));
    this.values.since_reset.title = `↓ ${format.size(sum.tx)}  ↑ ${format.size(sum.rx)}`;
    setText(this.values.connections, format.number(sum.connections));
    setText(this.values.keys, texts.get("keys_busy", {n: sum.busy, all: sum.keys}));
    this.sparkBox.hidden = page.totals.length < SAMPLES_MIN;
    setAttribute(this.path, "d", areaPath(page.totals, WIDTH, HEIGHT));
    this.#mode(data.accounting);
    this.#budget(page.budget);
  }

  #mode(accounting) {
    const {texts} = this.page;
    const pill = get("mode");
    pill.hidden = false;
    setText(pill, `${texts.get(accounting.exact ? "exact" : "estimated")} · ${texts.get(`unit_${accounting.unit}`)}`);
    pill.title = [texts.get(`mode_${accounting.mode}`), accounting.reason].filter(Boolean).join(": ");
    pill.classList.toggle("warn", !accounting.exact);
  }

  // Of GET /api/meter/budget, if the server has it.
  #budget(answer) {
    const budget = answer?.data ?? answer?.budget ?? null;
    const known = Number.isFinite(budget?.used_bytes) && Number.isFinite(budget?.limit_bytes);
    this.budgetBox.hidden = !known;
    if (known) setText(this.budget, `${this.page.format.size(budget.used_bytes)} / ${this.page.format.size(budget.limit_bytes)}`);
  }

  #health() {
    const {texts, contact, status} = this.page;
    const pill = get("health");
    const offline = contact.failures > 0;
    const state = offline ? "offline" : status?.status === "degraded" ? "degraded" : status ? "healthy" : null;
    pill.hidden = !state;
    if (!state) return;
    pill.className = `pill ${{offline: "bad", degraded: "warn", healthy: "good"}[state]}`;
    setText(pill, texts.get(state));
    this.#tell(offline ? [this.#offline()] : healthSentences(status, texts));
  }

  #offline() {
    const {texts, format, contact} = this.page;
    const time = format.clock(contact.offlineSince / 1000);
    return contact.problem.status ? texts.get("unreadable_since", {time, detail: contact.problem.message})
                                  : texts.get("offline_since", {time});
  }

  // A screen reader speaks when this changes, so it changes only if the text does.
  #tell(sentences) {
    const told = sentences.join("\n");
    if (told === this.told) return;
    this.told = told;
    const kind = this.page.contact.failures ? "bad" : "warn";
    this.alert.replaceChildren(...sentences.map((text) => element("p", {class: `alert ${kind}`}, text)));
  }
}
