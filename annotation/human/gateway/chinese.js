// Label Studio's own words in Chinese: texts and hints that match one of ours exactly.
(() => {
  const words = new Map(Object.entries(__WORDS__));
  const names = ["title", "placeholder", "aria-description", "data-tooltip"];
  const typed = "script, style, textarea, .sw-page .lsf-choices, .ant-select-tree, .htx-taxonomy";
  function text(node) {
    const said = words.get(node.data.trim());
    if (said && !node.parentElement?.closest(typed)) node.data = node.data.replace(node.data.trim(), said);
  }
  function hints(element) {
    for (const name of names) {
      const said = words.get(element.getAttribute(name)?.trim());
      if (said) element.setAttribute(name, said);
    }
    if (element.matches("input[type=submit], input[type=button]")) {
      const said = words.get(element.value.trim());
      if (said) element.value = said;
    }
  }
  function below(root) {
    if (root.nodeType === Node.TEXT_NODE) return text(root);
    if (root.nodeType !== Node.ELEMENT_NODE) return;
    hints(root);
    const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
    while (walk.nextNode()) {
      const node = walk.currentNode;
      if (node.nodeType === Node.TEXT_NODE) text(node); else hints(node);
    }
  }
  function start() {
    below(document.body);
    new MutationObserver((changes) => {
      for (const change of changes) {
        if (change.type === "characterData") text(change.target);
        else change.addedNodes.forEach(below);
      }
    }).observe(document.body, { childList: true, subtree: true, characterData: true });
  }
  if (document.body) start(); else addEventListener("DOMContentLoaded", start);
})();
