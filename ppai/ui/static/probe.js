// After the last pair: a guess, for a few of the rater's pairs, which response comes from the system under test.

function probeScreen(view) {
  const { item, probe } = view;
  const fieldset = h(
    "fieldset",
    { class: "ppai-criterion ppai-probe", tabindex: "-1", "data-testid": "probe" },
    h("legend", {}, h("span", {}, probe.question ?? t("probe.question"))),
    segments("guess", null, [["a", sideName("a")], ["unsure", t("probe.unsure")], ["b", sideName("b")]], () => showMessage("")),
  );
  const submit = (event) => {
    event.preventDefault();
    const guess = fieldset.querySelector("input:checked")?.value;
    if (guess) return ask("probe", { token: item.token, guess });
    showMessage(t("probe.choose"));
    return goTo(fieldset);
  };
  return [
    screenHeader(screenHeading(t("probe.title", { number: probe.number, of: probe.of })), view),
    h(
      "form",
      { class: "ppai-column", novalidate: true, onsubmit: submit },
      h("p", { class: "ppai-lead" }, t("probe.why")),
      postCard(item),
      responseCards(item),
      h("section", { class: "ppai-card ppai-questions", "aria-label": t("probe.question") }, fieldset),
      h(
        "div",
        { class: "ppai-bar" },
        messagePlace(),
        h(
          "div",
          { class: "ppai-bar-row" },
          h(
            "button",
            { type: "submit", class: "ppai-button ppai-primary ppai-submit", "data-busy": t("probe.send"), "data-testid": "submit" },
            t("probe.send"),
          ),
        ),
      ),
    ),
  ];
}
