"use strict";
(() => {
  const audit = document.getElementById("audit");
  const ones = [...document.querySelectorAll(".one")];
  const who = document.getElementById("who");
  const count = document.getElementById("count");
  const { rule, drawn } = audit.dataset;
  const place = `stickerworks audit ${rule} ${drawn}`;
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
    const done = ones.filter((one) => answers[one.dataset.id]).length;
    count.textContent = `${done} of ${ones.length} answered`;
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

  ones.forEach((one, number) => {
    for (const button of one.querySelectorAll("button")) {
      button.addEventListener("click", () => answer(number, button.dataset.answer));
    }
  });

  const keys = { d: "drop", k: "keep", u: "unsure" };
  document.addEventListener("keydown", (event) => {
    if (event.target === who || event.ctrlKey || event.altKey || event.metaKey) return;
    const given = keys[event.key.toLowerCase()];
    if (given && ones.length) answer(current, given);
    else if (event.key === "ArrowRight" || event.key === "ArrowDown") go(current + 1);
    else if (event.key === "ArrowLeft" || event.key === "ArrowUp") go(current - 1);
    else return;
    event.preventDefault();
  });

  who.addEventListener("input", keep);
  document.getElementById("save").addEventListener("click", () => {
    const given = ones
      .map((one) => one.dataset.id)
      .filter((id) => answers[id])
      .map((id) => ({ id, ...answers[id] }));
    const content = { stickerworks_audit: 1, rule, drawn, who: who.value, answers: given };
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(content, null, 1)]));
    link.download = `audit-${rule}.json`;
    link.click();
  });

  const first = ones.findIndex((one) => !answers[one.dataset.id]);
  current = first < 0 ? 0 : first;
  show();
})();
