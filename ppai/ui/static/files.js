// Saves tables and charts as files, made in the browser: none of them is ever stored on the server.

function save(name, blob) {
  const link = h("a", { href: URL.createObjectURL(blob), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

function saveText(file) {
  // With a byte-order mark, so that spreadsheets read UTF-8.
  save(file.name, new Blob(["\ufeff", file.text], { type: "text/csv;charset=utf-8" }));
}

/** Saves what a button of a section asks for; `view` has the figures and files by section, and what they rest on. */
function saveFrom(used, view) {
  const place = used.closest("[data-section]");
  const name = place.dataset.section;
  const file = view.files[name];
  if (used.dataset.save === "csv") {
    saveText(file);
    return Promise.resolve();
  }
  const section = {
    figure: view.figures[name],
    heading: place.querySelector("h2, h3").textContent,
    note: [view.basis, place.querySelector("[data-note]").textContent].filter(Boolean).join(". "),
    words: place.querySelector("[data-figure]").getAttribute("aria-label"),
    tables: Array.from(place.querySelectorAll("table")),
    file: file.name.replace(/\.csv$/, ""),
  };
  return used.dataset.save === "png" ? saveImage(section) : savePage(section);
}

/** A figure with its heading above and what it rests on beneath, on an opaque ground. */
function framed(figure, heading, note, width) {
  const { data, layout } = dressed(figure);
  const ground = getComputedStyle(element.querySelector(".ppai")).getPropertyValue("--ppai-surface").trim();
  const top = 60;
  const lines = wrapped(note, Math.floor((width - 40) / 6.6));
  const bottom = 28 + 18 * lines.length;
  const margin = { ...layout.margin, t: layout.margin.t + top, b: layout.margin.b + bottom, l: layout.margin.l + 20, r: layout.margin.r + 20 };
  return {
    data,
    layout: {
      ...layout,
      width,
      height: layout.height + top + bottom,
      margin,
      paper_bgcolor: ground,
      plot_bgcolor: ground,
      legend: layout.legend && { ...layout.legend, x: 0.02, y: 1 - top / (layout.height + top + bottom) },
      title: { text: plotlyText(heading), x: 0, xref: "container", pad: { l: 20 }, y: 1, yref: "container", yanchor: "top", yanchorpad: 0, automargin: false, font: { size: 20 } , ...{ pad: { l: 20, t: 18 } } },
      annotations: [
        ...layout.annotations,
        { text: lines.map(plotlyText).join("<br>"), xref: "paper", yref: "paper", x: 0, y: 0, xanchor: "left", yanchor: "top", xshift: -layout.margin.l, yshift: -layout.margin.b - 4, showarrow: false, align: "left", font: { size: 12 } },
      ],
    },
  };
}

function plotlyText(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function wrapped(text, letters) {
  const lines = [""];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last && last.length + word.length + 1 > letters) lines.push(word);
    else lines[lines.length - 1] = last ? `${last} ${word}` : word;
  }
  return lines;
}

async function saveImage(section) {
  const library = await chartLibrary();
  const { data, layout } = framed(section.figure, section.heading, section.note, 900);
  const url = await library.toImage({ data, layout }, { format: "png", width: layout.width, height: layout.height, scale: 2 });
  // Not by fetch: a page that may ask the network for nothing may not ask for a data URL either.
  const bytes = Uint8Array.from(atob(url.split(",")[1]), (letter) => letter.charCodeAt(0));
  save(`${section.file}.png`, new Blob([bytes], { type: "image/png" }));
}

/** One file that needs nothing else: plotly.js, the figure, its note and its tables. */
async function savePage(section) {
  const source = await (await fetch(libraryUrl())).text();
  const { data, layout } = dressed(section.figure);
  const styles = getComputedStyle(element.querySelector(".ppai"));
  const colour = (name) => styles.getPropertyValue(name).trim();
  const tables = section.tables.map((table) => table.outerHTML).join("\n");
  const figure = JSON.stringify({ data, layout, config: CHART_CONFIG }).replaceAll("<", "\\u003c");
  const text = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(section.heading)}</title>
<style>
body { max-width: 960px; margin: 0 auto; padding: 24px 16px; font: 16px/1.55 system-ui, sans-serif; color: ${colour("--ppai-text")}; background: ${colour("--ppai-surface")}; }
table { border-collapse: collapse; font-size: 14px; } caption { text-align: left; padding: 8px 0; }
th, td { padding: 6px 12px 6px 0; text-align: left; border-bottom: 1px solid ${colour("--ppai-line")}; }
.is-number { text-align: right; font-variant-numeric: tabular-nums; } .scroll { overflow-x: auto; }
</style>
</head>
<body>
<main>
<h1>${escapeHtml(section.heading)}</h1>
<div id="chart" role="img" aria-label="${escapeHtml(section.words)}"></div>
<p>${escapeHtml(section.note)}</p>
<div class="scroll">${tables}</div>
</main>
<script>${source.replaceAll("</script", "<\\/script")}</script>
<script>
const figure = ${figure};
Plotly.newPlot("chart", figure.data, figure.layout, figure.config);
</script>
</body>
</html>
`;
  save(`${section.file}.html`, new Blob([text], { type: "text/html;charset=utf-8" }));
}

function escapeHtml(text) {
  return String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
