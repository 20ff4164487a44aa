// The screens of a question that was sent: its place in the queue, both answers as they are written, the vote, the thanks.

function queuedScreen(view) {
  follow(view.token);
  return plainPage(
    t("live.queued_title"),
    view,
    h("p", { class: "ppai-lead", role: "status", "data-testid": "place" }, placeText(view)),
    h("p", {}, t("live.queued_stay")),
    h("section", { class: "ppai-card ppai-aside" }, h("h2", {}, t("live.yours")), h("p", { class: "ppai-asked" }, kept.question)),
    messagePlace(),
    h("div", { class: "ppai-stack" }, againButton(), stopButton(t("live.leave"))),
  );
}

function placeText({ place, ahead, loading }) {
  const queue = `${t("live.place", { place })} ${ahead > 0 ? tn("live.ahead", ahead) : t("live.next")}`;
  return loading ? `${t("live.loading")} ${queue}` : queue;
}

function answeringScreen(view) {
  follow(view.token);
  if (view.item.question) keep({ question: view.item.question });
  const foot = h(
    "div",
    { class: "ppai-bar" },
    messagePlace(),
    h(
      "div",
      { class: "ppai-bar-row" },
      h("p", { class: "ppai-count ppai-writing-note" }, waitingText()),
      againButton(),
      stopButton(t("live.stop")),
    ),
  );
  const parts = [screenHeader(screenHeading(t("live.answering_title")), view), answerForm(view, foot)];
  fillResponses(parts[1], view.item, true);
  return parts;
}

function waitingText() {
  const limit = rater.frame.seconds_limit;
  return limit ? t("live.writing_limit", { wait: waitText(limit) }) : t("live.writing");
}

function voteScreen(view) {
  keep({ token: view.token });
  const restored = openDraft(view.item);
  if (restored && view.first) announce(t("notice.restored"));
  const parts = [screenHeader(screenHeading(t("live.vote_title")), view), answerForm(view, voteParts())];
  fillResponses(parts[1], view.item, false);
  return parts;
}

function answerForm(view, ...foot) {
  return h(
    "form",
    { class: "ppai-column ppai-live", novalidate: true, onsubmit: (event) => submitAnswers(event, "vote") },
    postCard(view.item, t("live.yours")),
    responseCards({ a: " ", b: " " }),
    h("div", { class: "ppai-live-foot" }, ...foot),
  );
}

function voteParts() {
  return [
    questionSection(),
    commentField(),
    h(
      "div",
      { class: "ppai-actions", role: "group", "aria-label": t("pair.more") },
      button(t("live.discard"), "ppai-quiet", discard, { "data-testid": "discard" }),
      button(t("pair.report"), "ppai-quiet", () => openReport(t("live.report_lead")), { "data-testid": "report" }),
    ),
    submitBar(),
  ];
}

function fillResponses(form, item, writing) {
  form.querySelector(".ppai-responses").setAttribute("aria-busy", String(writing));
  for (const side of ["a", "b"]) {
    fillResponse(form.querySelector(`[data-testid="response-${side}-text"]`), item[side], writing && !item[`${side}_ended`]);
  }
}

function fillResponse(node, html, writing) {
  node.classList.toggle("ppai-writing", writing);
  if (node.dataset.said === html && html) return;
  node.dataset.said = html;
  if (html || writing) fillSanitised(node, html);
  else node.replaceChildren(h("p", { class: "ppai-muted" }, t("pair.empty")));
  node.dispatchEvent(new Event("scroll"));
}

/** Both answers are there: the questions come below them, and nothing that is being read moves. */
function completeAnswers(view) {
  const form = element.querySelector(".ppai-live");
  const foot = form.querySelector(".ppai-live-foot");
  const wasInFoot = foot.contains(document.activeElement);
  shown = { ...view, first: false };
  openDraft(view.item);
  fillResponses(form, view.item, false);
  foot.replaceChildren(...voteParts().flat());
  stage.dataset.testid = "screen-vote";
  stage.dataset.screen = "vote";
  stage.querySelector("h1").textContent = t("live.vote_title");
  document.title = `${t("live.vote_title")} · PPAI`;
  if (wasInFoot) element.querySelector("#ppai-questions").focus({ preventScroll: true });
  announce(t("live.complete"));
}

function stopButton(label) {
  const stop = async () => {
    showMessage("");
    const view = await ask("stop", { token: shown.token });
    if (view && !view.error) keep({ token: null, submission: null });
  };
  return button(label, "", stop, { "data-busy": label, "data-testid": "stop" });
}

async function discard() {
  showMessage("");
  const view = await ask("discard", { token: shown.token });
  if (view && !view.error) showAsk("");
}

function thanksScreen(view) {
  const { revealed, count } = view;
  keep({ question: "", token: null, submission: null });
  const names = ["a", "b"].map((side) => [
    h("dt", {}, t("side.name", { side: side.toUpperCase() })),
    h("dd", {}, revealed?.[side]),
  ]);
  return plainPage(
    t("thanks.title"),
    view,
    h("p", { class: "ppai-lead" }, t("live.thanks_lead"), " ", tn("live.thanks_count", count)),
    revealed &&
      h(
        "section",
        { class: "ppai-card ppai-aside", "data-testid": "revealed" },
        h("h2", {}, t("live.revealed")),
        h("dl", { class: "ppai-revealed" }, names.flat()),
      ),
    messagePlace(),
    h(
      "div",
      { class: "ppai-stack" },
      button(t("live.ask_another"), "ppai-primary ppai-large", () => showAsk(""), { "data-testid": "ask-another" }),
    ),
  );
}

function failedScreen(view) {
  if (view.question) keep({ question: view.question });
  keep({ token: view.token });
  const again = () => {
    showMessage("");
    ask("retry", { token: shown.token });
  };
  return plainPage(
    t("live.failed_title"),
    view,
    h("p", { class: "ppai-lead" }, t(view.reason)),
    h("p", {}, t("live.failed_stored")),
    h("section", { class: "ppai-card ppai-aside" }, h("h2", {}, t("live.yours")), h("p", { class: "ppai-asked" }, kept.question)),
    messagePlace(),
    h(
      "div",
      { class: "ppai-stack" },
      button(t("pair.retry"), "ppai-primary", again, { "data-busy": t("pair.retry"), "data-testid": "retry" }),
      button(t("live.change_question"), "", () => showAsk(), { "data-testid": "change" }),
    ),
  );
}
