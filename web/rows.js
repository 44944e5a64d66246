// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The rows of the table: from the key list, the live figures and the lifetime totals; filtered, sorted. Pure.

// Columns by which the table can be sorted. Numbers sort downwards first, names upwards.
export const SORTS = {
  name: (row) => row.rank,
  down_rate: (row) => row.txRate,
  up_rate: (row) => row.rxRate,
  rate: (row) => row.rate,
  down: (row) => row.tx,
  up: (row) => row.rx,
  total: (row) => row.total,
  lifetime: (row) => row.lifetime,
  connections: (row) => row.connections,
};

// [443, "20000-50000"] as "443, 20000–50000".
export function portsText(key) {
  const ports = key.ports?.length ? key.ports : key.port ? [key.port] : [];
  return ports.map((port) => String(port).replace("-", "–")).join(", ");
}

function withFigures(row, figures, lifetime) {
  const {rx = null, tx = null, connections = null, rxRate = null, txRate = null, rate = null} = figures ?? {};
  return {...row, rx, tx, connections, rxRate, txRate, rate,
          total: rx === null || tx === null ? null : rx + tx, lifetime: lifetime ?? null};
}

// What of a row does not change with the figures, for each key of a list: made once for a list and a language.
// Comparing 5,000 names takes longer than a frame.
const fixed = new WeakMap();

function fixedParts(keys, locale) {
  const made = fixed.get(keys);
  if (made?.locale === locale) return made.parts;
  const names = new Intl.Collator(locale, {numeric: true}).compare;
  const nameOf = (key) => key.name || key.id;
  const parts = new Map([...keys].sort((a, b) => names(nameOf(a), nameOf(b))).map((key, rank) => [key.id, {
    subject: key.id, kind: "key", name: nameOf(key), id: key.id, ports: portsText(key), inactive: !key.is_active, rank,
    words: [key.name, key.id, key.uuid, portsText(key)].join("\n").toLowerCase(), users: [],
  }]));
  fixed.set(keys, {locale, parts});
  return parts;
}

function keyRow(part, {figures, lifetimes}, notCounted) {
  return withFigures({...part, notCounted: notCounted.has(part.id)}, figures.get(part.id), lifetimes.get(part.id));
}

// input: {keys, figures, lifetimes, shared, notCounted, locale}. shared: {"port:443": [key id, ...]}; notCounted: [key id, ...]. A row for each key, or
// for a port that several keys share, with these keys as its users.
export function makeRows(input) {
  const shared = input.shared ?? {};
  const parts = fixedParts(input.keys, input.locale ?? "en");
  const notCounted = new Set(input.notCounted);
  const sharing = new Set(Object.values(shared).flat());
  const rows = input.keys.filter((key) => !sharing.has(key.id)).map((key) => keyRow(parts.get(key.id), input, notCounted));
  for (const [subject, ids] of Object.entries(shared)) {
    const users = ids.filter((id) => parts.has(id)).map((id) => ({...keyRow(parts.get(id), input, notCounted), kind: "user",
      // A key may share several ports.
      subject: `${subject}/${id}`}));
    rows.push(withFigures({
      subject, kind: "port", name: subject.slice("port:".length), id: null, ports: subject.slice("port:".length),
      inactive: users.every((user) => user.inactive), notCounted: false, words: subject.slice("port:".length), users,
      // Ports stand before names.
      rank: parseInt(subject.slice("port:".length), 10) - 65536,
    }, input.figures.get(subject), input.lifetimes.get(subject)));
  }
  return rows;
}

function isBusy(row) {
  return row.connections > 0 || row.rate >= 1;
}

// Every word of the text has to occur. A port stays with those of its users that fit, or with all if it fits itself.
export function filterRows(rows, text, onlyBusy = false) {
  const wanted = text.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (row) => wanted.every((word) => row.words.includes(word)) && (!onlyBusy || isBusy(row));
  const kept = [];
  for (const row of rows) {
    if (fits(row)) {
      kept.push(row);
      continue;
    }
    const users = row.users.filter(fits);
    if (users.length) kept.push({...row, users});
  }
  return kept;
}

// Rows without a figure come last in both directions; rows with equal ones stay in the order of their names.
export function sortRows(rows, sort, descending) {
  const value = SORTS[sort] ?? SORTS.rate;
  const sign = descending ? -1 : 1;
  const compare = (left, right) => {
    const a = value(left);
    const b = value(right);
    if (a === null || b === null) return (a === null) - (b === null) || left.rank - right.rank;
    return sign * (a - b) || left.rank - right.rank;
  };
  return [...rows].sort(compare).map((row) => (row.users.length > 1 ? {...row, users: [...row.users].sort(compare)} : row));
}

// A port, then its users.
export function flattenRows(rows) {
  return rows.flatMap((row) => [row, ...row.users]);
}

// Sums over keys and shared ports. A user's figures are in those of its port.
export function sumRows(rows) {
  const ids = new Set();
  const sum = {rx: 0, tx: 0, total: 0, connections: 0, rxRate: null, txRate: null, busy: 0};
  for (const row of rows) {
    for (const name of ["rx", "tx", "total", "connections"]) sum[name] += row[name] ?? 0;
    for (const name of ["rxRate", "txRate"]) if (row[name] !== null) sum[name] = (sum[name] ?? 0) + row[name];
    for (const each of row.kind === "port" ? row.users : [row]) ids.add(each.id);
    sum.busy += isBusy(row) ? 1 : 0;
  }
  return {...sum, keys: ids.size};
}

