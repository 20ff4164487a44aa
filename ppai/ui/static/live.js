// Says what has happened: politely for what went well, at once for what did not.

const NOTICE_MS = 5000;
const live = {
  polite: element.querySelector(".ppai-toast"),
  assertive: element.querySelector(".ppai-alarm"),
  timer: undefined,
};

/** Shows a text for a moment and has it read out when the reader is free. */
function announce(text) {
  clearTimeout(live.timer);
  live.polite.textContent = "";
  requestAnimationFrame(() => (live.polite.textContent = text));
  live.timer = setTimeout(() => (live.polite.textContent = ""), NOTICE_MS);
}

/** Has a text read out at once; whoever calls it also puts the text on the screen. */
function alarm(text) {
  live.assertive.textContent = "";
  requestAnimationFrame(() => (live.assertive.textContent = text));
}

/** Writes an error into the place that the screen, or an open dialog, keeps for it. */
function showMessage(text, place = element.querySelector("dialog[open] .ppai-message") ?? screenMessage()) {
  if (place) {
    place.textContent = text;
    place.hidden = !text;
  }
  if (text) live.polite.textContent = "";
  if (text && place?.getAttribute("role") !== "alert") alarm(text);
  if (!text) live.assertive.textContent = "";
}

function screenMessage() {
  return element.querySelector(".ppai-screen .ppai-message");
}

/** Inside a dialog, where the page's own live regions are out of reach, it takes `role: "alert"`. */
function messagePlace(attributes) {
  return h("p", { class: "ppai-message", "data-testid": "message", hidden: true, ...attributes });
}
