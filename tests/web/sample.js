// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Answers of the API about many keys that never were, for screenshots and for tests of the page with 5,000 keys. They
// are the same in every run.

const STEP_S = 10;
const NAMES = ["alice", "bob", "chen", "dmitri", "elena", "farid", "grace", "hassan", "irina", "jonas", "katya", "leila", "marco",
               "nadia", "olga", "pavel", "qiang", "rosa", "sergey", "tomas", "ulrich", "vera", "wei", "xenia", "yusuf", "zoe"];
const DEVICES = ["phone", "laptop", "home", "tv", "office", "tablet"];

// A small generator of the same numbers in every run (mulberry32).
function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

function bell(random) {
  return random() + random() + random() - 1.5;
}

export class Sample {
  // shared: how many keys share port 443. now: Unix seconds of the first answer.
  constructor({count = 48, shared = 3, seed = 7, now = Date.now() / 1000, degraded = false} = {}) {
    this.random = randomFrom(seed);
    this.start = now;
    this.now = now;
    this.shared = shared;
    this.degraded = degraded;
    this.keys = Array.from({length: count}, (_, index) => this.#key(index));
  }

  #key(index) {
    const {random} = this;
    const name = `${NAMES[index % NAMES.length]}-${DEVICES[Math.floor(index / NAMES.length + index) % DEVICES.length]}` +
                 (index >= NAMES.length * DEVICES.length ? `-${Math.floor(index / (NAMES.length * DEVICES.length)) + 1}` : "");
    const busy = random() < 0.55;
    const scale = busy ? 10 ** (3.2 + 3.2 * random()) : 0;
    const total = 10 ** (7 + 4.2 * random());
    const part = 0.03 + 0.12 * random();
    const key = {id: `u${1000 + index}`, uuid: `00000000-0000-4000-8000-${String(index).padStart(12, "0")}`, name, is_active: random() > 0.04,
                 created_at: "2026-03-14T09:26:53.589793", port: index < this.shared ? 443 : 10001 + index};
    return {key, scale, part, connections: busy ? Math.ceil(random() * 30) : Math.floor(random() * 2), wave: random() * 6, speed: 0.2 + random(),
            rx: Math.round(total * part), tx: Math.round(total * (1 - part)), before: Math.round(total * (0.4 + 6 * random()))};
  }

  rateAt(each, at) {
    const wave = 0.55 + 0.45 * Math.sin(each.wave + at * each.speed / 40) * Math.cos(at * each.speed / 13 + each.wave);
    return each.scale * Math.max(wave, 0.04);
  }

  // Moves the time on, and the counters with it.
  advance(seconds) {
    this.now += seconds;
    for (const each of this.keys) {
      const bytes = this.rateAt(each, this.now) * seconds * (1 + 0.2 * bell(this.random));
      each.rx += Math.round(bytes * each.part);
      each.tx += Math.round(bytes * (1 - each.part));
    }
  }

  live() {
    const shared = {};
    const sum = [0, 0, 0, 0, 0];
    const rows = [];
    for (const each of this.keys) {
      const figures = [each.rx, each.tx, each.rx + each.tx + each.before, each.connections, Math.round(this.rateAt(each, this.now))];
      if (each.key.port !== 443) {
        rows.push([each.key.id, ...figures]);
        continue;
      }
      (shared["port:443"] ??= []).push(each.key.id);
      figures.forEach((figure, index) => { sum[index] += figure; });
    }
    if (shared["port:443"]) rows.push(["port:443", ...sum]);
    return {status: "success", data: {clock_s: 5000 + this.now - this.start, total_keys: this.keys.length,
      accounting: {mode: "ebpf", exact: true, unit: "wire"},
      columns: ["subject", "rx_bytes", "tx_bytes", "lifetime_bytes", "connections", "traffic_rate"], rows, shared, not_counted: []},
      timestamp: this.#local()};
  }

  #local() {
    return new Date(this.now * 1000).toISOString().replace("Z", "000");
  }

  #find(id) {
    return this.keys.find((each) => each.key.id === id);
  }

  rates(id) {
    const each = this.#find(id);
    const random = randomFrom(id.length + each.key.port);
    const times = Array.from({length: 1080}, (_, index) => this.now - (1080 - index) * STEP_S);
    const both = times.map((at) => this.rateAt(each, at) * (1 + 0.35 * bell(random)));
    return {status: "success", key: each.key, unit: "wire", start: times[0], step_s: STEP_S, rx: both.map((rate) => Math.round(rate * each.part)),
            tx: both.map((rate) => Math.round(rate * (1 - each.part))), timestamp: this.#local()};
  }

  #bytes(each, scale, random, at) {
    const evening = 0.35 + 0.65 * Math.max(0, Math.sin((at / 3600 - 13) / 24 * 2 * Math.PI));
    const total = (each.tx + each.rx) * scale * (scale < 0.02 ? evening : 1) * (0.4 + random());
    return {rx_bytes: Math.round(total * each.part), tx_bytes: Math.round(total * (1 - each.part)), total_bytes: Math.round(total),
            max_connections: 12, sessions: 240};
  }

  hours(id) {
    const random = randomFrom(3);
    const last = Math.floor(this.now / 3600) * 3600;
    const hours = Array.from({length: 60}, (_, index) => last - (59 - index) * 3600);
    return {status: "success", data: {key_id: id, from: this.#local().slice(0, 10), to: this.#local().slice(0, 10),
      hours: hours.map((start) => ({start, utc_offset_s: 0, ...this.#bytes(this.#find(id), 0.012, random, start)}))}, timestamp: this.#local()};
  }

  history(id) {
    const random = randomFrom(5);
    const each = this.#find(id);
    const days = Array.from({length: 330}, (_, index) => this.now - (329 - index) * 86400);
    return {status: "success", data: {key_uuid: each.key.uuid, key_id: id, daily_stats: Object.fromEntries(days.map((at) =>
      [new Date(at * 1000).toISOString().slice(0, 10), this.#bytes(each, 0.03, random, at)]))}, timestamp: this.#local()};
  }

  simple(id) {
    const each = this.#find(id);
    const random = randomFrom(each.key.port);
    const connections = Array.from({length: each.connections}, () => ({local: `192.0.2.14:${each.key.port}`,
      remote: `198.51.100.${Math.floor(random() * 250)}:${30000 + Math.floor(random() * 30000)}`, state: random() < 0.93 ? "ESTAB" : "CLOSE-WAIT",
      rx_bytes: Math.round(10 ** (3 + 4 * random())), tx_bytes: Math.round(10 ** (4 + 5 * random())), rtt_ms: Math.round(18000 + 90000 * random()) / 1000,
      retransmits: Math.floor(40 * random() ** 4), age_s: Math.round(4000 * random() ** 3)}));
    return {status: "success", key: each.key, traffic: {port: each.key.port, connections: each.connections, connection_details: connections,
      sessions: {opened: 1834, closed: 1834 - each.connections, rx_bytes: 1, tx_bytes: 1, since: this.start - 86400 * 4}}, timestamp: this.#local()};
  }

  status() {
    return {status: this.degraded ? "degraded" : "healthy", version: "0.1.0", reason: this.degraded ? "key_source_broken" : null,
            detail: this.degraded ? "/etc/xray/config.json:12:7: expected a comma" : null, key_sources: [{path: "/etc/xray", kind: "Xray", keys: 3, error: null}]};
  }

  // The answer for a path below /api/, or null.
  answer(path) {
    const fixed = {"api/traffic/live": () => this.live(), "api/keys": () => this.keys.map((each) => each.key), "api/meter/status": () => this.status()};
    if (fixed[path]) return fixed[path]();
    const [, id, rest] = /^api\/keys\/([^/]+)\/traffic\/(\w+)$/.exec(path) ?? [];
    return id && this.#find(id) && typeof this[rest] === "function" ? this[rest](id) : null;
  }
}
