// The questions: each a native group of three radios, with its question as legend.

function criterion(question, { overall, onchange }) {
  const legend = h("legend", {}, h("span", {}, questionText(question)));
  if (!question.required) legend.append(" ", h("span", { class: "ppai-optional" }, `(${t("pair.optional")})`));
  const options = [
    ["a", sideName("a")],
    ["tie", t("side.tie")],
    ["b", sideName("b")],
  ];
  return h(
    "fieldset",
    {
      class: `ppai-criterion${overall ? " ppai-overall" : ""}`,
      tabindex: "-1",
      "data-criterion": question.key,
      "data-testid": "criterion",
    },
    legend,
    segments(question.key, draft.choices[question.key], options, onchange),
  );
}

/** Three radios that look like one control; the native input covers its part, so that it takes every touch. */
function segments(name, chosen, options, onchange) {
  return h(
    "div",
    { class: "ppai-segments" },
    options.map(([value, label]) =>
      h(
        "label",
        { class: "ppai-segment" },
        h("input", { type: "radio", name, value, checked: chosen === value, onchange: () => onchange(name, value) }),
        h("span", { class: "ppai-face" }, label),
      ),
    ),
  );
}

function criteria() {
  return Array.from(element.querySelectorAll(".ppai-criterion"));
}

function isAnswered(fieldset) {
  return fieldset.querySelector("input:checked") !== null;
}

/** Moves to a question without choosing anything; its radios are the next stops of the Tab key. */
function goTo(fieldset) {
  fieldset.focus({ preventScroll: true });
  fieldset.scrollIntoView({ block: "nearest" });
}

/** By key: answers the question in focus, or the first without an answer, and goes to the next. Where all are answered
 * and none is in focus, it goes to the first and changes nothing, since nobody would see what changed. */
function answerByKey(value) {
  const all = criteria();
  const here = document.activeElement?.closest?.(".ppai-criterion");
  const fieldset = here ?? all.find((one) => !isAnswered(one));
  if (!fieldset) return goTo(all[0]);
  const input = Array.from(fieldset?.querySelectorAll("input") ?? []).find((one) => one.value === value);
  if (!input) return null;
  if (!input.checked) {
    input.checked = true;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }
  const next = all[all.indexOf(fieldset) + 1] ?? all.find((one) => !isAnswered(one));
  return next ? goTo(next) : element.querySelector(".ppai-submit")?.focus({ preventScroll: true });
}
