// Shows the server's views, the first one as soon as Gradio brings it.

const FIRST_VIEW_MS = 12000;
const SCREENS = {
  welcome: welcomeScreen,
  pair: pairScreen,
  pause: pauseScreen,
  enough: enoughScreen,
  exhausted: exhaustedScreen,
  probe: probeScreen,
  thanks: thanksScreen,
};
const page = element.querySelector(".ppai-page");
const stage = element.querySelector(".ppai-screen");
let shown = null;

function screenName() {
  return shown?.screen ?? null;
}

function show(view, { focus }) {
  shown = { ...view, first: !focus };
  live.assertive.textContent = "";
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

function firstView(view) {
  if (shown || !view?.screen) return;
  receive(view, null);
}

function unreachable() {
  if (shown) return;
  const again = () => {
    showMessage("");
    ask("show");
  };
  stage.replaceChildren(
    h("div", { class: "ppai-column ppai-narrow" }, h("h1", {}, t("page.title")), messagePlace(), button(t("pair.retry"), "ppai-primary", again)),
  );
  showMessage(t("error.unavailable"));
}

document.documentElement.lang = language;
stage.querySelector(".ppai-loading").textContent = t("page.loading");
dropOldDrafts();
watch("value", () => firstView(props.value));
firstView(props.value);
setTimeout(unreachable, FIRST_VIEW_MS);
window.addEventListener("pageshow", (event) => {
  if (event.persisted && rater.code) ask("show");
});
