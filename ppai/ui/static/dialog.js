// Native modal dialogs: one at a time, closed by their buttons, by Escape, or by a click beside them.

function openDialog(name, title, body, actions = []) {
  closeDialogs();
  const heading = freshId("dialog");
  const close = button("", "ppai-close", () => dialog.close(), { "aria-label": t("page.close") });
  const dialog = h(
    "dialog",
    { class: "ppai-dialog", "aria-labelledby": heading, "data-testid": `dialog-${name}` },
    h("div", { class: "ppai-dialog-head" }, h("h2", { id: heading, tabindex: "-1", autofocus: true }, title), close),
    h("div", { class: "ppai-dialog-body" }, body),
    actions.length > 0 && h("div", { class: "ppai-dialog-foot" }, messagePlace({ role: "alert" }), actions),
  );
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  page.append(dialog);
  dialog.showModal();
  return dialog;
}

function closeDialogs() {
  for (const dialog of element.querySelectorAll("dialog[open]")) dialog.close();
}

/** A question with full-width choices, one a line. */
function choiceList(question, name, options) {
  return h(
    "fieldset",
    { class: "ppai-list" },
    h("legend", {}, question),
    options.map(([value, text]) =>
      h("label", { class: "ppai-option" }, h("input", { type: "radio", name, value }), h("span", {}, text)),
    ),
  );
}

function textArea(label, value, attributes) {
  const id = freshId("text");
  return [
    h("label", { for: id, class: "ppai-label" }, label),
    h("textarea", { id, class: "ppai-input", rows: "3", maxlength: "2000", ...attributes }, value),
  ];
}

/** A dialog that sends one choice and a text; its choice is asked for where it is missing. */
function openForm(name, { title, lead, question, options, text, send, choose, label }) {
  const area = textArea(text, "");
  const list = choiceList(question, name, options);
  const submit = async () => {
    const chosen = list.querySelector("input:checked");
    if (!chosen) {
      showMessage(choose);
      list.querySelector("input").focus();
      return;
    }
    showMessage("");
    const view = await send(chosen.value, area[1].value);
    if (view && !view.error) dialog.close();
  };
  const dialog = openDialog(
    name,
    title,
    [h("p", {}, lead), list, h("div", { class: "ppai-field" }, area)],
    [
      button(t("page.cancel"), "", () => dialog.close()),
      button(label, "ppai-primary", submit, { "data-busy": label, "data-testid": `${name}-send` }),
    ],
  );
}
