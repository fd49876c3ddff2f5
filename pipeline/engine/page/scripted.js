"use strict";
// What pages with scripts of their own begin with: their data, elements, and the file they save.

const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const pictures = JSON.parse(byId("pictures").textContent);

const node = (tag, className, content) => {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (content !== undefined) made.textContent = content;
  return made;
};

// A browser may keep nothing for a local file; answers then last as long as the page.
const kept = (act) => { try { return act(); } catch { return undefined; } };

const saveFile = (whole) => {
  const link = document.createElement("a");
  const shown = JSON.stringify(whole, null, 1);
  link.href = URL.createObjectURL(new Blob([shown], { type: "application/json" }));
  link.download = data.file;
  link.click();
};
