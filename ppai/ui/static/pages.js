// The screens around the pairs: the welcome, the breaks, the thanks.

function welcomeScreen(view) {
  const { frame } = rater;
  const time = { pairs: frame.session_pairs, minutes: frame.minutes };
  return plainPage(
    t("welcome.title"),
    view,
    h("p", { class: "ppai-lead" }, t("welcome.lead")),
    frame.description && h("p", { class: "ppai-about" }, frame.description),
    frame.votes_may_be_lost && h("p", { class: "ppai-warning", "data-testid": "votes-may-be-lost" }, t("welcome.votes_may_be_lost")),
    h(
      "section",
      { class: "ppai-card ppai-facts" },
      h("h2", {}, t("welcome.asked")),
      bullets(t("welcome.asked_read"), tn("welcome.asked_answer", frame.questions.length), t("welcome.asked_time", time)),
      h("h2", {}, t("welcome.stored")),
      bullets(t("welcome.stored_id"), t("welcome.stored_votes"), t("welcome.stored_never")),
      h("p", { class: "ppai-muted" }, t("welcome.consent_note")),
      messagePlace(),
      actButton(t("welcome.consent"), "consent", "ppai-primary ppai-large"),
    ),
    h("div", { class: "ppai-card" }, resumeForm()),
  );
}

/** A sitting is complete, or nothing is left: what the rater can do now, and her code. */
function breakScreen(title, view, lead, ...actions) {
  const { total, today } = view.progress ?? { total: 0, today: 0 };
  return plainPage(
    title,
    view,
    h("p", { class: "ppai-lead" }, lead),
    h("p", { "data-testid": "totals" }, tn("pause.total", total, { today })),
    h(
      "section",
      { class: "ppai-card", "aria-label": t("pair.more") },
      messagePlace(),
      h("div", { class: "ppai-stack" }, actions, undoButton(view)),
    ),
    h("section", { class: "ppai-card ppai-aside" }, h("h2", {}, t("code.yours")), h("p", { class: "ppai-muted" }, t("code.other_device")), codeBox()),
  );
}

function pauseScreen(view) {
  return breakScreen(
    t("pause.title"),
    view,
    `${tn("pause.lead", view.progress.sitting_done)} ${t("pause.next")}`,
    actButton(t("pause.go_on"), "go_on", "ppai-primary"),
    actButton(t("pause.finish"), "finish"),
  );
}

function enoughScreen(view) {
  return breakScreen(
    t("enough.title"),
    view,
    t("enough.lead"),
    actButton(t("pause.finish"), "finish", "ppai-primary"),
    actButton(t("enough.more"), "more", "", rateExtra),
  );
}

function exhaustedScreen(view) {
  return breakScreen(t("exhausted.title"), view, t("exhausted.lead"), actButton(t("pause.finish"), "finish", "ppai-primary"));
}

function thanksScreen(view) {
  const { votes, skipped, preferred, results } = view.thanks;
  const preference = preferred === "=" ? t("thanks.draw") : t("thanks.preferred", { name: preferred });
  return plainPage(
    t("thanks.title"),
    view,
    h(
      "p",
      { class: "ppai-lead", "data-testid": "totals" },
      [tn("thanks.votes", votes), skipped > 0 && tn("thanks.skipped", skipped), t("thanks.locked")].filter(Boolean).join(" "),
    ),
    preferred && h("p", { class: "ppai-about", "data-testid": "preferred" }, preference),
    results &&
      h("p", {}, h("a", { class: "ppai-button ppai-primary", href: props.results_path, "data-testid": "results" }, t("thanks.results"))),
    h("section", { class: "ppai-card ppai-aside" }, h("h2", {}, t("thanks.code")), codeBox(), messagePlace()),
  );
}
