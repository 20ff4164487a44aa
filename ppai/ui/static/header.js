// The top of every screen: its heading, how far the rater is, and what is one click away.

function screenHeading(title) {
  return h("h1", { class: "ppai-title", tabindex: "-1", "data-testid": "heading" }, title);
}

/** `heading` is the screen's own, or the name of the app where that stands below. */
function screenHeader(heading, view) {
  const { progress } = view;
  return h(
    "header",
    { class: "ppai-top" },
    h(
      "div",
      { class: "ppai-top-row" },
      h("div", { class: "ppai-where" }, heading, progress && todayText(progress)),
      h(
        "div",
        { class: "ppai-tools" },
        otherPages(),
        button(t("header.guidelines"), "ppai-quiet", openGuidelines, { "data-testid": "guidelines" }),
        view.screen === "pair" && button(t("header.code"), "ppai-quiet", openCode, { "data-testid": "your-code" }),
        languageSwitch(),
      ),
    ),
    progress && progressLine(progress),
  );
}

/** Links between rating and live questions, where the server has both. */
function otherPages() {
  const link = (path, text, name) =>
    path && h("a", { class: "ppai-button ppai-quiet", href: path, "data-testid": name }, text);
  return [link(props.live_path, t("live.link"), "to-live"), link(props.rate_path, t("page.title"), "to-rating")];
}

function todayText(progress) {
  return h("p", { class: "ppai-muted", "data-testid": "today" }, tn("header.today", progress.today));
}

/** The heading says the same in words. */
function progressLine(progress) {
  const done = Math.min(1, progress.sitting_done / Math.max(1, progress.sitting_size));
  const label = t("pair.progress", { done: progress.sitting_done, of: progress.sitting_size });
  const fill = h("div", { class: "ppai-progress-fill" });
  fill.style.inlineSize = `${Math.round(done * 100)}%`;
  return h(
    "div",
    {
      class: "ppai-progress",
      role: "progressbar",
      "aria-label": label,
      "aria-valuemin": "0",
      "aria-valuemax": String(progress.sitting_size),
      "aria-valuenow": String(Math.min(progress.sitting_done, progress.sitting_size)),
      "data-testid": "progress",
    },
    fill,
  );
}

function languageSwitch() {
  const change = (event) => {
    chooseLanguage(event.target.value);
    rerender();
    element.querySelector(".ppai-language select")?.focus();
  };
  const select = h(
    "select",
    { class: "ppai-select", onchange: change, "aria-label": t("language.label"), "data-testid": "language" },
    languages.map((code) =>
      h("option", { value: code, lang: code, selected: code === language }, translations[code]["language.name"] ?? code),
    ),
  );
  return h("div", { class: "ppai-language" }, select);
}
