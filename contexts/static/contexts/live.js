// Keeps parts of a page up to date without loading the page again.
//
// data-live              a part that changes, with an id; it ends to be one when the server no longer marks it so
// data-live="ADDRESS"    ... and where to ask whether it has changed, which costs less than the page: answers {"mark": ...}
// data-mark              what that address said when the part was made
// data-live-seconds      how long to wait before a look, where the part changes seldom or costs much; 1.5 without it
// data-live-each         its children are looked at one by one, by their ids: what has not changed is left alone
// data-live-status       hears data-said of a part that has changed, for people who listen to a page
//
// What a person has opened, typed or put the cursor in stays so; what is being selected is left alone until it no longer is.
(() => {
  const PAUSE_SECONDS = 1.5;
  const made = new WeakMap(); // element -> what the server said it is
  const remember = (element) => {
    made.set(element, element.outerHTML);
    if (element.matches("[data-live-each]")) [...element.children].forEach(remember);
  };
  const parts = () => [...document.querySelectorAll("[data-live][id]")];

  async function look() {
    const live = parts();
    if (!live.length) return;
    try {
      if (document.hidden) await isShown();
      if ((await Promise.all(live.map(hasChanged))).some(Boolean)) await renewAll(live);
    } catch {
      // the server restarts, or the network is away: ask again later
    }
    setTimeout(look, pauseMs());
  }

  const pauseMs = () => 1000 * Math.min(...parts().map((part) => Number(part.dataset.liveSeconds ?? PAUSE_SECONDS)), 60);

  // nobody looks at a page in the background: it is renewed as soon as somebody does
  const isShown = () => new Promise((go) => document.addEventListener("visibilitychange", go, { once: true }));

  async function hasChanged(part) {
    if (!part.dataset.live) return true;
    const answer = await fetch(part.dataset.live, { headers: { Accept: "application/json" } });
    return answer.ok && (await answer.json()).mark !== part.dataset.mark;
  }

  async function renewAll(live) {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of live) {
      const newer = page.getElementById(part.id);
      if (!newer || isSelected(part)) continue;
      say(part, newer);
      renew(part, newer);
    }
  }

  function say(part, newer) {
    const status = document.querySelector("[data-live-status]");
    const said = newer.dataset.said ?? newer.querySelector("[data-said]")?.dataset.said;
    if (status && said && said !== part.dataset.said) status.textContent = said;
  }

  function isSelected(part) {
    const selection = document.getSelection();
    return !selection.isCollapsed && part.contains(selection.anchorNode);
  }

  function renew(part, newer) {
    if (made.get(part) === newer.outerHTML) return;
    if (!(part.matches("[data-live-each]") && newer.matches("[data-live-each]"))) return replace(part, newer);
    made.set(part, newer.outerHTML);
    for (const name of part.getAttributeNames()) if (!newer.hasAttribute(name)) part.removeAttribute(name);
    for (const name of newer.getAttributeNames()) part.setAttribute(name, newer.getAttribute(name));
    const kept = new Map([...part.children].map((child) => [child.id, child]));
    let before = null;
    for (const child of [...newer.children]) {
      const older = child.id && kept.get(child.id);
      kept.delete(child.id);
      if (older) before = renew(older, child) ?? older;
      else {
        remember(child);
        before ? before.after(child) : part.prepend(child);
        before = child;
      }
    }
    for (const gone of kept.values()) gone.remove();
    return part;
  }

  function replace(part, newer) {
    const key = (element, at) => element.id || element.name || `${element.localName} ${at}`;
    const all = (root, kind) => [root, ...root.querySelectorAll("*")].filter((element) => element.matches(kind));
    const open = new Map(all(part, "details").map((element, at) => [key(element, at), element.open]));
    const typed = new Map(all(part, "input, textarea, select").map((element, at) => [key(element, at), element]));
    const focused = part.contains(document.activeElement) ? document.activeElement : null;
    const places = focused && all(part, focused.localName);
    remember(newer);
    part.replaceWith(newer);
    all(newer, "details").forEach((element, at) => { element.open = open.get(key(element, at)) ?? element.open; });
    all(newer, "input, textarea, select").forEach((element, at) => {
      const older = typed.get(key(element, at));
      if (older && older.type !== "hidden" && older.value !== older.defaultValue) element.value = older.value;
    });
    if (focused) {
      const same = (focused.id && document.getElementById(focused.id)) || all(newer, focused.localName)[places.indexOf(focused)];
      same?.focus({ preventScroll: true });
    }
    return newer;
  }

  parts().forEach(remember);
  setTimeout(look, pauseMs());
})();
