// Fills a page of results from the server's views, and sends what is chosen on it.

const FIRST_VIEW_MS = 20000;
const ANSWER_MS = 30000;
const ROOT = element.querySelector(".ppai-pages");
const PARTS = ROOT.querySelector('[data-slot="parts"]');
let view = null;
let asked = false;
let waiting = null;
let answering;
let typing;

// Texts

/** Puts every text of the interface under a node into the language chosen. */
function translate(node) {
  for (const one of node.querySelectorAll("[data-text]")) {
    one.textContent = t(one.dataset.text, one.dataset.values ? JSON.parse(one.dataset.values) : undefined);
  }
  for (const one of node.querySelectorAll("[data-text-label]")) one.setAttribute("aria-label", t(one.dataset.textLabel));
}

function translatePage() {
  document.documentElement.lang = language;
  translate(element);
  document.title = `${ROOT.querySelector("h1").textContent} · PPAI`;
}

function drawLanguageSwitch() {
  const change = (event) => {
    chooseLanguage(event.target.value);
    translatePage();
  };
  const options = languages.map((code) =>
    h("option", { value: code, lang: code, selected: code === language }, translations[code]["language.name"] ?? code),
  );
  const select = h("select", { class: "ppai-select", onchange: change, "data-text-label": "language.label" }, options);
  ROOT.querySelector('[data-slot="language"]').replaceChildren(select);
}

// Views

function show(next) {
  if (!next?.parts) return;
  view = next;
  const focused = focusPlace();
  const kept = new Map(Array.from(PARTS.children, (part) => [part.dataset.part, part]));
  const parts = next.parts.map(([name, html]) => fillPart(kept.get(name), name, html));
  for (const part of PARTS.children) if (!parts.includes(part)) dropCharts(part);
  // Parts stay where they are in the document, so that a control keeps its focus.
  parts.forEach((part, place) => {
    if (PARTS.children[place] !== part) PARTS.insertBefore(part, PARTS.children[place] ?? null);
  });
  while (PARTS.children.length > parts.length) PARTS.lastElementChild.remove();
  setValues(next.values);
  translatePage();
  PARTS.removeAttribute("aria-busy");
  charts.watch();
  if (asked) {
    refocus(focused);
    const said = h("div", {});
    said.innerHTML = next.announce;
    translate(said);
    if (said.textContent) announce(said.textContent);
  }
  asked = false;
  clearTimeout(answering);
  if (!waiting) return;
  const { act, fields } = waiting;
  waiting = null;
  send(act, fields);
}

function fillPart(part, name, html) {
  const node = part ?? h("div", { class: "ppai-part", "data-part": name });
  if (node.dataset.shown !== undefined && filled.get(node) === html) return node;
  const open = new Set(Array.from(node.querySelectorAll("details[open]"), (one) => one.dataset.keep));
  const known = new Set(Array.from(node.querySelectorAll("details"), (one) => one.dataset.keep));
  dropCharts(node);
  node.innerHTML = html; // made by our server, every text in it escaped or sanitised
  node.dataset.shown = "";
  filled.set(node, html);
  for (const one of node.querySelectorAll("details")) {
    if (known.has(one.dataset.keep)) one.open = open.has(one.dataset.keep);
  }
  return node;
}

const filled = new WeakMap();

function setValues(values) {
  for (const [name, value] of Object.entries(values)) {
    for (const control of PARTS.querySelectorAll(`[name="${CSS.escape(name)}"]`)) {
      if (control !== document.activeElement || control.tagName === "SELECT") control.value = value;
    }
  }
}

function focusPlace() {
  const now = document.activeElement;
  return PARTS.contains(now) ? { name: now.getAttribute("name"), act: now.dataset.act, value: now.value } : null;
}

/** Back to the control that was used, where its part was filled anew. */
function refocus(place) {
  if (!place || PARTS.contains(document.activeElement)) return;
  const again =
    (place.name && PARTS.querySelector(`[name="${CSS.escape(place.name)}"]`)) ||
    (place.act && PARTS.querySelector(`[data-act="${CSS.escape(place.act)}"]:not(:disabled)`)) ||
    ROOT.querySelector("h1");
  again.focus({ preventScroll: true });
}

const charts = chartsWithin(PARTS, (name) => view?.figures[name]);

// Acts

/** One thing at a time; of what is chosen meanwhile the last is asked for when the answer is here. */
function send(act, fields) {
  if (asked) {
    waiting = { act, fields };
    return;
  }
  asked = true;
  answering = setTimeout(unanswered, ANSWER_MS);
  PARTS.setAttribute("aria-busy", "true");
  trigger("act", { act, ...fields });
}

function unanswered() {
  asked = false;
  waiting = null;
  PARTS.removeAttribute("aria-busy");
  announce(t("error.unavailable"));
}

function fieldsOf(form) {
  return Object.fromEntries(new FormData(form));
}

/** The form of a control that answers at once, also where the control stands outside of it. */
function liveForm(control) {
  return control.form?.matches("[data-live]") ? control.form : null;
}

PARTS.addEventListener("submit", (event) => {
  event.preventDefault();
  send(event.target.dataset.form, fieldsOf(event.target));
});

PARTS.addEventListener("change", (event) => {
  const form = liveForm(event.target);
  if (form && event.target.tagName === "SELECT") send(form.dataset.form, { ...fieldsOf(form), by: event.target.name });
});

PARTS.addEventListener("input", (event) => {
  const form = liveForm(event.target);
  if (!form || event.target.type !== "search") return;
  clearTimeout(typing);
  typing = setTimeout(() => send(form.dataset.form, { ...fieldsOf(form), by: event.target.name }), 250);
});

PARTS.addEventListener("click", (event) => {
  const used = event.target.closest("button");
  if (used?.dataset.act) {
    const form = PARTS.querySelector("form[data-live]");
    send(used.dataset.act, form ? fieldsOf(form) : {});
  } else if (used?.dataset.save) {
    saveFrom(used, view).catch((error) => {
      announce(t("results.no_file"));
      console.error(error);
    });
  }
});

// Start

drawLanguageSwitch();
translatePage();
new MutationObserver(() => view && charts.watch()).observe(document.body, { attributes: true, attributeFilter: ["class"] });
watch("value", () => show(props.value));
show(props.value);
setTimeout(() => {
  if (!view) PARTS.replaceChildren(h("p", { class: "ppai-message" }, t("error.unavailable")));
}, FIRST_VIEW_MS);
