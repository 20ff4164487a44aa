// Asks the server, one thing at a time, and takes in what it answers.

const ANSWER_MS = 30000;
/** Screens with questions on two responses. */
const ANSWERED = ["pair", "vote"];
const EXTRA_KEY = "ppai.extra";
const rater = { code: null, frame: null, extra: readExtra(), asking: false, undo: null };

function readExtra() {
  try {
    return sessionStorage.getItem(EXTRA_KEY) === "1";
  } catch {
    return false;
  }
}

/** From now on the rater votes beyond what the study wants. */
function rateExtra() {
  rater.extra = true;
  try {
    sessionStorage.setItem(EXTRA_KEY, "1");
  } catch {
    // Kept for this page alone.
  }
}

/** The server's answer; where none comes, an answer that says so. Gradio's client resolves to nothing on a failure. */
async function send(act, fields, patience = ANSWER_MS) {
  const request = { act, code: rater.code, language, ...fields };
  if (rater.extra) request.extra = true;
  let timer;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, patience)));
  try {
    const view = await Promise.race([server.act(request), late]);
    return view && typeof view === "object" ? view : { error: "error.not_saved" };
  } catch {
    return { error: "error.not_saved" };
  } finally {
    clearTimeout(timer);
  }
}

/** Sends an act and shows what comes back; a second act while one is under way is dropped. */
async function ask(act, fields = {}) {
  if (rater.asking) return null;
  const focused = document.activeElement;
  setAsking(true);
  let view = await send(act, fields);
  if (view.renew && fields.token && view.renew.id === shown?.item?.id) {
    shown.item.token = view.renew.token;
    view = await send(act, { ...fields, token: view.renew.token });
  }
  setAsking(false);
  if (!view.screen && element.contains(focused)) focused.focus({ preventScroll: true });
  receive(view, act);
  return view;
}

function setAsking(asking) {
  rater.asking = asking;
  element.querySelector(".ppai-screen")?.setAttribute("aria-busy", String(asking));
  for (const node of element.querySelectorAll("[data-busy]")) {
    node.disabled = asking;
    if (node.matches(".ppai-submit")) node.textContent = asking ? t("pair.sending") : node.dataset.busy;
  }
}

function receive(view, act) {
  if (view.code) adoptCode(view.code);
  if (view.frame) rater.frame = view.frame;
  if (view.screen && !(view.error && view.screen === screenName())) {
    if (["submit", "skip", "vote", "discard"].includes(act)) closeDraft();
    if (!ANSWERED.includes(view.screen)) draft = null;
    closeDialogs();
    show(view, { focus: Boolean(act) });
  }
  if (view.error) showMessage(errorText(view));
  else if (view.notice) announce(t(view.notice));
}

/** What an error says: with how long to wait and how much to write, where it names these. */
function errorText({ error, wait }) {
  return t(error, { wait: waitText(wait ?? 0), min: rater.frame?.min_chars, max: rater.frame?.max_chars });
}

/** Keeps the rater's code in the page and in Gradio's browser state, for her next visit. */
function adoptCode(code) {
  if (rater.code === code) return;
  rater.code = code;
  props.value = { code };
  trigger("identity");
}
