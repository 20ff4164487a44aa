// How long a pair was really looked at: counts only while the page is visible.

const clock = { before: 0, since: null };

function startClock(seconds) {
  clock.before = seconds;
  clock.since = document.hidden ? null : performance.now();
}

function clockSeconds() {
  const running = clock.since === null ? 0 : (performance.now() - clock.since) / 1000;
  return Math.round((clock.before + running) * 10) / 10;
}

document.addEventListener("visibilitychange", () => {
  clock.before = clockSeconds();
  clock.since = document.hidden ? null : performance.now();
  if (document.hidden) keepDraft();
});
window.addEventListener("pagehide", () => keepDraft());
