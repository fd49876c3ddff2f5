// Keys, the file that is saved and loaded, and where the page begins.

const say = (line, act) => {
  byId("told").replaceChildren(node("span", "", line));
  byId("told").hidden = !line;
  if (act) byId("told").append(" ", act);
};

let savedStep = null;

const download = () => {
  savedStep = past.at(-1);
  saveFile(content());
  const open = [...rows.values()].filter((row) => !row.decision).length;
  say(open ? `Saved as a draft: ${many(open, "row")} undecided.`
    : `Saved. Now: stickerworks tags apply ${data.file}`);
};

const loadFile = async () => {
  const [file] = byId("load").files;
  byId("load").value = "";
  if (!file) return;
  let loaded = null;
  try { loaded = JSON.parse(await file.text()); } catch { loaded = null; }
  say(takeOver("load a file", loaded) || `Loaded ${file.name}. Undo takes it back.`);
};

const PRESSED = {
  k: () => decideAndGo("keep"), d: () => decideAndGo("drop"), b: () => decideAndGo("block"),
  m: () => (rows.get(opened).decision === "merge" ? byId("into").focus() : decide("merge")),
  s: () => byId("apart").focus(), "/": () => byId("search").focus(),
  enter: () => byId("name").focus(), j: () => go(1), n: goUndecided,
  arrowdown: () => go(1), arrowup: () => go(-1),
};

const isTyping = (target) =>
  target.matches("input:not([type=checkbox]):not([type=file]), select, textarea");

const onKey = (event) => {
  // While Chinese is composed, Enter and letters are the input method's.
  if (event.isComposing) return;
  const key = event.key.toLowerCase();
  const { target } = event;
  if (key === "escape") { target.blur(); return; }
  if (isTyping(target)) {
    if (key === "enter" && target.id === "name" && target.value.trim()) {
      if (rows.get(opened).decision !== "keep") setRow("keep", opened, { decision: "keep", into: "" });
      target.blur();
      go(1);
    } else if (key === "enter" && target.id === "search") {
      target.blur();
      if (listed.length) openCluster(listed[0]);
    }
    return;
  }
  if ((event.ctrlKey || event.metaKey) && !event.altKey && (key === "z" || key === "y")) {
    event.preventDefault();
    (key === "y" || event.shiftKey ? redo : undo)();
    return;
  }
  if (event.ctrlKey || event.altKey || event.metaKey || opened === null) return;
  // Enter on a button presses it; what decides about a cluster needs one before the eyes.
  if (key === "enter" && target !== document.body && target.id !== "heading") return;
  if (openedAddition !== null && key !== "/") return;
  if (/^[1-9]$/u.test(key)) takeName(opened, Number(key) - 1);
  else if (PRESSED[key]) PRESSED[key]();
  else return;
  event.preventDefault();
};

const paint = () => {
  paintList();
  paintProgress();
  fillList("groups", [...rows.values(), ...added].map((one) => one.group));
  fillList("added-names", added.map((one) => one.name));
  if (openedAddition !== null) paintAddition();
  else if (opened !== null) paintCluster();
};

const offer = () => {
  const [other] = keptElsewhere();
  if (!other || past.length) return;
  const [, given] = other;
  if (given.version !== data.version) {
    const { at, ...file } = given;
    say("This browser also keeps answers about other clusters of this workspace. Save them; " +
      "stickerworks tags page --from FILE takes over what still holds.",
      chip("Save them", () => saveFile(file)));
    return;
  }
  say("This browser also keeps answers that were given on another page about these clusters.",
    chip("Take them over", () => say(takeOver("take over", given) || "Undo takes them back.")));
};

watchers.push(paint);
document.addEventListener("keydown", onKey);
addEventListener("storage", (event) => {
  if (event.key === data.place && meetOthers()) {
    say("This page is open in another tab too: what is decided there is taken over here.");
  }
});
addEventListener("beforeunload", (event) => {
  if (!keeps && past.length && past.at(-1) !== savedStep) event.preventDefault();
});
byId("undo").addEventListener("click", undo);
byId("redo").addEventListener("click", redo);
byId("save").addEventListener("click", download);
byId("load").addEventListener("change", loadFile);
byId("who").addEventListener("input", () => { meetOthers(); keep(); paintProgress(); });
byId("previous").addEventListener("click", () => go(-1));
byId("next").addEventListener("click", () => go(1));
byId("undecided").addEventListener("click", goUndecided);
byId("faulty").addEventListener("click", () => { byId("state").value = "warned"; arrange(); });
for (const id of ["search", "state", "flag", "sort"]) byId(id).addEventListener("input", arrange);
for (const button of document.querySelectorAll(".back")) {
  button.addEventListener("click", () => read(false));
}

fillSelect("state", STATES);
fillSelect("flag", FLAGS);
fillSelect("sort", ORDERS);
data.clusters.forEach(makeItem);
byId("who").value = data.start.who;
meetOthers();
arrange();
const start = listed.find((key) => !rows.get(key).decision) || listed[0];
if (start !== undefined) openCluster(start);
paint();
offer();
