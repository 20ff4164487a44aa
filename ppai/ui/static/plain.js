// A screen of plain text: its frame, its lists, and buttons that send an act.

function plainPage(title, view, ...children) {
  const brand = h("p", { class: "ppai-brand" }, "PPAI");
  return [screenHeader(brand, view), h("div", { class: "ppai-column ppai-narrow" }, screenHeading(title), children)];
}

function actButton(label, act, kind = "", before = () => {}) {
  const onclick = () => {
    before();
    showMessage("");
    ask(act);
  };
  return button(label, kind, onclick, { "data-busy": label, "data-testid": act.replace("_", "-") });
}

function bullets(...keys) {
  return h("ul", { class: "ppai-bullets" }, keys.map((text) => h("li", {}, text)));
}
