// Begins the rating page: its screens, and the first view as soon as Gradio brings it.

const SCREENS = {
  welcome: welcomeScreen,
  pair: pairScreen,
  pause: pauseScreen,
  enough: enoughScreen,
  exhausted: exhaustedScreen,
  probe: probeScreen,
  thanks: thanksScreen,
};

function firstView(view) {
  if (shown || !view?.screen) return;
  receive(view, null);
}

document.documentElement.lang = language;
stage.querySelector(".ppai-loading").textContent = t("page.loading");
dropOldDrafts();
watch("value", () => firstView(props.value));
firstView(props.value);
setTimeout(() => unreachable("show"), FIRST_VIEW_MS);
window.addEventListener("pageshow", (event) => {
  if (event.persisted && rater.code) ask("show");
});
