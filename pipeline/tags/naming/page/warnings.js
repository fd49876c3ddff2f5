// What would be refused when it is applied, as far as a page can tell: widths, cases, circles.

const LONGEST = 40;
const fold = (name) => name.normalize("NFKC").toLowerCase().replace(/\s+/gu, "");
const nameOf = (key) => rows.get(key).name || clusters.get(key).name;
const title = (key) => `${key} ${nameOf(key)}`.trim();

// Who has each name, folded: keys of kept rows, and numbers of added tags. What is merged is
// found by names alone; what can't be shared are English and other names as well.
let owners = new Map();
let spoken = new Map();
const findOwners = () => {
  owners = new Map();
  spoken = new Map();
  const put = (map, name, owner) => {
    const folded = fold(name);
    if (!folded) return;
    if (!map.has(folded)) map.set(folded, new Set());
    map.get(folded).add(owner);
  };
  const own = (one, owner) => {
    put(owners, one.name, owner);
    [one.name, one.english, ...one.aliases].forEach((name) => put(spoken, name, owner));
  };
  rows.forEach((row, key) => { if (row.decision === "keep") own(row, key); });
  added.forEach(own);
};

// The row that "into" means: a key, or the number of an added tag; undefined where there is none.
const targetOf = (into) => (clusters.has(into) ? into : [...(owners.get(fold(into)) || [])][0]);

// Where merges lead from a row; null for a circle.
const chain = (key) => {
  const way = [key];
  for (;;) {
    const row = rows.get(way.at(-1));
    if (!row || row.decision !== "merge") return way;
    const target = targetOf(row.into);
    if (target === undefined) return way;
    if (way.includes(target)) return null;
    way.push(target);
  }
};

const ownerTitle = (owner) =>
  typeof owner === "number" ? `the added tag ${added[owner].name}` : title(owner);

const nameWarnings = (one, owner) => {
  if (!fold(one.name)) return ["It has no name."];
  return [one.name, one.english, ...one.aliases].filter(fold).flatMap((name) => {
    const others = [...spoken.get(fold(name))].filter((other) => other !== owner);
    const same = others.slice(0, 3).map((other) =>
      `${ownerTitle(other)} is called ${name.trim()} as well: merge them, or rename one.`);
    return [...name.trim()].length > LONGEST
      ? [...same, `A name is longer than ${LONGEST} characters.`] : same;
  });
};

const mergeWarnings = (key, row) => {
  const target = targetOf(row.into);
  if (!row.into) return ["Merged into nothing: choose a cluster."];
  if (target === undefined) return [`Nothing that is kept is called ${row.into}.`];
  const way = chain(key);
  if (way === null) return ["The merges lead in a circle."];
  const end = rows.get(way.at(-1));
  if (!end || end.decision === "keep") return [];
  return [`${title(way.at(-1))}, which takes it, is ${end.decision || "undecided"}.`];
};

const warningsOf = (key) => {
  const row = rows.get(key);
  if (row.decision === "keep") return nameWarnings(row, key);
  return row.decision === "merge" ? mergeWarnings(key, row) : [];
};

const addedWarnings = (number) => {
  const one = added[number];
  const names = nameWarnings(one, number);
  return one.keywords.length || one.words.length ? names : [...names, "It takes no keyword yet."];
};

watchers.push(findOwners);
findOwners();
