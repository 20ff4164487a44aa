// What the tab keeps of a question, until it is voted on or given up: its text, and the token of its answers.

const KEPT_KEY = "ppai.live";
const kept = readKept();

function readKept() {
  const empty = { question: "", token: null, submission: null };
  try {
    const found = JSON.parse(sessionStorage.getItem(KEPT_KEY) ?? "null");
    return found && typeof found.question === "string" ? { ...empty, ...found } : empty;
  } catch {
    return empty;
  }
}

function keep(changes) {
  Object.assign(kept, changes);
  try {
    sessionStorage.setItem(KEPT_KEY, JSON.stringify(kept));
  } catch {
    // Kept for this page alone.
  }
}

/** One id for one question: the same text sent again after a failure is asked once. */
function questionSubmission() {
  if (!kept.submission) keep({ submission: randomId() });
  return kept.submission;
}
