// The post and the two responses, alike in everything but their letters.

function postCard(item, label = t("pair.post")) {
  const body = fillSanitised(h("div", { class: "ppai-prose", "data-testid": "post-body" }), item.body);
  const heading = freshId("post");
  return h(
    "article",
    { class: "ppai-card ppai-post", "aria-labelledby": heading, "data-testid": "post" },
    h(
      "p",
      { class: "ppai-eyebrow", id: item.title ? undefined : heading },
      label,
      item.topic && h("span", { class: "ppai-topic" }, item.topic),
    ),
    item.title && h("h2", { id: heading }, item.title),
    body,
  );
}

function responseCards(item) {
  return h(
    "section",
    { class: "ppai-responses", "aria-label": t("pair.responses") },
    responseCard("a", item.a),
    responseCard("b", item.b),
  );
}

function responseCard(side, html) {
  const name = t("side.name", { side: side.toUpperCase() });
  const body = html
    ? fillSanitised(h("div", { class: "ppai-prose ppai-scroll" }), html)
    : h("div", { class: "ppai-prose ppai-scroll ppai-muted" }, h("p", {}, t("pair.empty")));
  body.dataset.testid = `response-${side}-text`;
  watchOverflow(body, name);
  return h(
    "article",
    { class: "ppai-card ppai-response", "data-side": side, "data-testid": `response-${side}`, "aria-label": name },
    h("h2", { class: "ppai-response-name", tabindex: "-1" }, sideName(side)),
    body,
  );
}

/** A text longer than its card scrolls inside it, and can then be reached and scrolled by keyboard. */
function watchOverflow(node, name) {
  const update = () => {
    const over = node.scrollHeight > node.clientHeight + 1;
    node.toggleAttribute("data-more", over && node.scrollTop + node.clientHeight < node.scrollHeight - 4);
    if (over) {
      node.setAttribute("tabindex", "0");
      node.setAttribute("role", "region");
      node.setAttribute("aria-label", t("pair.scroll", { name }));
    } else {
      for (const attribute of ["tabindex", "role", "aria-label"]) node.removeAttribute(attribute);
    }
  };
  node.addEventListener("scroll", update, { passive: true });
  new ResizeObserver(update).observe(node);
}
