// Shows a trial as it moves: fetches what of the page has changed, puts it in its place, and says so.
(() => {
  const place = document.querySelector("[data-trial]");
  const status = document.querySelector("[data-trial-status]");
  const PAUSE_MS = 1000;
  const body = () => place.firstElementChild;

  function show(html) {
    const focused = document.activeElement && place.contains(document.activeElement) ? document.activeElement.id : "";
    const open = [...place.querySelectorAll("details")].map((details) => details.open);
    place.innerHTML = html;
    place.querySelectorAll("details").forEach((details, index) => (details.open = Boolean(open[index])));
    if (focused) document.getElementById(focused)?.focus();
    status.textContent = body().dataset.said;
  }

  async function look() {
    try {
      const answer = await fetch(`${place.dataset.trial}?mark=${body().dataset.mark}`);
      if (answer.status === 200) show(await answer.text());
    } catch {
      // the server restarts, or the network is away: ask again later
    }
    if ("running" in body().dataset) setTimeout(look, PAUSE_MS);
  }
  setTimeout(look, PAUSE_MS);
})();
