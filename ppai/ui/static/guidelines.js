// The guidelines with a worked example, and the list of keys.

const EXAMPLE_OUTCOMES = { helpfulness: "a", empathy_tone: "a", clarity: "tie", overall: "a" };

function outcomeText(outcome) {
  return outcome === "tie" ? t("side.tie") : t("side.name", { side: outcome.toUpperCase() });
}

function openGuidelines() {
  const how = ["text", "length", "each", "tie", "time", "skip"].map((name) => h("li", {}, t(`guidelines.how_${name}`)));
  const defaults = (rater.frame?.questions ?? []).filter(({ question }) => !question);
  const meanings = defaults.flatMap(({ key }) => [
    h("dt", {}, t(`criterion.${key}.label`)),
    h("dd", {}, t(`criterion.${key}.help`)),
  ]);
  openDialog("guidelines", t("guidelines.title"), [
    h("h3", {}, t("guidelines.how")),
    h("ul", { class: "ppai-bullets" }, how),
    meanings.length > 0 && [h("h3", {}, t("guidelines.questions")), h("dl", { class: "ppai-terms" }, meanings)],
    h("h3", {}, t("guidelines.example")),
    workedExample(),
  ].flat());
}

function workedExample() {
  const response = (side) =>
    h(
      "div",
      { class: "ppai-sample" },
      h("p", { class: "ppai-eyebrow" }, t("side.name", { side: side.toUpperCase() })),
      h("p", {}, t(`guidelines.example_${side}`)),
    );
  const answers = Object.entries(EXAMPLE_OUTCOMES).flatMap(([key, outcome]) => [
    h("dt", {}, t(`criterion.${key}.label`), ": ", h("strong", {}, outcomeText(outcome))),
    h("dd", {}, t(`guidelines.example_${key}`)),
  ]);
  return [
    h(
      "div",
      { class: "ppai-sample" },
      h("p", { class: "ppai-eyebrow" }, t("pair.post")),
      h("p", {}, h("strong", {}, t("guidelines.example_title"))),
      h("p", {}, t("guidelines.example_body")),
    ),
    h("div", { class: "ppai-samples" }, response("a"), response("b")),
    h("h4", {}, t("guidelines.example_answers")),
    h("dl", { class: "ppai-terms" }, answers),
    h("p", { class: "ppai-muted" }, t("guidelines.example_note")),
  ];
}

function openKeys() {
  const rows = [
    ["1", "keys.a"],
    ["0", "keys.tie"],
    ["2", "keys.b"],
    [t("keys.enter_key"), "keys.enter"],
    ...(screenName() === "vote" ? [] : [["U", "keys.undo"]]),
    ["?", "keys.help"],
  ];
  openDialog("keys", t("keys.title"), [
    h("p", {}, t("keys.lead")),
    h("dl", { class: "ppai-keys" }, rows.flatMap(([key, text]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, t(text))])),
  ]);
}
