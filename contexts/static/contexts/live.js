// Keeps the parts of a page that bear data-live up to date without loading the page again. It leaves alone what a person
// is reading or about to press, and ends when the server no longer marks the part as live.
(() => {
  const PAUSE_MS = 1500;

  async function look() {
    const live = [...document.querySelectorAll("[data-live][id]")];
    if (!live.length) return;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      const page = answer.ok && new DOMParser().parseFromString(await answer.text(), "text/html");
      if (page) live.forEach((part) => renew(part, page.getElementById(part.id)));
    } catch {
      // the server restarts, or the network is away: ask again later
    }
    setTimeout(look, PAUSE_MS);
  }

  function renew(part, newer) {
    if (!newer || part.contains(document.getSelection()?.anchorNode?.parentElement) && !document.getSelection().isCollapsed) return;
    const open = [...part.querySelectorAll("details")].map((details) => details.open);
    const focused = part.contains(document.activeElement) ? focusPath(part) : null;
    part.replaceWith(newer);
    newer.querySelectorAll("details").forEach((details, at) => { details.open = open[at] ?? false; });
    if (focused) newer.querySelectorAll(focused.kind)[focused.at]?.focus();
  }

  function focusPath(part) {
    const kind = document.activeElement.localName;
    return { kind, at: [...part.querySelectorAll(kind)].indexOf(document.activeElement) };
  }

  setTimeout(look, PAUSE_MS);
})();
