// Begins the page of live questions: its screens, the first view, and a question that was under way before a reload.

const SCREENS = {
  welcome: welcomeScreen,
  ask: askScreen,
  warned: warnedScreen,
  crisis: crisisScreen,
  queued: queuedScreen,
  answering: answeringScreen,
  vote: voteScreen,
  thanks: thanksScreen,
  failed: failedScreen,
};
let begun = false;

async function firstView(view) {
  if (begun || !view?.screen) return;
  begun = true;
  if (view.code) adoptCode(view.code);
  if (view.frame) rater.frame = view.frame;
  const before = kept.token && view.code ? await send("poll", { token: kept.token }) : null;
  if (before?.screen && !before.error) {
    receive(before, null);
    return;
  }
  if (before && before.error !== LOST) keep({ token: null, submission: null });
  receive(view, null);
  if (before?.error) showMessage(errorText(before.error === LOST ? { error: "error.unavailable" } : before));
}

document.documentElement.lang = language;
stage.querySelector(".ppai-loading").textContent = t("page.loading");
dropOldDrafts();
watch("value", () => firstView(props.value));
firstView(props.value);
setTimeout(() => unreachable("open"), FIRST_VIEW_MS);
window.addEventListener("pageshow", (event) => {
  if (event.persisted && rater.code) location.reload();
});
