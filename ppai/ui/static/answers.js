// What stands below two responses: the questions, a comment, a report, and the bar that submits.

function questionSection() {
  const { questions } = rater.frame;
  const choose = (key, value) => {
    draft.choices[key] = value;
    keepDraft();
    showMessage("");
    element.querySelector(`[data-criterion="${key}"]`)?.classList.remove("ppai-missing");
    updateCount();
  };
  return h(
    "section",
    { class: "ppai-card ppai-questions", "aria-labelledby": "ppai-questions" },
    h("h2", { id: "ppai-questions", tabindex: "-1" }, t("pair.questions")),
    questions.map((question, index) =>
      criterion(question, { overall: index > 0 && index === questions.length - 1, onchange: choose }),
    ),
  );
}

function commentField() {
  const input = (event) => {
    draft.comment = event.target.value;
    keepDraft();
  };
  const id = freshId("hint");
  return h(
    "details",
    { class: "ppai-card ppai-comment", open: draft.comment !== "" },
    h("summary", {}, t("pair.comment")),
    h(
      "div",
      { class: "ppai-field" },
      textArea(t("pair.comment_label"), draft.comment, { oninput: input, "aria-describedby": id, "data-testid": "comment" }),
      h("p", { id, class: "ppai-muted" }, t("pair.comment_hint")),
    ),
  );
}

function submitBar() {
  return h(
    "div",
    { class: "ppai-bar" },
    messagePlace(),
    h(
      "div",
      { class: "ppai-bar-row" },
      button(t("pair.keys"), "ppai-quiet ppai-wide-only", openKeys, { "data-testid": "keys", "aria-keyshortcuts": "?" }),
      h(
        "div",
        { class: "ppai-jumps", role: "group", "aria-label": t("pair.jump") },
        ["a", "b"].map((side) =>
          button(side.toUpperCase(), "ppai-jump", () => jumpTo(`[data-side="${side}"] h2`), {
            "aria-label": t("pair.to_response", { side: side.toUpperCase() }),
            "data-testid": `jump-${side}`,
          }),
        ),
        button(t("pair.to_questions_short"), "ppai-jump", jumpToQuestions, {
          "aria-label": t("pair.to_questions"),
          "data-testid": "jump-questions",
        }),
      ),
      h("p", { class: "ppai-count", "data-testid": "count" }, countText()),
      h(
        "button",
        { type: "submit", class: "ppai-button ppai-primary ppai-submit", "data-busy": t("pair.submit"), "data-testid": "submit" },
        t("pair.submit"),
      ),
    ),
  );
}

function jumpTo(selector) {
  const target = element.querySelector(selector);
  target?.focus({ preventScroll: true });
  target?.scrollIntoView({ block: "start" });
}

function jumpToQuestions() {
  const open = criteria().find((one) => !isAnswered(one));
  if (!open) return jumpTo("#ppai-questions");
  open.focus({ preventScroll: true });
  return open.scrollIntoView({ block: "center" });
}

function countText() {
  const { questions } = rater.frame;
  const n = questions.filter((question) => draft.choices[question.key]).length;
  return t("pair.answered", { n, of: questions.length });
}

function updateCount() {
  element.querySelector(".ppai-count").textContent = countText();
}

/** Names what is missing and goes there; true where nothing is. */
function isComplete() {
  const { questions } = rater.frame;
  const missing = questions.filter((question) => question.required && !draft.choices[question.key]);
  const none = questions.every((question) => !draft.choices[question.key]);
  const open = missing.length > 0 ? missing : none ? questions : [];
  for (const fieldset of criteria()) {
    fieldset.classList.toggle("ppai-missing", open.some((question) => question.key === fieldset.dataset.criterion));
  }
  if (open.length === 0) return true;
  showMessage(tn("pair.missing", open.length, { list: open.map(questionLabel).join(", ") }));
  goTo(criteria().find((fieldset) => fieldset.dataset.criterion === open[0].key));
  return false;
}

/** Sends the answers as `act`, once all that are required are given. */
async function submitAnswers(event, act) {
  event.preventDefault();
  if (rater.asking || !isComplete()) return;
  showMessage("");
  const { choices, comment } = draft;
  const { token } = shown.item;
  const submission = submissionFor(act);
  const view = await ask(act, { token, submission, outcomes: { ...choices }, comment, seconds: clockSeconds() });
  if (view?.error) offerRetry();
}

/** The button says what it will do: send the same again. */
function offerRetry() {
  const node = element.querySelector(".ppai-submit");
  if (!node) return;
  node.dataset.busy = node.textContent = t("pair.retry");
  node.focus({ preventScroll: true });
}

/** `lead` says what becomes of a report. */
function openReport(lead) {
  openForm("report", {
    title: t("report.title"),
    lead,
    question: t("report.question"),
    options: [
      ["a", t("side.name", { side: "A" })],
      ["b", t("side.name", { side: "B" })],
      ["both", t("report.both")],
    ],
    text: t("report.text"),
    choose: t("report.choose"),
    label: t("report.send"),
    send: (side, text) => ask("report", { token: shown.item.token, side, text }),
  });
}
