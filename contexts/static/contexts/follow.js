// Shows an open context as it moves: asks for its revision, and loads the page again where that has changed.
(() => {
  const page = document.querySelector("[data-follow]");
  if (!page) return;
  const PAUSE_MS = 2000;
  const reading = () => page.querySelector("details[open]") || page.querySelector("select:focus");

  async function look() {
    try {
      const answer = await fetch(page.dataset.follow, { headers: { Accept: "application/json" } });
      if (answer.ok && String((await answer.json()).revision) !== page.dataset.revision) {
        if (!reading()) return location.reload();
        page.querySelector(".dl-changed").hidden = false;
      }
    } catch {
      // the server restarts, or the network is away: ask again later
    }
    setTimeout(look, PAUSE_MS);
  }
  setTimeout(look, PAUSE_MS);
})();
