// Keys for the whole page. None fires while typing, with a modifier, or while a dialog is open.

const CHOICES = { 1: "a", 0: "tie", 2: "b" };

function isTyping(target) {
  const node = target instanceof Element ? target : null;
  if (!node) return false;
  return Boolean(node.closest("textarea, select, [contenteditable]")) || (node.matches("input") && node.type !== "radio");
}

function onKey(event) {
  const { key, target } = event;
  if (!element.isConnected || event.defaultPrevented || event.isComposing || event.repeat) return;
  if (event.ctrlKey || event.altKey || event.metaKey || isTyping(target) || document.querySelector("dialog[open]")) return;
  if (key === "?") openKeys();
  else if (key.toLowerCase() === "u" && element.querySelector('[data-testid="undo"]')) undoLast();
  else if (key in CHOICES && ANSWERED.includes(screenName())) answerByKey(CHOICES[key]);
  else if (key === "Enter" && !target.closest?.("button, a, summary, label, input")) {
    const form = element.querySelector("form:has(.ppai-submit)");
    if (!form) return;
    form.requestSubmit();
  } else return;
  event.preventDefault();
}

document.addEventListener("keydown", onKey);
