// Shows the server's views, one at a time.

const FIRST_VIEW_MS = 12000;
const page = element.querySelector(".ppai-page");
const stage = element.querySelector(".ppai-screen");
let shown = null;

function screenName() {
  return shown?.screen ?? null;
}

function show(view, { focus }) {
  shown = { ...view, first: !focus };
  live.assertive.textContent = live.polite.textContent = "";
  rerender();
  if (!focus) return;
  window.scrollTo(0, 0);
  stage.querySelector("h1")?.focus({ preventScroll: true });
}

/** Draws the screen again in the language chosen, with every answer as it stands. */
function rerender() {
  document.documentElement.lang = language;
  if (!shown) return;
  stage.dataset.testid = `screen-${shown.screen}`;
  stage.dataset.screen = shown.screen;
  stage.replaceChildren(...SCREENS[shown.screen](shown));
  document.title = `${stage.querySelector("h1").textContent} · PPAI`;
}

/** Where no first view came: says so, and offers to ask for it with `act`. */
function unreachable(act) {
  if (shown) return;
  const again = () => {
    showMessage("");
    ask(act);
  };
  stage.replaceChildren(
    h("div", { class: "ppai-column ppai-narrow" }, h("h1", {}, t("page.title")), messagePlace(), button(t("pair.retry"), "ppai-primary", again)),
  );
  showMessage(t("error.unavailable"));
}
