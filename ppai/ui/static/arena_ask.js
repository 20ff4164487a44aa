// The screens before an answer: consent, the question, and what may be wrong with it.

function welcomeScreen(view) {
  return plainPage(
    t("live.title"),
    view,
    h("p", { class: "ppai-lead" }, t("live.lead")),
    rater.frame.votes_may_be_lost && h("p", { class: "ppai-warning" }, t("welcome.votes_may_be_lost")),
    h(
      "section",
      { class: "ppai-card ppai-facts" },
      h("h2", {}, t("live.asked")),
      bullets(t("live.asked_write"), t("live.asked_read"), tn("live.asked_vote", rater.frame.questions.length)),
      h("h2", {}, t("welcome.stored")),
      bullets(t("live.stored_what"), t("live.stored_when"), t("live.stored_never"), t("live.stored_use")),
      h("h2", {}, t("live.mind")),
      bullets(t("live.mind_models"), t("live.mind_urgent")),
      h("p", { class: "ppai-muted" }, t("live.consent_note")),
      messagePlace(),
      actButton(t("live.consent"), "consent", "ppai-primary ppai-large"),
    ),
  );
}

function askScreen(view) {
  const send = (event) => {
    event.preventDefault();
    askQuestion(false);
  };
  return plainPage(
    t("live.title"),
    view,
    h("p", { class: "ppai-lead" }, t("live.ask_lead")),
    h("form", { class: "ppai-card ppai-ask", novalidate: true, onsubmit: send }, questionField(), messagePlace(), sendButton(t("live.send"))),
    h("p", { class: "ppai-muted" }, t("live.ask_note")),
  );
}

/** Personal data may be in the question: it can be changed, or sent as it is. */
function warnedScreen(view) {
  const found = new Intl.ListFormat(language).format(view.found.map((kind) => t(`live.found_${kind}`)));
  const send = (event) => {
    event.preventDefault();
    askQuestion(false);
  };
  return plainPage(
    t("live.warned_title"),
    view,
    h(
      "div",
      { class: "ppai-warning ppai-stack-of-lines", "data-testid": "found" },
      h("p", {}, h("strong", {}, t("live.warned_found", { list: found }))),
      h("p", {}, t("live.warned_why")),
    ),
    h(
      "form",
      { class: "ppai-card ppai-ask", novalidate: true, onsubmit: send },
      questionField(),
      messagePlace(),
      h(
        "div",
        { class: "ppai-stack" },
        sendButton(t("live.send_changed")),
        button(t("live.send_anyway"), "", () => askQuestion(true), { "data-busy": t("live.send_anyway"), "data-testid": "send-anyway" }),
      ),
    ),
  );
}

/** Somebody may be in danger: who can help, and no answer of a model. */
function crisisScreen(view) {
  return plainPage(
    t("live.crisis_title"),
    view,
    h("p", { class: "ppai-lead" }, t("live.crisis_lead")),
    h(
      "section",
      { class: "ppai-card ppai-aside" },
      h("h2", {}, t("live.crisis_lines")),
      h("ul", { class: "ppai-lines", "data-testid": "lines" }, view.lines.map(helpLine)),
    ),
    h("p", {}, t("live.crisis_stored")),
    messagePlace(),
    h(
      "div",
      { class: "ppai-stack" },
      button(t("live.change_question"), "", () => showAsk(), { "data-testid": "change" }),
      button(t("live.ask_other"), "", () => showAsk(""), { "data-testid": "ask-other" }),
    ),
  );
}

function helpLine({ name, number, where, url }) {
  const call = (number ?? "").split(" · ").map((one) =>
    /^[\d\s+()-]+$/.test(one) ? h("a", { href: `tel:${one.replace(/[^\d+]/g, "")}` }, one) : h("span", {}, lineText(one)),
  );
  const site = url && /^https:/.test(url) && h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, new URL(url).hostname);
  return h(
    "li",
    {},
    h("p", { class: "ppai-line-name" }, h("strong", {}, lineText(name)), where && h("span", { class: "ppai-muted" }, lineText(where))),
    h("p", { class: "ppai-line-reach" }, call, site),
  );
}

/** A line may be named by a key of the texts or by its own name. */
function lineText(text) {
  return hasText(text) ? t(text) : text;
}

function questionField() {
  const { min_chars, max_chars } = rater.frame;
  const id = freshId("question");
  const count = h("p", { id: `${id}-count`, class: "ppai-muted ppai-tally", "data-testid": "count" });
  const update = () => {
    const n = lengthOf(kept.question);
    count.textContent = t("live.count_chars", { n, of: max_chars });
    count.classList.toggle("ppai-over", n > max_chars);
  };
  const input = (event) => {
    keep({ question: event.target.value, submission: null });
    showMessage("");
    update();
  };
  const area = h(
    "textarea",
    { id, class: "ppai-input", rows: "6", "aria-describedby": `${id}-hint ${id}-count`, oninput: input, "data-testid": "question" },
    kept.question,
  );
  update();
  return h(
    "div",
    { class: "ppai-field" },
    h("label", { for: id, class: "ppai-label" }, t("live.question")),
    h("p", { id: `${id}-hint`, class: "ppai-muted" }, t("live.question_hint", { min: min_chars })),
    area,
    count,
  );
}

/** Characters as the server counts them. */
function lengthOf(text) {
  return Array.from(text.trim()).length;
}

function sendButton(label) {
  return h("button", { type: "submit", class: "ppai-button ppai-primary ppai-large", "data-busy": label, "data-testid": "send" }, label);
}

/** A text of any length is sent: words of danger are met with help before its length is. */
async function askQuestion(confirmed) {
  if (rater.asking) return;
  showMessage("");
  const question = kept.question.trim();
  const view = await ask("ask", { question, confirmed_personal: confirmed, submission: questionSubmission() });
  if (view?.error?.startsWith("error.live_too_")) element.querySelector("textarea")?.focus();
  if (view?.error === LOST) showMessage(t("error.live_not_sent"));
  else if (view?.screen !== "ask" && view?.screen !== "warned") keep({ submission: null });
}

/** The screen for the next question; `question` stands in it already. */
function showAsk(question = kept.question) {
  if (rater.asking) return;
  keep({ question, token: null, submission: null });
  receive({ screen: "ask" }, "open");
}
