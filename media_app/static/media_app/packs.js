// Sends what was chosen in packs, each as large as the server takes at once, and shows what became of each file.
// Without this all of them go together.
(() => {
  const form = document.querySelector("[data-pack-bytes]");
  const field = form.querySelector("input[type=file]");
  const button = form.querySelector("[type=submit]");
  const fault = form.querySelector("[data-fault]");
  const result = document.querySelector("[data-result]");
  const mostBytes = Number(form.dataset.packBytes);
  const mostFiles = Number(form.dataset.packFiles);

  /** Return the first files that go together, and those that stay for later. */
  function split(files) {
    let room = mostBytes;
    const fits = (file, place) => place < mostFiles && (room -= file.size) >= 0;
    const end = files.findIndex((file, place) => !fits(file, place));
    const length = end < 0 ? files.length : Math.max(end, 1);
    return [files.slice(0, length), files.slice(length)];
  }

  function choose(files) {
    const all = new DataTransfer();
    files.forEach((file) => all.items.add(file));
    field.files = all.files;
    field.dispatchEvent(new Event("change"));
  }

  /** Send some; return a line for each, and what was wrong with all of them. */
  async function send(pack) {
    if (pack[0].size > mostBytes) { // alone, for nothing fits beside it
      const line = document.getElementById("too-large").content.firstElementChild.cloneNode(true);
      line.querySelector("strong").textContent = pack[0].name;
      return { lines: [line], faults: [] };
    }
    const body = new FormData(form);
    body.delete(field.name);
    pack.forEach((file) => body.append(field.name, file));
    const answer = await fetch(location.href, { method: "POST", body });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const faults = [...page.querySelectorAll(".media-fault")].map((told) => told.textContent).filter(Boolean);
    return { lines: [...page.querySelectorAll("[data-result] li")], faults };
  }

  async function sendAll(files) {
    const list = result.querySelector("ul");
    list.replaceChildren();
    let left = files;
    while (left.length) {
      const [pack, rest] = split(left);
      const { lines, faults } = await send(pack);
      if (!lines.length) throw new Error(faults.join(" "));
      list.append(...lines);
      left = rest;
      choose(left);
      const stored = list.querySelectorAll(".media-taken").length;
      result.querySelector("h2").textContent = `${stored} of ${files.length} stored`;
      result.hidden = false;
    }
  }

  const stay = (event) => event.preventDefault(); // the browser asks before it leaves

  form.addEventListener("submit", async (event) => {
    if (!field.files.length) return; // the server says what is missing
    event.preventDefault();
    const said = button.textContent;
    button.disabled = true;
    button.textContent = "Sending…";
    fault.textContent = "";
    addEventListener("beforeunload", stay);
    try {
      await sendAll([...field.files]);
    } catch (error) {
      const isTold = !(error instanceof TypeError) && error.message; // a TypeError is fetch's: nobody answered
      fault.textContent = isTold ? error.message : "The server does not answer as it should. The files above were not sent; try again.";
    } finally {
      removeEventListener("beforeunload", stay);
      button.disabled = false;
      button.textContent = said;
    }
  });
})();
