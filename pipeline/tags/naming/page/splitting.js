// Splitting: keywords that leave their cluster for a tag added by hand; and those tags.

let ticked = new Set();
const wordOf = new Map(data.words.map(([word, count]) => [word, count]));
const NO_TAG = {
  name: "", english: "", group: "", aliases: [], keywords: [], words: [], note: "",
};

// The added tag that takes each keyword, and each word.
const movedTo = () => {
  const keywords = new Map();
  const words = new Map();
  added.forEach((one, number) => {
    one.keywords.forEach((keyword) => keywords.set(keyword, number));
    one.words.forEach((word) => words.set(word, number));
  });
  return { keywords, words };
};

const openSplitting = (one) => {
  ticked = new Set();
  byId("apart").value = "";
  byId("word").value = "";
  const words = new Set([...one.terms, ...one.shown.flatMap(([, , numbers]) =>
    numbers.map((number) => data.words[number][0]))]);
  fillList("cluster-words", [...words].slice(0, 300));
  const rest = one.keywords - one.shown.length;
  byId("more").textContent = rest > 0
    ? `${many(rest, "more keyword")} with fewer stickers; a word takes those too.` : "";
};

const makeKeyword = ([keyword, count, numbers], moved) => {
  const item = node("li");
  const label = node("label", "keyword");
  const box = node("input");
  box.type = "checkbox";
  box.checked = ticked.has(keyword);
  box.addEventListener("change", () => {
    if (box.checked) ticked.add(keyword);
    else ticked.delete(keyword);
    paintTicked();
  });
  label.append(box, node("bdi", "", keyword), node("span", "soft", NUMBER.format(count)));
  item.append(label);
  const word = numbers.map((number) => data.words[number][0])
    .find((one) => moved.words.has(one));
  const number = moved.keywords.get(keyword) ?? moved.words.get(word);
  if (number === undefined) return item;
  item.className = "moved";
  box.disabled = true;
  const way = moved.keywords.has(keyword)
    ? chip(`→ ${added[number].name || "?"}`, () => giveBack(number, keyword), "click to give back")
    : chip(`→ ${added[number].name || "?"}`, () => openAddition(number), `by the word ${word}`);
  item.append(way);
  return item;
};

const giveBack = (number, keyword) =>
  setAdded("give back", number, {
    keywords: added[number].keywords.filter((one) => one !== keyword),
  });

const paintKeywords = () => {
  const moved = movedTo();
  ticked.forEach((keyword) => { if (moved.keywords.has(keyword)) ticked.delete(keyword); });
  byId("keywords").replaceChildren(
    ...clusters.get(opened).shown.map((one) => makeKeyword(one, moved)));
  paintTicked();
};

const paintTicked = () => {
  byId("ticked").textContent = ticked.size
    ? `${many(ticked.size, "keyword")} ticked` : "Tick keywords that belong elsewhere.";
  const word = byId("word").value.trim().toLowerCase();
  const count = wordOf.get(word);
  byId("word-count").textContent = !word ? "" : count === undefined
    ? `No keyword shown has the word ${word}.`
    : `${many(count, "keyword")} in all clusters ${count === 1 ? "has" : "have"} it.`;
  byId("split").disabled = !byId("apart").value.trim() || !(ticked.size || word);
};

const splitOff = () => {
  const name = byId("apart").value.trim();
  const word = byId("word").value.trim().toLowerCase();
  const keywords = [...ticked];
  const number = added.findIndex((one) => fold(one.name) === fold(name));
  const before = number < 0 ? { ...NO_TAG, name } : added[number];
  const after = {
    ...before,
    keywords: [...new Set([...before.keywords, ...keywords])],
    words: [...new Set([...before.words, ...(word ? [word] : [])])],
  };
  // What another added tag took goes over to this one.
  const others = added.map((one, place) => (place === number ? after : {
    ...one,
    keywords: one.keywords.filter((keyword) => !ticked.has(keyword)),
    words: one.words.filter((other) => other !== word),
  }));
  ticked = new Set();
  byId("word").value = "";
  step("split off", {}, number < 0 ? [...others, after] : others);
};

const removable = (values, remove) => values.map((value) => {
  const item = node("li");
  const button = chip(`${value} ✕`, () => remove(value), "take out");
  button.setAttribute("aria-label", `take out ${value}`);
  item.append(button);
  return item;
});

const paintAddition = () => {
  const one = added[openedAddition];
  if (one === undefined) { openCluster(opened); return; }
  byId("addition-heading").textContent = one.name || "No name";
  showAll("addition-warnings", addedWarnings(openedAddition));
  fillFields("addition-fields", one);
  for (const field of ["keywords", "words"]) {
    byId(`addition-${field}`).replaceChildren(...removable(one[field], (value) =>
      setAdded("take out", openedAddition, { [field]: one[field].filter((v) => v !== value) })));
  }
};

// Rows merged into an added tag follow its name: it has no key.
const following = (before, now) => Object.fromEntries(
  [...rows].filter(([, row]) => row.decision === "merge" && !clusters.has(row.into) &&
    fold(row.into) && fold(now) && fold(row.into) === fold(before))
    .map(([key, row]) => [key, { ...row, into: now }]));

const openAddition = (number) => {
  openedAddition = number;
  byId("cluster").hidden = true;
  byId("addition").hidden = false;
  fillFields("addition-fields", added[number]);
  paintAddition();
  paintList();
};

const take = (field, value) => {
  if (!value) return;
  const values = [...new Set([...added[openedAddition][field], value])];
  setAdded(`take ${field}`, openedAddition, { [field]: values });
};

byId("apart").addEventListener("input", paintTicked);
byId("word").addEventListener("input", paintTicked);
byId("split").addEventListener("click", splitOff);
for (const id of ["apart", "word"]) {
  byId(id).addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing && !byId("split").disabled) splitOff();
  });
}
byId("add").addEventListener("click", () => {
  step("add a tag", {}, [...added, NO_TAG]);
  openAddition(added.length - 1);
  read(true);
  byId("addition-fields").querySelector("input").focus();
});
byId("remove").addEventListener("click", () => {
  const number = openedAddition;
  openedAddition = null;
  step("remove", {}, added.filter((_, place) => place !== number));
  openCluster(opened);
});
byId("leave").addEventListener("click", () => openCluster(opened));
byId("taking").addEventListener("submit", (event) => {
  event.preventDefault();
  take("keywords", byId("take-keyword").value.trim());
  take("words", byId("take-word").value.trim().toLowerCase());
  byId("taking").reset();
});
for (const input of byId("addition-fields").querySelectorAll("input")) {
  input.addEventListener("input", () => {
    const { field } = input.dataset;
    const one = { ...added[openedAddition], [field]: readField(input) };
    step(`type ${field} added ${openedAddition}`,
      field === "name" ? following(added[openedAddition].name, one.name) : {},
      added.map((other, number) => (number === openedAddition ? one : other)));
  });
}
