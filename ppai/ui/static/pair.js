// The pair screen: a post with two responses, and what a rater does with it.

function pairScreen(view) {
  const { item, progress } = view;
  const restored = openDraft(item);
  const number = progress.sitting_done + 1;
  const form = h(
    "form",
    { class: "ppai-column", novalidate: true, onsubmit: (event) => submitAnswers(event, "submit") },
    postCard(item),
    responseCards(item),
    questionSection(),
    commentField(),
    actionRow(view),
    submitBar(),
  );
  if (restored && view.first) announce(t("notice.restored"));
  const title = t("pair.title", { number, of: Math.max(number, progress.sitting_size) });
  return [screenHeader(screenHeading(title), view), form];
}

function actionRow(view) {
  return h(
    "div",
    { class: "ppai-actions", role: "group", "aria-label": t("pair.more") },
    undoButton(view),
    button(t("pair.skip"), "ppai-quiet", openSkip, { "data-testid": "skip" }),
    button(t("pair.report"), "ppai-quiet", () => openReport(t("report.lead")), { "data-testid": "report" }),
  );
}

function undoButton(view) {
  return (
    view.progress?.can_undo &&
    button(t("pair.undo"), "ppai-quiet", undoLast, { "data-testid": "undo", "aria-keyshortcuts": "u" })
  );
}

async function undoLast() {
  rater.undo ??= randomId();
  const view = await ask("undo", { submission: rater.undo });
  if (view && view.error !== "error.not_saved") rater.undo = null;
}

function openSkip() {
  openForm("skip", {
    title: t("skip.title"),
    lead: t("skip.lead"),
    question: t("skip.question"),
    options: rater.frame.skip_reasons.map((reason) => [reason, t(`skip.${reason}`)]),
    text: t("skip.comment"),
    choose: t("skip.choose"),
    label: t("skip.send"),
    send: (reason, comment) =>
      ask("skip", { token: shown.item.token, submission: submissionFor("skip"), reason, comment }),
  });
}
