// A report in a file of its own: draws its charts, follows the system's theme, and saves its sections.

const charts = chartsWithin(document, (name) => REPORT.figures[name]);
const scheme = window.matchMedia("(prefers-color-scheme: dark)");

document.addEventListener("click", (event) => {
  const used = event.target.closest("[data-save]");
  if (!used) return;
  const arm = used.closest("[data-arm]").dataset.arm;
  saveFrom(used, { ...REPORT, basis: REPORT.basis[arm] }).catch((error) => {
    announce(t("results.no_file"));
    console.error(error);
  });
});

// A folded part is found on paper too, and a link into one opens it.
window.addEventListener("beforeprint", () => {
  for (const one of document.querySelectorAll("details:not([open])")) {
    one.open = true;
    one.dataset.folded = "";
  }
});
window.addEventListener("afterprint", () => {
  for (const one of document.querySelectorAll("details[data-folded]")) {
    one.open = false;
    delete one.dataset.folded;
  }
});
scheme.addEventListener("change", () => charts.watch());
charts.watch();
