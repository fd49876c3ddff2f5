// What people decided: kept in steps, so that each can be undone, and in the browser.

const clusters = new Map(data.clusters.map((one) => [one.key, one]));
const BLANK = { decision: "", name: "", english: "", group: "", aliases: [], into: "", note: "" };

const text = (value) => (typeof value === "string" ? value.slice(0, 2000) : "");
const texts = (value) => (Array.isArray(value) ? value.map(text).filter(Boolean) : []);

const readAdded = (one) => ({
  name: text(one.name), english: text(one.english), group: text(one.group),
  aliases: texts(one.aliases), keywords: texts(one.keywords), words: texts(one.words),
  note: text(one.note),
});

const readRow = (one) => ({
  decision: ["keep", "merge", "drop", "block"].includes(one.decision) ? one.decision : "",
  into: one.decision === "merge" ? text(one.into) : "",
  name: text(one.name), english: text(one.english), group: text(one.group),
  aliases: texts(one.aliases), note: text(one.note),
});

// A frozen tag stands until somebody says otherwise; a cluster waits.
const firstRow = (one) => ({
  ...BLANK,
  ...(one.tag
    ? { decision: "keep", name: one.name, english: one.english, group: one.group,
        aliases: one.aliases, note: one.note }
    : {}),
  ...(data.start.rows[one.key] ? readRow(data.start.rows[one.key]) : {}),
});

const rows = new Map(data.clusters.map((one) => [one.key, firstRow(one)]));
let added = data.start.added;
let past = [];
let future = [];
const watchers = [];
const told = () => watchers.forEach((watcher) => watcher());

// Keystrokes in one field are one step.
const step = (what, changes, wanted = added) => {
  const seen = added;
  const nextAdded = meetOthers() ? joined(seen, wanted, added) : wanted;
  const changed = new Map(Object.entries(changes));
  const before = new Map([...changed.keys()].map((key) => [key, rows.get(key)]));
  const last = past.at(-1);
  if (last && what.startsWith("type ") && last.what === what && !future.length) {
    before.forEach((row, key) => {
      if (!last.before.rows.has(key)) last.before.rows.set(key, row);
    });
    last.after = { rows: new Map([...last.after.rows, ...changed]), added: nextAdded };
  } else {
    past.push({
      what, before: { rows: before, added }, after: { rows: changed, added: nextAdded },
    });
  }
  future = [];
  become({ rows: changed, added: nextAdded });
};

const become = (to) => {
  to.rows.forEach((row, key) => rows.set(key, row));
  added = to.added;
  keep();
  told();
};

const undo = () => {
  meetOthers();
  const last = past.pop();
  if (!last) return;
  future.push(last);
  become(last.before);
};

const redo = () => {
  meetOthers();
  const next = future.pop();
  if (!next) return;
  past.push(next);
  become(next.after);
};

const setRow = (what, key, change) => {
  meetOthers();
  step(what, { [key]: { ...rows.get(key), ...change } });
};

const setAdded = (what, number, change) =>
  step(what, {}, added.map((one, place) => (place === number ? { ...one, ...change } : one)));

const PREFIX = `stickerworks naming ${data.workspace} `;
let keeps = true;
// What this tab has last kept or seen there; anything else is from another tab.
let lastKept = null;

const keep = () => {
  const whole = JSON.stringify({ ...content(), at: Date.now() });
  keeps = kept(() => {
    localStorage.setItem(data.place, whole);
    return true;
  }) === true;
  if (keeps) lastKept = whole;
};

// Takes what another tab has kept since; what is undone here ends there. Says whether it did.
const meetOthers = () => {
  const whole = kept(() => localStorage.getItem(data.place)) || null;
  if (whole === null || whole === lastKept) return false;
  lastKept = whole;
  const found = kept(() => JSON.parse(whole));
  if (!isOurs(found) || found.version !== data.version) return false;
  const { changes, additions } = understood(found);
  Object.entries(changes).forEach(([key, row]) => rows.set(key, row));
  added = additions;
  if (document.activeElement !== byId("who")) byId("who").value = text(found.who).slice(0, 100);
  past = [];
  future = [];
  told();
  return true;
};

// Added tags of another tab, with what was changed here: from those seen to those wanted.
const joined = (seen, wanted, theirs) => {
  const [before, after, there] = [seen, wanted, theirs].map((some) => some.map((one) => JSON.stringify(one)));
  const stay = there.filter((one) => after.includes(one) || !before.includes(one));
  const more = after.filter((one) => !before.includes(one) && !there.includes(one));
  return [...stay, ...more].map((one) => JSON.parse(one));
};

// What the file holds; what is undecided has a blank decision.
const content = () => ({
  stickerworks_naming: 1,
  version: data.version,
  who: byId("who").value,
  rows: [...rows].map(([key, row]) => ({ key, ...row, exemplars: clusters.get(key).exemplars })),
  added,
});

const isOurs = (found) =>
  found instanceof Object && found.stickerworks_naming === 1;

// The rows of a file or of what the browser holds, and its added tags.
const understood = (found) => {
  const objects = (some) => (Array.isArray(some) ? some : []).filter((one) => one instanceof Object);
  const known = objects(found.rows).filter((one) => clusters.has(one.key));
  return {
    changes: Object.fromEntries(known.map((one) => [one.key, readRow(one)])),
    additions: objects(found.added).map(readAdded),
  };
};

// Takes over what a file or the browser holds; says what is wrong with it, or "".
const takeOver = (what, found) => {
  if (!isOurs(found)) {
    return "This is no file that this page has saved.";
  }
  if (found.version !== data.version) {
    return "That file was saved for other clusters. A page that takes over what still holds: " +
      "stickerworks tags page --from FILE";
  }
  const { changes, additions } = understood(found);
  if (text(found.who)) byId("who").value = text(found.who).slice(0, 100);
  step(what, changes, additions);
  return "";
};

const keptHere = (place) => kept(() => JSON.parse(localStorage.getItem(place))) || null;

// Answers in this browser for the same workspace that are not this page's.
const keptElsewhere = () =>
  (kept(() => Object.keys(localStorage)) || [])
    .filter((place) => place.startsWith(PREFIX) && place !== data.place)
    .map((place) => [place, keptHere(place)])
    .filter(([, found]) => found && found.stickerworks_naming === 1)
    .sort(([, one], [, other]) => Number(other.at) - Number(one.at));
