// Asks every quarter of a second how far a question is, until its answers are complete or the server cannot be reached.

const POLL_MS = 250;
const POLL_ANSWER_MS = 10000;
const MISSED_MS = 1000;
const MISSES = 3;
const LOST = "error.not_saved";
const FOLLOWED = ["queued", "answering"];
const polling = { timer: undefined, misses: 0 };

/** From now on the page shows what becomes of the question with this token. */
function follow(token) {
  keep({ token });
  polling.misses = 0;
  pollIn(POLL_MS);
}

function pollIn(ms) {
  clearTimeout(polling.timer);
  polling.timer = setTimeout(poll, ms);
}

function isFollowed(token) {
  return FOLLOWED.includes(screenName()) && shown.token === token;
}

async function poll() {
  const { token } = shown ?? {};
  if (!isFollowed(token)) return;
  const view = await send("poll", { token }, POLL_ANSWER_MS);
  if (!isFollowed(token)) return;
  if (view.error === LOST) {
    missed();
    return;
  }
  polling.misses = 0;
  if (!rater.asking) takeIn(view);
  if (isFollowed(token)) pollIn(POLL_MS);
}

/** After several failures in a row it stops, and says so; the button, or the network's return, begins again. */
function missed() {
  polling.misses += 1;
  if (polling.misses < MISSES) {
    pollIn(MISSED_MS);
    return;
  }
  showMessage(t("error.live_lost"));
  element.querySelector('[data-testid="again"]').hidden = false;
}

function pollAgain() {
  if (!FOLLOWED.includes(screenName()) || polling.misses < MISSES) return;
  const again = element.querySelector('[data-testid="again"]');
  if (again === document.activeElement) stage.querySelector("h1").focus({ preventScroll: true });
  again.hidden = true;
  polling.misses = 0;
  showMessage("");
  pollIn(0);
}

function againButton() {
  return button(t("pair.retry"), "ppai-primary", pollAgain, { hidden: true, "data-testid": "again" });
}

/** What has changed is put into the screen as it stands; another screen is drawn anew. */
function takeIn(view) {
  const from = screenName();
  if (view.screen === "answering" && from === "answering") {
    shown = { ...shown, ...view };
    fillResponses(element.querySelector(".ppai-live"), view.item, true);
  } else if (view.screen === "queued" && from === "queued") {
    shown = { ...shown, ...view };
    const place = element.querySelector('[data-testid="place"]');
    if (place.textContent !== placeText(view)) place.textContent = placeText(view);
  } else if (view.screen === "vote" && from === "answering") completeAnswers(view);
  else receive(view, "poll");
}

window.addEventListener("online", pollAgain);
