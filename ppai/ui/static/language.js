// The texts of the interface, in the language that the rater chose or else her browser's.

const LANGUAGE_KEY = "ppai.language";
const translations = window.gradio_config?.i18n_translations ?? {};
const languages = Object.keys(translations);
let language = firstLanguage();

function firstLanguage() {
  try {
    const chosen = localStorage.getItem(LANGUAGE_KEY);
    if (languages.includes(chosen)) return chosen;
  } catch {
    // No storage: the browser's languages decide.
  }
  const wanted = (navigator.languages ?? [navigator.language]).map((tag) => String(tag).slice(0, 2).toLowerCase());
  return wanted.find((tag) => languages.includes(tag)) ?? languages[0] ?? "en";
}

function chooseLanguage(chosen) {
  if (!languages.includes(chosen)) return;
  language = chosen;
  try {
    localStorage.setItem(LANGUAGE_KEY, chosen);
  } catch {
    // Kept for this page alone.
  }
}

function hasText(key) {
  return Object.hasOwn(translations[language] ?? {}, key) || Object.hasOwn(translations[languages[0]] ?? {}, key);
}

/** The text of a key with its {placeholders} filled in. */
function t(key, values) {
  const text = translations[language]?.[key] ?? translations[languages[0]]?.[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (values && name in values ? String(values[name]) : whole));
}

/** The text for a number of things, in the form that the language has for it. */
function tn(key, n, values) {
  const form = new Intl.PluralRules(language).select(n) === "one" ? "one" : "other";
  return t(`${key}.${form}`, { n, ...values });
}

/** A time to wait in words: seconds up to a minute and a half, then minutes. */
function waitText(seconds) {
  const [n, unit] = seconds > 90 ? [Math.ceil(seconds / 60), "minute"] : [Math.max(1, Math.ceil(seconds)), "second"];
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(n);
}

function questionText(question) {
  return question.question ?? t(`criterion.${question.key}.question`);
}

/** A short name of a criterion; of one that the study words itself, its question. */
function questionLabel(question) {
  return question.question ?? t(`criterion.${question.key}.label`);
}

/** "Response A" with the letter apart, so that a narrow screen can show the letter alone. */
function sideName(side) {
  const [before, after] = t("side.name").split("{side}");
  const word = (text) => text && h("span", { class: "ppai-word" }, text);
  return [word(before), h("b", { class: "ppai-letter" }, side.toUpperCase()), word(after)];
}
