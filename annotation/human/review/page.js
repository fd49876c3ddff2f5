(() => {
  const known = data.tags === null ? null : new Set(data.tags);
  const FIELDS = ["tags", "domain", ...data.questions.map((one) => one.name)];
  const SPLIT = /[,，、;；\n]/u;

  const strings = (some) =>
    (Array.isArray(some) ? some : []).filter((one) => typeof one === "string");
  const same = (one, other) =>
    JSON.stringify([...one].sort()) === JSON.stringify([...other].sort());
  const words = (text) =>
    [...new Set(text.split(SPLIT).map((one) => one.trim()).filter(Boolean))];

  const cards = new Map();
  // By sticker: values by field that differ from what the label says, a reason, and when.
  const edits = new Map();
  let unsaved = false;

  const read = () => {
    const found = kept(() => JSON.parse(localStorage.getItem(data.place))) || {};
    byId("who").value = typeof found.who === "string" ? found.who.slice(0, 100) : "";
    byId("reason").value = typeof found.reason === "string" ? found.reason.slice(0, 2000) : "";
    for (const one of data.stickers) {
      const edit = (found.edits || {})[one.id];
      if (!(edit instanceof Object) || !(edit.values instanceof Object)) continue;
      const values = {};
      for (const field of FIELDS) {
        if (!Array.isArray(edit.values[field])) continue;
        const after = strings(edit.values[field]);
        if (!same(after, one.values[field])) values[field] = after;
      }
      const why = typeof edit.why === "string" ? edit.why.slice(0, 2000) : "";
      if (Object.keys(values).length || why) edits.set(one.id, { values, why, at: edit.at });
    }
  };

  const keep = () => kept(() => {
    // Edits of stickers that another search showed stay.
    const found = kept(() => JSON.parse(localStorage.getItem(data.place))) || {};
    const all = found.edits instanceof Object ? found.edits : {};
    for (const one of data.stickers) delete all[one.id];
    for (const [id, edit] of edits) all[id] = edit;
    const whole = { who: byId("who").value, reason: byId("reason").value, edits: all };
    localStorage.setItem(data.place, JSON.stringify(whole));
    return true;
  });

  const faults = (id) => {
    const edit = edits.get(id);
    if (!edit || !Object.keys(edit.values).length) return [];
    const found = [];
    const strange = known === null ? [] : (edit.values.tags || []).filter((tag) => !known.has(tag));
    if (strange.length) found.push(`no such tag: ${strange.join(", ")}`);
    if (!(edit.why || byId("reason").value).trim()) found.push("no reason yet");
    return found;
  };

  const changedIds = () => [...edits].filter(([, edit]) => Object.keys(edit.values).length)
    .map(([id]) => id);

  const paintCard = (id) => {
    const { card, was, fault } = cards.get(id);
    const sticker = stickers.get(id);
    const edit = edits.get(id);
    const changed = edit !== undefined && Object.keys(edit.values).length > 0;
    const found = faults(id);
    card.classList.toggle("changed", changed && !found.length);
    card.classList.toggle("faulty", found.length > 0);
    fault.textContent = found.join(" · ");
    for (const field of FIELDS) {
      const differs = changed && edit.values[field] !== undefined;
      was.get(field).hidden = !differs;
      was.get(field).textContent = `was: ${sticker.values[field].join(", ") || "nothing"}`;
    }
  };

  const paintCount = () => {
    const count = changedIds().length;
    byId("count").textContent = `${count} of ${data.stickers.length} changed`;
    if (byId("changed").getAttribute("aria-pressed") === "true") {
      const shown = new Set(changedIds());
      for (const [id, { card }] of cards) card.hidden = !shown.has(id);
    }
  };

  const stickers = new Map(data.stickers.map((one) => [one.id, one]));

  const setField = (id, field, after) => {
    const edit = edits.get(id) || { values: {}, why: "" };
    const values = { ...edit.values };
    if (same(after, stickers.get(id).values[field])) delete values[field];
    else values[field] = after;
    edits.set(id, { values, why: edit.why, at: new Date().toISOString() });
    settle(id);
  };

  const settle = (id) => {
    const edit = edits.get(id);
    if (edit && !edit.why && !Object.keys(edit.values).length) edits.delete(id);
    unsaved = true;
    keep();
    paintCard(id);
    paintCount();
  };

  const control = (id, field, question) => {
    const value = () => (edits.get(id)?.values[field]) || stickers.get(id).values[field];
    const kind = field === "tags" ? "tags" : field === "domain" ? "single" : question.kind;
    const values = field === "domain" ? data.domains : question ? question.values : [];
    let box;
    if (kind === "tags") {
      box = node("input");
      box.setAttribute("list", "known");
      box.addEventListener("input", () => setField(id, field, words(box.value)));
      box.show = () => { box.value = value().join(", "); };
    } else if (kind === "several") {
      box = node("div", "choices");
      const ticks = values.map((one) => {
        const label = node("label");
        const tick = node("input");
        tick.type = "checkbox";
        tick.addEventListener("change", () =>
          setField(id, field, values.filter((_, n) => ticks[n].checked)));
        label.append(tick, ` ${one}`);
        box.append(label);
        return tick;
      });
      box.show = () => values.forEach((one, n) => { ticks[n].checked = value().includes(one); });
    } else if (kind === "text") {
      box = node("textarea");
      box.rows = 2;
      box.addEventListener("input", () =>
        setField(id, field, box.value.trim() ? [box.value.trim()] : []));
      box.show = () => { box.value = value().join("\n"); };
    } else {
      box = node("select");
      for (const one of ["", ...values]) {
        const option = node("option", "", one || "—");
        option.value = one;
        // A domain is one of two; nobody takes it away.
        option.disabled = field === "domain" && !one;
        box.append(option);
      }
      box.addEventListener("change", () => setField(id, field, box.value ? [box.value] : []));
      box.show = () => { box.value = value()[0] || ""; };
    }
    box.dataset.field = field;
    box.setAttribute("aria-label", field);
    return box;
  };

  const list = (name, lines) => {
    const made = node("ul", name);
    for (const line of lines) {
      const item = node("li");
      item.append(node("bdi", "", line));
      made.append(item);
    }
    return made;
  };

  const voteLine = (vote) => {
    if (vote.skipped) return `${vote.who ? `${vote.who}: ` : ""}skipped`;
    const said = [vote.tags.join(", ") || "no tag", vote.domain, ...vote.answers, vote.caption];
    return (vote.who ? `${vote.who}: ` : "") + said.filter(Boolean).join(" · ");
  };

  const tile = (one) => {
    const picture = pictures[one.id];
    const made = node("button", "tile");
    made.type = "button";
    made.tabIndex = -1;
    if (!picture) { made.append(node("span", "", "no picture")); return made; }
    const image = node("img");
    image.alt = `sticker ${one.id.slice(0, 8)}`;
    image.decoding = "async";
    image.src = picture.motion || picture.still;
    made.append(image);
    if (one.hidden) {
      made.classList.add("blurred");
      made.dataset.say = "Click to see it";
      made.addEventListener("click", () => made.classList.toggle("blurred"));
    }
    return made;
  };

  const headLines = (one) => {
    const facts = node("div", "line");
    facts.append(node("span", "id", one.id.slice(0, 10)), node("b", "", one.status));
    const agreement = one.agreement === null ? "" : `agreement ${one.agreement.toFixed(2)}`;
    const score = one.score === null ? "" : `safety score ${one.score.toFixed(2)}`;
    const by = one.provenance ? `by ${one.provenance}` : "";
    for (const fact of [by, agreement, one.split, one.pack, score]) {
      if (fact) facts.append(node("bdi", "", fact));
    }
    for (const flag of one.flags) facts.append(node("span", "flag", flag));
    return facts;
  };

  const makeCard = (one) => {
    const card = node("figure", "one");
    card.tabIndex = -1;
    card.dataset.id = one.id;
    const fields = node("div", "fields");
    const was = new Map();
    const boxes = FIELDS.map((field) => {
      const question = data.questions.find((asked) => asked.name === field);
      const box = control(one.id, field, question);
      const before = node("span", "was");
      was.set(field, before);
      fields.append(node("span", "", question ? question.title : field), box, before);
      return box;
    });
    const why = node("input");
    why.maxLength = 2000;
    why.dataset.field = "why";
    why.setAttribute("aria-label", "why");
    why.addEventListener("input", () => {
      const edit = edits.get(one.id) || { values: {}, why: "" };
      edits.set(one.id, { ...edit, why: why.value });
      settle(one.id);
    });
    why.show = () => { why.value = edits.get(one.id)?.why || ""; };
    const fault = node("span", "bad-text");
    fields.append(node("span", "", "why"), why);
    card.append(tile(one), headLines(one), list("why", one.why), fields, fault,
      list("votes", one.votes.map(voteLine)),
      list("texts", one.texts.map(([where, text]) => `${where}: ${text}`)));
    cards.set(one.id, { card, was, fault, boxes: [...boxes, why] });
    cards.get(one.id).boxes.forEach((box) => box.show());
    byId("sheet").append(card);
    paintCard(one.id);
  };

  const say = (line) => { byId("told").textContent = line; byId("told").hidden = !line; };

  const save = () => {
    const changed = changedIds();
    const faulty = changed.filter((id) => faults(id).length);
    if (faulty.length) {
      say(`${faulty.length} changed stickers can't be saved: ${faults(faulty[0]).join(", ")}.`);
      cards.get(faulty[0]).card.scrollIntoView({ block: "center" });
      return;
    }
    if (!changed.length) { say("Nothing was changed yet."); return; }
    const all = byId("reason").value.trim();
    const changes = changed.flatMap((id) => {
      const { values, why, at } = edits.get(id);
      return Object.entries(values).map(([field, after]) => ({
        id, field, before: stickers.get(id).values[field], after, why: why.trim() || all, at,
      }));
    });
    const content = {
      stickerworks_review: 1, workspace: data.workspace, who: byId("who").value, changes,
    };
    saveFile(content);
    unsaved = false;
    say(`Saved. Now: stickerworks label review --apply ${data.file} --by NAME`);
  };

  const current = () => document.activeElement?.closest?.(".one") || null;

  const go = (step) => {
    const shown = [...cards.values()].map(({ card }) => card).filter((card) => !card.hidden);
    const place = shown.indexOf(current());
    const next = shown[Math.min(Math.max(place + step, 0), shown.length - 1)];
    if (next) { next.focus(); next.scrollIntoView({ block: "center" }); }
  };

  const takeBack = (id) => {
    edits.delete(id);
    cards.get(id).boxes.forEach((box) => box.show());
    settle(id);
  };

  const PRESSED = {
    j: () => go(1), k: () => go(-1), arrowright: () => go(1), arrowleft: () => go(-1),
    t: (card) => card?.querySelector("[data-field=tags]").focus(),
    w: (card) => card?.querySelector("[data-field=why]").focus(),
    z: (card) => card && takeBack(card.dataset.id),
    v: (card) => card?.querySelector(".tile").click(),
  };

  document.addEventListener("keydown", (event) => {
    // While Chinese is composed, letters are the input method's.
    if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
    const key = event.key.toLowerCase();
    if (key === "escape") { (current() || document.body).focus(); return; }
    if (event.target.matches("input, select, textarea") || !PRESSED[key]) return;
    PRESSED[key](current());
    event.preventDefault();
  });
  addEventListener("beforeunload", (event) => {
    if (unsaved && keep() !== true && changedIds().length) event.preventDefault();
  });
  byId("save").addEventListener("click", save);
  byId("changed").addEventListener("click", () => {
    const on = byId("changed").getAttribute("aria-pressed") !== "true";
    byId("changed").setAttribute("aria-pressed", String(on));
    for (const { card } of cards.values()) card.hidden = false;
    paintCount();
  });
  byId("who").addEventListener("input", keep);
  byId("reason").addEventListener("input", () => {
    keep();
    changedIds().forEach(paintCard);
  });

  read();
  for (const tag of data.tags || []) byId("known").append(new Option(tag));
  data.stickers.forEach(makeCard);
  paintCount();
})();
