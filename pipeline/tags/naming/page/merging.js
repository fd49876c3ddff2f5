// Merging: what a cluster goes into is chosen by typing, and both are seen side by side.

const MOST_TARGETS = 8;
let targets = [];
let chosenTarget = 0;

const findTargets = (typed) => {
  const sought = typed.normalize("NFKC").toLowerCase().trim();
  const score = (one) => {
    const row = rows.get(one.key);
    const names = [one.key, row.name, row.english, one.name].map((name) =>
      name.normalize("NFKC").toLowerCase());
    if (names.includes(sought)) return 0;
    if (names.some((name) => name.startsWith(sought))) return 1;
    return names.some((name) => name.includes(sought)) ? 2 : 3;
  };
  const open = data.clusters.filter((one) => {
    const { decision } = rows.get(one.key);
    return one.key !== opened && decision !== "drop" && decision !== "block" &&
      found(one, sought) && !(chain(one.key) || [opened]).includes(opened);
  });
  const scored = open.map((one) => [score(one), one.key]);
  const best = scored.sort(([one], [other]) => one - other).map(([, key]) => key);
  const byHand = added.filter((one) => one.name && fold(one.name).includes(fold(sought)))
    .map((one) => one.name);
  const exact = byHand.filter((name) => fold(name) === fold(sought));
  return [...new Set([...exact, ...best.slice(0, MOST_TARGETS), ...byHand.slice(0, 3)])];
};

const mergeInto = (into) => {
  setRow("merge", opened, { decision: "merge", into });
  byId("into").value = "";
  byId("heading").focus();
};

const targetTitle = (into) => (clusters.has(into) ? title(into) : `+ ${into}`);

const paintTargets = () => {
  const typed = byId("into").value;
  targets = typed ? findTargets(typed) : [];
  chosenTarget = Math.min(chosenTarget, Math.max(targets.length - 1, 0));
  byId("targets").replaceChildren(...targets.map((into, number) => {
    const button = node("button", "take");
    button.type = "button";
    button.append(node("bdi", "", targetTitle(into)));
    button.setAttribute("aria-current", String(number === chosenTarget));
    button.addEventListener("click", () => mergeInto(into));
    const item = node("li");
    item.append(button);
    return item;
  }));
  paintSides(targets[chosenTarget] || rows.get(opened).into);
};

const sideOf = (key) => {
  const one = clusters.get(key);
  const side = node("div", "side");
  const heading = node("h3");
  heading.append(node("bdi", "", title(key)));
  const grid = node("div", "grid");
  grid.append(...one.pictures.slice(0, 6).map(figure));
  side.append(heading, node("p", "soft", `${many(one.keywords, "keyword")} · ` +
    `${many(one.stickers, "sticker")}`), node("p", "", one.exemplars.join(" · ")), grid);
  return side;
};

const paintSides = (into) => {
  const target = into ? targetOf(into) : undefined;
  const sides = typeof target === "string" ? [sideOf(opened), sideOf(target)] : [];
  byId("sides").replaceChildren(...sides);
};

const paintMerging = () => {
  if (!byId("merging").hidden) paintTargets();
};

byId("into").addEventListener("input", () => { chosenTarget = 0; paintTargets(); });
byId("into").addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (by && targets.length) {
    chosenTarget = (chosenTarget + by + targets.length) % targets.length;
    paintTargets();
  } else if (event.key === "Enter" && targets.length) {
    mergeInto(targets[chosenTarget]);
  } else {
    return;
  }
  event.preventDefault();
});
