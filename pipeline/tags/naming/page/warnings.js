// What would be refused when it is applied, as far as a page can tell: widths, cases, circles.

const LONGEST = 40;
const fold = (name) => name.normalize("NFKC").toLowerCase().replace(/\s+/gu, "");
const nameOf = (key) => rows.get(key).name || clusters.get(key).name;
const title = (key) => `${key} ${nameOf(key)}`.trim();

// Who has each name, folded: keys of kept rows, and numbers of added tags.
let owners = new Map();
const findOwners = () => {
  owners = new Map();
  const own = (name, owner) => {
    const folded = fold(name);
    if (folded) owners.set(folded, [...(owners.get(folded) || []), owner]);
  };
  rows.forEach((row, key) => { if (row.decision === "keep") own(row.name, key); });
  added.forEach((one, number) => own(one.name, number));
};

// The row that "into" means: a key, or the number of an added tag; undefined where there is none.
const targetOf = (into) => (clusters.has(into) ? into : (owners.get(fold(into)) || [])[0]);

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

const nameWarnings = (name, owner) => {
  if (!fold(name)) return ["It has no name."];
  const others = (owners.get(fold(name)) || []).filter((one) => one !== owner);
  const same = others.slice(0, 3).map((one) => `The same name as ${ownerTitle(one)}.`);
  return [...name.trim()].length > LONGEST
    ? [...same, `The name is longer than ${LONGEST} characters.`]
    : same;
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
  if (row.decision === "keep") return nameWarnings(row.name, key);
  return row.decision === "merge" ? mergeWarnings(key, row) : [];
};

const addedWarnings = (number) => {
  const one = added[number];
  const names = nameWarnings(one.name, number);
  return one.keywords.length || one.words.length ? names : [...names, "It takes no keyword yet."];
};

watchers.push(findOwners);
findOwners();
