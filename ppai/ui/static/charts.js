// Draws the server's figures with plotly.js, in the colours of the theme that is on.

const CHART_CONFIG = { displayModeBar: false, displaylogo: false, responsive: true, scrollZoom: false, doubleClick: false };
let loadingLibrary = null;

/** plotly.js from our own server, once, when the first chart needs it. */
function chartLibrary() {
  loadingLibrary ??= new Promise((resolve, reject) => {
    if (window.Plotly) return resolve(window.Plotly);
    const tag = h("script", { src: libraryUrl(), async: true });
    tag.addEventListener("load", () => resolve(window.Plotly));
    tag.addEventListener("error", () => {
      loadingLibrary = null;
      tag.remove();
      reject(new Error("plotly.js could not be loaded"));
    });
    document.head.append(tag);
  });
  return loadingLibrary;
}

function libraryUrl() {
  const root = window.gradio_config?.root ?? "";
  return `${root.replace(/\/$/, "")}/${props.library}`;
}

/** A copy of a figure in which every custom property's name is its value. */
function withColours(value, styles) {
  if (typeof value === "string") return value.startsWith("--ppai-") ? styles.getPropertyValue(value).trim() : value;
  if (Array.isArray(value)) return value.map((one) => withColours(one, styles));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withColours(one, styles)]));
  }
  return value;
}

/** A figure as drawn here: our type, our colours. */
function dressed(figure) {
  const root = element.querySelector(".ppai");
  const { data, layout } = withColours(figure, getComputedStyle(root));
  const font = { ...layout.font, family: getComputedStyle(root).fontFamily };
  return { data, layout: { ...layout, font } };
}

async function drawChart(place, figure) {
  try {
    const library = await chartLibrary();
    if (!place.isConnected) return;
    const { data, layout } = dressed(figure);
    await library.react(place, data, layout, CHART_CONFIG);
    // Plotly's surface is a picture to assistive technology: its parts say nothing by themselves.
    place.querySelectorAll("svg").forEach((svg) => svg.setAttribute("aria-hidden", "true"));
    place.dataset.drawn = "true";
  } catch (error) {
    place.textContent = t("results.no_library");
    console.error(error);
  }
}

/** Draws each chart of a node when it is about to be seen, or printed; its place keeps its height before. */
function chartsWithin(node, figureOf) {
  const places = () => node.querySelectorAll("[data-figure]");
  const draw = (place) => {
    nearby.unobserve(place);
    const figure = figureOf(place.dataset.figure);
    if (figure) drawChart(place, figure);
  };
  const nearby = new IntersectionObserver(
    (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => draw(entry.target)),
    { rootMargin: "600px" },
  );
  const watch = () => {
    for (const place of places()) {
      nearby.unobserve(place);
      nearby.observe(place);
    }
  };
  window.addEventListener("beforeprint", () => places().forEach(draw));
  return { watch };
}

function dropCharts(part) {
  part.querySelectorAll("[data-figure]").forEach((place) => window.Plotly?.purge(place));
}
