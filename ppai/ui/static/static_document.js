// What the scripts of the pages ask of a page, for a report in a file of its own: its root, its data and its texts.

const element = document;
const REPORT = JSON.parse(document.getElementById("report-data").textContent);

function t(key) {
  return REPORT.texts[key] ?? key;
}
