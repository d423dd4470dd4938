// Shows the prices of a retry anew when another version is chosen; the place to retry from stays chosen.
(() => {
  const form = document.querySelector("[data-reprice]");
  if (!form) return;

  form.addEventListener("change", async (event) => {
    if (!["template", "pipeline"].includes(event.target.name)) return;
    const asked = new FormData(form);
    for (const name of ["csrfmiddlewaretoken", "revision", "why"]) asked.delete(name);
    const answer = await fetch(`${form.action}?${new URLSearchParams(asked)}`);
    if (!answer.ok) return location.reload();
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const prices = page.querySelector("#prices");
    if (!prices) return location.reload();
    document.querySelector("#prices").replaceWith(prices);
  });
})();
