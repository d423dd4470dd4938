// For every page: makes buttons of what unfold lets people only click, for the keyboard and for those who listen to a
// page; lets the side bar be skipped; asks before what cannot be taken back.
(() => {
  // what opens something -> its name, where it shows none, and the part that it opens
  const OPENERS = [
    ["[x-on\\:click='filterOpen = true']", "", () => document.getElementById("changelist-filter")],
    ["[x-on\\:click^='openUserLinks =']", "Account", (opener) => opener.parentElement.querySelector("nav")],
    ["[x-on\\:click^='switchTheme']", "", () => null],
    ["span[x-on\\:click^='sidebar']", "Side bar", () => null],
  ];
  const FIELDS = "a[href], button, textarea, input:not([type=hidden]), select:not([tabindex='-1']), [role=combobox], [role=button]";
  const TRIES = 25;
  let opened = null; // by keyboard: [opener, part]

  function makeButton(opener, name, part) {
    opener.tabIndex = 0;
    opener.setAttribute("role", "button");
    if (name) opener.setAttribute("aria-label", name);
    opener.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      const closes = !opener.getAttribute("x-on:click").endsWith("= true") && part?.checkVisibility();
      opener.click();
      if (part && !closes) enter(opener, part, TRIES);
    });
  }

  // goes on in what was opened, once it is shown: it stands anywhere in the document
  function enter(opener, part, tries) {
    const first = [...part.querySelectorAll(FIELDS)].find((field) => field.checkVisibility());
    if (!first) return tries && setTimeout(enter, 20, opener, part, tries - 1);
    opened = [opener, part];
    first.focus();
  }

  // unfold closes the filters then; the other parts close where their opener is pressed again
  window.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !opened?.[1].contains(document.activeElement)) return;
    opened[0].focus();
    opened = null;
  });

  // the first stop of a page: thirty stops of the side bar come before what the page is about
  function addSkipLink() {
    if (!document.getElementById("content")) return;
    const link = document.createElement("a");
    link.href = "#content";
    link.className = "skip-link";
    link.textContent = "Skip to the content";
    document.body.prepend(link);
  }

  // what cannot be taken back is asked about first
  document.addEventListener("submit", (event) => {
    const { confirm: question } = event.target.dataset;
    if (!question || confirm(question)) return;
    event.preventDefault();
    event.stopPropagation();
  }, true);

  document.addEventListener("DOMContentLoaded", () => {
    addSkipLink();
    for (const [kind, name, partOf] of OPENERS) {
      for (const opener of document.querySelectorAll(kind)) makeButton(opener, name, partOf(opener));
    }
  });
})();
