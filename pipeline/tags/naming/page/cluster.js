// The open cluster: its decision, names, stickers.

const DECISIONS = [
  ["keep", "Keep", "K"], ["merge", "Merge", "M"], ["drop", "Drop", "D"], ["block", "Block", "B"],
];

const chip = (content, act, hint = "") => {
  const button = node("button", "take");
  button.type = "button";
  button.append(node("bdi", "", content));
  button.title = hint;
  button.addEventListener("click", act);
  return button;
};

const figure = ([id, keyword]) => {
  const made = node("figure");
  const tile = node("div", "tile");
  const [still, motion] = pictures[id] || [];
  if (still) {
    const still_ = node("img");
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    still_.src = motion && !calm ? motion : still;
    still_.alt = `sticker ${id.slice(0, 8)}`;
    tile.append(still_);
  } else {
    tile.textContent = "no picture";
  }
  const caption = node("figcaption");
  caption.append(node("bdi", "", keyword));
  made.append(tile, caption);
  return made;
};

// Suggested names, then the words that set the cluster apart.
const offered = (key) => {
  const { suggested, terms } = clusters.get(key);
  const names = new Set(suggested.map(([name]) => name));
  return [...suggested, ...terms.filter((term) => !names.has(term)).map((term) => [term, ""])];
};

const takeName = (key, number) => {
  const given = offered(key)[number];
  if (!given) return;
  const { english } = rows.get(key);
  setRow("take a name", key, {
    decision: "keep", name: given[0], english: given[1] || english, into: "",
  });
};

const shownInto = (into) => {
  const target = targetOf(into);
  return typeof target === "string" ? title(target) : into;
};

const takers = (key) =>
  [...rows].filter(([, row]) => row.decision === "merge" && targetOf(row.into) === key);

const fateOf = (key) => {
  const row = rows.get(key);
  const taken = takers(key).map(([other]) => title(other));
  return [
    ...(row.decision === "merge" && row.into ? [`Merged into ${shownInto(row.into)}; a name of its own becomes another name of that.`] : []),
    ...(row.decision === "drop" ? ["Dropped: its keywords mean no tag."] : []),
    ...(row.decision === "block"
      ? ["Blocked: its keywords mean no tag, and its name and words never become one."] : []),
    ...(taken.length ? [`It also takes ${taken.slice(0, 5).join(", ")}` +
      (taken.length > 5 ? ` and ${taken.length - 5} more.` : ".")] : []),
  ].join(" ");
};

const showAll = (id, lines) => {
  byId(id).replaceChildren(...lines.map((line) => node("li", "", line)));
  byId(id).hidden = !lines.length;
};

// A field that somebody is typing in already shows what it should.
const fillFields = (id, values) => {
  for (const input of byId(id).querySelectorAll("input")) {
    const value = values[input.dataset.field];
    if (input !== document.activeElement) {
      input.value = Array.isArray(value) ? value.join(", ") : value;
    }
  }
};

const readField = (input) => (input.dataset.field === "aliases"
  ? input.value.split(/[,，、;；]/u).map((one) => one.trim()).filter(Boolean)
  : input.value);

const paintCluster = () => {
  const row = rows.get(opened);
  byId("heading").textContent = row.name || clusters.get(opened).name || "No name";
  byId("heading").classList.toggle("guess", !row.name);
  for (const button of byId("decisions").children) {
    button.setAttribute("aria-pressed", String(button.dataset.decision === row.decision));
  }
  showAll("warnings", warningsOf(opened));
  byId("fate").textContent = fateOf(opened);
  byId("fate").hidden = !byId("fate").textContent;
  byId("merging").hidden = row.decision !== "merge";
  fillFields("fields", row);
  paintMerging();
  paintKeywords();
};

const openCluster = (key) => {
  opened = key;
  openedAddition = null;
  byId("cluster").hidden = false;
  byId("addition").hidden = true;
  const one = clusters.get(key);
  byId("counts").textContent = [
    key, many(one.keywords, "keyword"), many(one.stickers, "sticker"), ...one.flags,
    ...(one.tag ? ["named before"] : []),
  ].join(" · ");
  byId("suggestions").replaceChildren(
    ...(offered(key).length ? [node("span", "soft", "Take as the name:")] : []),
    ...offered(key).map(([name, english], number) => {
      const button = chip(english ? `${name} · ${english}` : name, () => takeName(key, number),
        number < 9 ? `key ${number + 1}` : "");
      button.classList.toggle("likely", number < one.suggested.length);
      return button;
    }),
  );
  byId("stickers").replaceChildren(...one.pictures.map(figure));
  byId("exemplars").textContent = one.exemplars.join(" · ");
  openSplitting(one);
  byId("into").value = "";
  fillFields("fields", rows.get(key));
  paintCluster();
  paintList();
  const item = items.get(key);
  if (item.isConnected) item.scrollIntoView({ block: "nearest" });
};

const decide = (decision) => {
  if (rows.get(opened).decision === decision) {
    setRow("take back", opened, { decision: "", into: "" });
  } else {
    settle(decision);
  }
};

const settle = (decision) => {
  const row = rows.get(opened);
  // Words alone are no suggestion: some are blocked.
  const [first] = clusters.get(opened).suggested;
  const named = decision === "keep" && !row.name && first
    ? { name: first[0], english: row.english || first[1] } : {};
  setRow(decision, opened, { decision, into: "", ...named });
  if (decision === "merge") byId("into").focus();
  if (decision === "keep" && !rows.get(opened).name) byId("name").focus();
};

// By keys a lead goes from one to the next, also where it was decided before; a click stays where
// it is, and takes back what was decided.
const decideAndGo = (decision) => {
  const key = opened;
  if (rows.get(key).decision !== decision || (decision === "keep" && !rows.get(key).name)) {
    settle(decision);
  }
  const row = rows.get(key);
  if (row.decision && row.decision !== "merge" && (row.decision !== "keep" || row.name)) go(1);
};

const go = (by) => {
  const place = listed.indexOf(opened) + by;
  const key = listed[Math.min(Math.max(place, 0), listed.length - 1)];
  if (key !== undefined) openCluster(key);
};

const goUndecided = () => {
  const place = listed.indexOf(opened);
  const after = [...listed.slice(place + 1), ...listed.slice(0, place + 1)];
  const key = after.find((one) => !rows.get(one).decision);
  if (key !== undefined) openCluster(key);
};

byId("decisions").append(...DECISIONS.map(([decision, label, key]) => {
  const button = node("button", "", `${label} `);
  button.type = "button";
  button.dataset.decision = decision;
  button.append(node("kbd", "", key));
  button.addEventListener("click", () => decide(decision));
  return button;
}));

for (const input of byId("fields").querySelectorAll("input")) {
  input.addEventListener("input", () => {
    const { field } = input.dataset;
    const row = rows.get(opened);
    // Whoever names it keeps it.
    const decision = field === "name" && !row.decision && input.value ? "keep" : row.decision;
    setRow(`type ${field} ${opened}`, opened, { [field]: readField(input), decision });
  });
}
