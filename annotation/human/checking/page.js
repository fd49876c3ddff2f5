(() => {
  const { words } = data;
  document.documentElement.lang = data.language;

  const fill = (text, values) => text.replace(/\{(\w+)\}/gu, (_, name) => values[name]);

  const ones = data.groups.flatMap((group) => group.texts.map(({ text }) => ({
    group, text, key: JSON.stringify([group.id, group.field, group.language, text]),
  })));
  const answers = new Map();
  let unsaved = false;

  const stored = () => {
    const found = kept(() => JSON.parse(localStorage.getItem(data.place)));
    return found instanceof Object ? found : {};
  };

  const read = () => {
    const found = stored();
    byId("who").value = typeof found.who === "string" ? found.who.slice(0, 100) : "";
    const given = found.answers instanceof Object ? found.answers : {};
    for (const { key } of ones) {
      const answer = given[key];
      if (!(answer instanceof Object)) continue;
      if (!["right", "corrected", "wrong"].includes(answer.verdict)) continue;
      const corrected = typeof answer.corrected === "string" ? answer.corrected : null;
      if (answer.verdict === "corrected" && corrected === null) continue;
      answers.set(key, { verdict: answer.verdict, corrected, at: String(answer.at) });
    }
  };

  // Answers about texts that another page showed stay.
  const keep = () => kept(() => {
    const given = stored().answers;
    const all = given instanceof Object ? given : {};
    for (const { key } of ones) delete all[key];
    for (const [key, answer] of answers) all[key] = answer;
    localStorage.setItem(data.place, JSON.stringify({ who: byId("who").value, answers: all }));
    return true;
  });

  const isDone = ({ key, text }) => {
    const answer = answers.get(key);
    if (!answer) return false;
    return answer.verdict !== "corrected" ||
      (answer.corrected.trim() !== "" && answer.corrected.trim() !== text.trim());
  };

  const paintCount = () => {
    const done = ones.filter(isDone).length;
    byId("count").textContent = fill(words.count, { done, all: ones.length });
    byId("progress").value = ones.length ? done / ones.length : 0;
  };

  const paint = (one) => {
    const answer = answers.get(one.key);
    for (const name of ["right", "corrected", "wrong"]) {
      const chosen = answer !== undefined && answer.verdict === name;
      one.box.classList.toggle(name, chosen);
      one.buttons[name].setAttribute("aria-pressed", String(chosen));
    }
    const corrected = answer !== undefined && answer.verdict === "corrected";
    one.area.hidden = !corrected;
    if (corrected && one.area.value !== answer.corrected) one.area.value = answer.corrected;
    one.fault.textContent = corrected && !isDone(one) ? words.unchanged : "";
  };

  const settle = (one) => {
    unsaved = true;
    keep();
    paint(one);
    paintCount();
  };

  const give = (one, verdict) => {
    const at = new Date().toISOString();
    const before = answers.get(one.key);
    const corrected = verdict !== "corrected" ? null
      : before && before.corrected !== null ? before.corrected : one.text.slice(0, data.most);
    answers.set(one.key, { verdict, corrected, at });
    settle(one);
  };

  const takeBack = (one) => { answers.delete(one.key); settle(one); };

  const shownOnes = () => ones.filter(({ box }) => !box.hidden && !box.closest(".group").hidden);
  const current = () => ones.find(({ box }) => box.contains(document.activeElement)) || null;

  const go = (from, step) => {
    const shown = shownOnes();
    const place = from ? shown.indexOf(from) : -1;
    const next = shown[Math.min(Math.max(place + step, 0), shown.length - 1)];
    if (next) { next.box.focus(); next.box.scrollIntoView({ block: "center" }); }
  };

  const answer = (one, verdict) => {
    give(one, verdict);
    if (verdict === "corrected") { one.area.focus(); one.area.select(); } else go(one, 1);
  };

  const tile = (group) => {
    const picture = pictures[group.id];
    const made = node("button", "tile");
    made.type = "button";
    made.tabIndex = -1;
    if (!picture) { made.append(node("span", "", words.no_picture)); return made; }
    const image = node("img");
    image.alt = group.id.slice(0, 8);
    image.decoding = "async";
    image.src = picture.motion || picture.still;
    made.append(image);
    if (group.hidden) {
      made.classList.add("blurred");
      made.dataset.say = words.hidden;
      made.addEventListener("click", () => made.classList.toggle("blurred"));
    }
    return made;
  };

  const makeText = (one, flags) => {
    one.box = node("div", "one");
    one.box.tabIndex = -1;
    const said = node("div", "said");
    said.dir = "auto";
    said.textContent = one.text;
    one.area = node("textarea");
    one.area.maxLength = data.most;
    one.area.dir = "auto";
    one.area.hidden = true;
    one.area.setAttribute("aria-label", words.correct);
    one.area.addEventListener("input", () => {
      answers.set(one.key,
        { verdict: "corrected", corrected: one.area.value, at: new Date().toISOString() });
      settle(one);
    });
    one.buttons = {};
    const row = node("div", "answers");
    for (const [verdict, title] of [["right", words.right], ["corrected", words.correct],
      ["wrong", words.wrong]]) {
      const button = node("button", "", title);
      button.type = "button";
      button.dataset.verdict = verdict;
      button.addEventListener("click", () => answer(one, verdict));
      one.buttons[verdict] = button;
      row.append(button);
    }
    one.fault = node("span", "fault");
    row.append(one.fault);
    one.box.append(said);
    if (flags.length) one.box.append(node("div", "flags", flags.join(" · ")));
    one.box.append(row, one.area);
    return one.box;
  };

  const makeGroup = (group) => {
    const made = node("section", "group");
    const side = node("div", "side");
    const beside = node("ul", "beside");
    for (const [name, text] of group.beside) {
      const item = node("li");
      item.append(node("b", "", `${name}: `), node("bdi", "", text));
      beside.append(item);
    }
    side.append(tile(group), beside);
    const texts = node("div", "texts");
    texts.append(node("div", "what", `${group.field} · ${group.language} · ${group.id.slice(0, 10)}`));
    const mine = ones.filter((one) => one.group === group);
    mine.forEach((one, number) => texts.append(makeText(one, group.texts[number].flags)));
    made.append(side, texts);
    byId("sheet").append(made);
  };

  const say = (line) => { byId("told").textContent = line; byId("told").hidden = !line; };

  const save = () => {
    const done = ones.filter(isDone);
    if (!done.length) { say(words.nothing); return; }
    const checks = done.map(({ key, text, group: { id, field, language } }) => {
      const { verdict, corrected, at } = answers.get(key);
      return { id, field, language, original: text, verdict, corrected, at };
    });
    const content = {
      stickerworks_texts: 1, workspace: data.workspace, who: byId("who").value, checks,
    };
    saveFile(content);
    unsaved = false;
    say(fill(words.saved, { file: data.file }));
  };

  const PRESSED = {
    r: "right", 1: "right", c: "corrected", 2: "corrected", x: "wrong", 3: "wrong",
  };

  document.addEventListener("keydown", (event) => {
    // While Chinese is composed, letters are the input method's.
    if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
    const key = event.key.toLowerCase();
    const one = current();
    if (key === "escape") { (one ? one.box : document.body).focus(); return; }
    if (event.target.matches("input, textarea")) return;
    if (PRESSED[key] && one) answer(one, PRESSED[key]);
    else if (key === "z" && one) takeBack(one);
    else if (key === "arrowdown" || key === "j") go(one, 1);
    else if (key === "arrowup" || key === "k") go(one, -1);
    else return;
    event.preventDefault();
  });
  addEventListener("beforeunload", (event) => {
    if (unsaved && keep() !== true) event.preventDefault();
  });
  byId("save").addEventListener("click", save);
  byId("who").addEventListener("input", keep);
  byId("open").addEventListener("click", () => {
    const on = byId("open").getAttribute("aria-pressed") !== "true";
    byId("open").setAttribute("aria-pressed", String(on));
    for (const section of document.querySelectorAll(".group")) section.hidden = false;
    if (!on) return;
    for (const group of data.groups) {
      const mine = ones.filter((one) => one.group === group);
      mine[0].box.closest(".group").hidden = mine.every(isDone);
    }
  });

  read();
  data.groups.forEach(makeGroup);
  ones.forEach(paint);
  paintCount();
  const first = ones.find((one) => !isDone(one));
  if (first) first.box.focus({ preventScroll: ones.indexOf(first) === 0 });
})();
