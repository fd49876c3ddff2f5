// The list of clusters: filtered, ordered, with the state of each; and that of added tags.

const MARKS = { keep: "✓", merge: "→", drop: "✕", block: "⊘", "": "○" };
const STATES = [
  ["", "all"], ["undecided", "undecided"], ["keep", "kept"], ["merge", "merged"],
  ["drop", "dropped"], ["block", "blocked"], ["warned", "with warnings"],
];
const FLAGS = [
  ["", "any flag"], ["oversized", "oversized"], ["singleton", "one keyword, few stickers"],
  ["blocked", "blocked words"], ["new", "no name yet"], ["tag", "named before"],
];
const ORDERS = [
  ["", "in their order"], ["stickers", "by stickers"], ["keywords", "by keywords"],
  ["name", "by name"],
];
const NUMBER = new Intl.NumberFormat("en");
const many = (count, one, more = `${one}s`) => `${NUMBER.format(count)} ${count === 1 ? one : more}`;

// Texts of strangers go in as text alone; each keeps its direction to itself.
const fillSelect = (id, choices) =>
  byId(id).replaceChildren(...choices.map(([value, label]) => {
    const option = node("option", "", label);
    option.value = value;
    return option;
  }));

let opened = null;
let openedAddition = null;
let listed = [];
const items = new Map();

const haystack = new Map(data.clusters.map((one) => [
  one.key,
  [one.key, one.name, one.english, ...one.terms, ...one.exemplars, ...one.shown.map(([k]) => k)]
    .join("\n").normalize("NFKC").toLowerCase(),
]));

const found = (one, sought) => {
  if (!sought) return true;
  const row = rows.get(one.key);
  const given = [row.name, row.english, row.group, row.note, ...row.aliases].join("\n");
  return haystack.get(one.key).includes(sought) ||
    given.normalize("NFKC").toLowerCase().includes(sought);
};

const isShown = (one, state, flag, sought) => {
  const { decision } = rows.get(one.key);
  if (state === "undecided" ? decision : state === "warned" ? !warningsOf(one.key).length
    : state && decision !== state) return false;
  if (flag === "new" ? one.tag : flag === "tag" ? !one.tag : flag && !one.flags.includes(flag)) {
    return false;
  }
  return found(one, sought);
};

const ordered = (some, order) => {
  if (order === "name") {
    return some.sort((one, other) => nameOf(one.key).localeCompare(nameOf(other.key), "zh"));
  }
  return order ? some.sort((one, other) => other[order] - one[order]) : some;
};

const makeItem = (one) => {
  const button = node("button", "item");
  button.type = "button";
  button.append(node("span", "mark"), node("bdi", "called"), node("span", "soft sizes"));
  button.addEventListener("click", () => { openCluster(one.key); read(true); });
  const item = node("li");
  item.append(button);
  items.set(one.key, button);
  return item;
};

const paintItem = (key) => {
  const button = items.get(key);
  const [one, row] = [clusters.get(key), rows.get(key)];
  const [mark, called, sizes] = button.children;
  const warned = warningsOf(key).length > 0;
  button.dataset.decision = row.decision;
  button.classList.toggle("warned", warned);
  button.setAttribute("aria-current", String(key === opened && openedAddition === null));
  mark.textContent = MARKS[row.decision];
  mark.title = row.decision || "undecided";
  called.textContent = row.decision === "merge" ? `${nameOf(key)} → ${intoTitle(row.into)}`
    : row.name || one.name || "?";
  called.classList.toggle("guess", !row.name);
  sizes.textContent = [
    key, many(one.keywords, "keyword"), ...one.flags, ...(warned ? ["⚠"] : []),
  ].join(" · ");
};

const intoTitle = (into) => {
  const target = targetOf(into);
  return typeof target === "string" ? nameOf(target) : into;
};

const arrange = () => {
  const [state, flag, order] = ["state", "flag", "sort"].map((id) => byId(id).value);
  const sought = byId("search").value.normalize("NFKC").toLowerCase().trim();
  const some = data.clusters.filter((one) => isShown(one, state, flag, sought));
  listed = ordered(some, order).map((one) => one.key);
  byId("list").replaceChildren(...listed.map((key) => items.get(key).parentElement));
  byId("shown").textContent = listed.length === data.clusters.length
    ? "" : `${many(listed.length, "row")} of ${NUMBER.format(data.clusters.length)}`;
};

const paintList = () => {
  data.clusters.forEach((one) => paintItem(one.key));
  byId("additions").replaceChildren(...added.map((one, number) => {
    const button = node("button", "item");
    button.type = "button";
    button.setAttribute("aria-current", String(number === openedAddition));
    button.classList.toggle("warned", addedWarnings(number).length > 0);
    const sizes = [
      ...(one.keywords.length ? [many(one.keywords.length, "keyword")] : []),
      ...(one.words.length ? [many(one.words.length, "word")] : []),
    ];
    button.append(node("span", "mark", "+"), node("bdi", "called", one.name || "?"),
      node("span", "soft sizes", sizes.join(" · ")));
    button.addEventListener("click", () => { openAddition(number); read(true); });
    const item = node("li");
    item.append(button);
    return item;
  }));
};

const paintProgress = () => {
  const decided = [...rows.values()].filter((row) => row.decision).length;
  const warned = data.clusters.filter((one) => warningsOf(one.key).length).length +
    added.filter((_, number) => addedWarnings(number).length).length;
  byId("progress").max = rows.size;
  byId("progress").value = decided;
  byId("count").textContent =
    `${NUMBER.format(decided)} of ${NUMBER.format(rows.size)} decided` +
    (keeps ? "" : "; this browser keeps nothing, save often");
  byId("faulty").hidden = !warned;
  byId("faulty").textContent = `${many(warned, "warning")}`;
  byId("undo").disabled = !past.length;
  byId("redo").disabled = !future.length;
};

const fillList = (id, values) =>
  byId(id).replaceChildren(...[...new Set(values)].filter(Boolean).sort().map((value) => {
    const option = node("option");
    option.value = value;
    return option;
  }));

// On a small screen the list and what is open take turns.
const read = (reading) => {
  document.body.classList.toggle("reading", reading);
  if (reading && matchMedia("(max-width: 800px)").matches) scrollTo(0, 0);
};
