// The answers to the pair on screen, kept in the browser until the server has acknowledged them.

const DRAFT_PREFIX = "ppai.draft.";
const DRAFT_DAYS = 7;
let draft = null;

/** Takes up a pair: with the answers kept from before, or with those that the server sends after an undo.
 * True where answers were kept. */
function openDraft(item) {
  if (draft?.id === item.id) return false;
  const kept = readDraft(item.id);
  const from = kept ?? item;
  const keys = rater.frame.questions.map((question) => question.key);
  const choices = Object.entries(from.choices ?? {}).filter(([key]) => keys.includes(key));
  draft = {
    id: item.id,
    choices: Object.fromEntries(choices),
    comment: from.comment ?? "",
    submissions: kept?.submissions ?? {},
  };
  startClock(kept?.seconds ?? 0);
  return Boolean(kept) && (choices.length > 0 || draft.comment !== "");
}

/** One id for one intention: sent again unchanged after a failure, so that nothing counts twice. */
function submissionFor(act) {
  draft.submissions[act] ??= randomId();
  keepDraft();
  return draft.submissions[act];
}

function keepDraft() {
  if (!draft) return;
  const { choices, comment, submissions } = draft;
  const kept = { choices, comment, submissions, seconds: clockSeconds(), at: Date.now() };
  try {
    localStorage.setItem(DRAFT_PREFIX + draft.id, JSON.stringify(kept));
  } catch {
    // The answers stay on screen all the same.
  }
}

function readDraft(id) {
  try {
    const kept = JSON.parse(localStorage.getItem(DRAFT_PREFIX + id) ?? "null");
    return kept && typeof kept === "object" && typeof kept.choices === "object" ? kept : null;
  } catch {
    return null;
  }
}

/** Forgets the pair on screen: the server has its vote. */
function closeDraft() {
  if (!draft) return;
  try {
    localStorage.removeItem(DRAFT_PREFIX + draft.id);
  } catch {
    // Dropped when it is old.
  }
  draft = null;
}

function dropOldDrafts() {
  try {
    const oldest = Date.now() - DRAFT_DAYS * 24 * 3600 * 1000;
    const keys = Array.from({ length: localStorage.length }, (_, index) => localStorage.key(index));
    for (const key of keys.filter((name) => name?.startsWith(DRAFT_PREFIX))) {
      const kept = readDraft(key.slice(DRAFT_PREFIX.length));
      if (!kept || !(kept.at >= oldest)) localStorage.removeItem(key);
    }
  } catch {
    // Nothing is kept, so nothing is old.
  }
}
