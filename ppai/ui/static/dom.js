// Makes elements. Children are elements or text; a text is never read as markup.

function h(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Fills in HTML that the server has sanitised: the post and the two responses, nothing else. */
function fillSanitised(node, html) {
  node.innerHTML = html;
  return node;
}

let lastId = 0;

function freshId(stem) {
  lastId += 1;
  return `ppai-${stem}-${lastId}`;
}

function button(label, kind, onclick, attributes) {
  return h("button", { type: "button", class: `ppai-button ${kind}`, onclick, ...attributes }, label);
}

/** Randomness for an id also where the page is not served securely and `crypto.randomUUID` is missing. */
function randomId() {
  if (window.crypto?.randomUUID) return window.crypto.randomUUID();
  const bytes = new Uint8Array(16);
  if (window.crypto?.getRandomValues) window.crypto.getRandomValues(bytes);
  else bytes.forEach((_, index) => (bytes[index] = Math.floor(Math.random() * 256)));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
