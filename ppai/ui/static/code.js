// The rater's code: shown, copied, typed in again; and the way to finish for good.

function codeBox() {
  const text = h("output", { class: "ppai-code", "data-testid": "code", tabindex: "-1" }, rater.code ?? "");
  const said = h("span", { class: "ppai-muted", role: "status" });
  const copy = async () => {
    said.textContent = "";
    if (await copyText(text)) said.textContent = t("page.copied");
  };
  return h("div", { class: "ppai-code-row" }, text, button(t("code.copy"), "", copy), said);
}

/** True where it was copied; else it is selected, and can be copied by hand. */
async function copyText(node) {
  try {
    await navigator.clipboard.writeText(node.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(node);
    return document.execCommand("copy");
  }
}

function openCode() {
  const finish = async () => {
    const view = await ask("finish");
    if (view && !view.error) closeDialogs();
  };
  openDialog(
    "code",
    t("code.title"),
    [
      h("p", {}, t("code.lead")),
      h("p", {}, t("code.other_device")),
      h("p", { class: "ppai-label" }, t("code.yours")),
      codeBox(),
      h("p", { class: "ppai-muted ppai-apart" }, t("code.finish_lead")),
    ],
    [button(t("code.finish"), "", finish, { "data-busy": t("code.finish"), "data-testid": "finish" })],
  );
}

function resumeForm() {
  const id = freshId("code");
  const input = h("input", {
    id,
    class: "ppai-input ppai-code-input",
    type: "text",
    autocomplete: "off",
    autocapitalize: "characters",
    spellcheck: "false",
    maxlength: "40",
    "aria-describedby": `${id}-hint`,
    required: true,
  });
  const message = messagePlace();
  const submit = async (event) => {
    event.preventDefault();
    showMessage("", message);
    const typed = input.value.trim();
    if (!typed) {
      input.focus();
      return;
    }
    const view = await ask("resume", { typed });
    if (view?.error) {
      showMessage("", screenMessage());
      showMessage(t(view.error), message);
      input.focus();
    }
  };
  return h(
    "form",
    { class: "ppai-resume", novalidate: true, onsubmit: submit },
    h("h2", {}, t("welcome.code_title")),
    h("label", { for: id, class: "ppai-label" }, t("welcome.code_label")),
    h("p", { id: `${id}-hint`, class: "ppai-muted" }, t("welcome.code_hint")),
    h("div", { class: "ppai-code-row" }, input, h("button", { type: "submit", class: "ppai-button" }, t("welcome.code_go"))),
    message,
  );
}
