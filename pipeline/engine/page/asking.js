"use strict";
(() => {
  const asking = document.getElementById("asking");
  const ones = [...document.querySelectorAll(".one")];
  const who = document.getElementById("who");
  const count = document.getElementById("count");
  // Where answers are kept, the file that they are saved as, the name of their list in it, and the
  // only answer whose rows are saved, if it is just one.
  const { place, file, list, only } = asking.dataset;
  let answers = {};
  let current = 0;

  // A browser may keep nothing for a local file; the answers then last as long as the page.
  const kept = (act) => { try { return act(); } catch { return null; } };
  const before = JSON.parse(kept(() => localStorage.getItem(place)) || "{}");
  answers = before.answers || {};
  who.value = before.who || "";

  const keep = () =>
    kept(() => localStorage.setItem(place, JSON.stringify({ who: who.value, answers })));

  const show = () => {
    ones.forEach((one, number) => {
      one.classList.toggle("current", number === current);
      const given = answers[one.dataset.id];
      for (const button of one.querySelectorAll("button")) {
        const chosen = given !== undefined && given.answer === button.dataset.answer;
        button.setAttribute("aria-pressed", String(chosen));
      }
    });
    const done = ones.map((one) => answers[one.dataset.id]).filter(Boolean);
    const picked = done.filter((given) => given.answer === only).length;
    count.textContent =
      `${done.length} of ${ones.length} answered` + (only ? `, ${picked} picked` : "");
  };

  const go = (number) => {
    current = Math.min(Math.max(number, 0), ones.length - 1);
    show();
    if (ones.length) ones[current].scrollIntoView({ block: "center" });
  };

  const answer = (number, given) => {
    answers[ones[number].dataset.id] = { answer: given, at: new Date().toISOString() };
    keep();
    go(number + 1);
  };

  const keys = {};
  ones.forEach((one, number) => {
    for (const button of one.querySelectorAll("button")) {
      button.addEventListener("click", () => answer(number, button.dataset.answer));
      keys[button.dataset.key] = button.dataset.answer;
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.target === who || event.ctrlKey || event.altKey || event.metaKey) return;
    const given = keys[event.key.toLowerCase()];
    if (given && ones.length) answer(current, given);
    else if (event.key === "ArrowRight" || event.key === "ArrowDown") go(current + 1);
    else if (event.key === "ArrowLeft" || event.key === "ArrowUp") go(current - 1);
    else return;
    event.preventDefault();
  });

  const row = (one) => {
    const { answer: given, at } = answers[one.dataset.id];
    const more = JSON.parse(one.dataset.row || "{}");
    return { id: one.dataset.id, ...more, ...(only ? {} : { answer: given }), at };
  };

  who.addEventListener("input", keep);
  document.getElementById("save").addEventListener("click", () => {
    const given = ones.filter((one) => {
      const found = answers[one.dataset.id];
      return found && (!only || found.answer === only);
    });
    const base = JSON.parse(asking.dataset.base);
    const content = { ...base, who: who.value, [list]: given.map(row) };
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(content, null, 1)]));
    link.download = file;
    link.click();
  });

  const first = ones.findIndex((one) => !answers[one.dataset.id]);
  current = first < 0 ? 0 : first;
  show();
})();
