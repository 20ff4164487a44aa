// Where a browser blocks its storage (a third-party frame, a strict setting), stands in for it with a copy in the
// tab's history entry: it outlives a reload, though not the tab. Runs before anything else reads the storage.
(() => {
  "use strict";
  const standIn = (name) => {
    const slot = `ppai.${name}`;
    const all = () => {
      try {
        return (history.state && history.state[slot]) || {};
      } catch {
        return {};
      }
    };
    let memory = all();
    const keep = () => {
      try {
        history.replaceState({ ...history.state, [slot]: memory }, "");
      } catch {
        // The copy in memory has to do.
      }
    };
    return {
      getItem: (key) => (Object.hasOwn(memory, key) ? memory[key] : null),
      setItem: (key, value) => {
        memory = { ...memory, [key]: String(value) };
        keep();
      },
      removeItem: (key) => {
        memory = Object.fromEntries(Object.entries(memory).filter(([name]) => name !== key));
        keep();
      },
      clear: () => {
        memory = {};
        keep();
      },
      key: (index) => Object.keys(memory)[index] ?? null,
      get length() {
        return Object.keys(memory).length;
      },
    };
  };
  for (const name of ["localStorage", "sessionStorage"]) {
    try {
      const probe = "ppai.probe";
      window[name].setItem(probe, "1");
      window[name].removeItem(probe);
    } catch {
      try {
        Object.defineProperty(window, name, { configurable: true, value: standIn(name) });
      } catch {
        // Then every reader meets the browser's own refusal, and catches it.
      }
    }
  }
})();
