"use strict";
(() => {
  const $ = (selector) => document.querySelector(selector);
  const root = document.documentElement;

  // ---- light and dark
  const themes = ["auto", "light", "dark"];
  const button = $("#theme");
  const remember = (theme) => { try { localStorage.setItem("fastcheck-theme", theme); } catch (e) { /* a page in a mail has no memory */ } };
  const remembered = () => { try { return localStorage.getItem("fastcheck-theme"); } catch (e) { return null; } };
  const show = (theme) => {
    if (theme === "auto") { delete root.dataset.theme; } else { root.dataset.theme = theme; }
    button.textContent = `theme: ${theme}`;
    button.dataset.now = theme;
  };
  show(themes.includes(remembered()) ? remembered() : "auto");
  button.hidden = false;
  button.addEventListener("click", () => {
    const next = themes[(themes.indexOf(button.dataset.now) + 1) % themes.length];
    show(next);
    remember(next);
  });

  // ---- search and filter
  const cases = [...document.querySelectorAll(".case")];
  const form = $(".filter");
  const search = $("#search");
  const chips = [...document.querySelectorAll("[data-filter]")];
  const pressed = () => chips.filter((c) => c.getAttribute("aria-pressed") === "true").map((c) => c.dataset.filter);
  const update = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = pressed();
    const statuses = chosen.filter((name) => name !== "changed");
    let n = 0;
    for (const item of cases) {
      const fits = (!statuses.length || statuses.includes(item.dataset.status)) &&
        (!chosen.includes("changed") || "changed" in item.dataset) &&
        words.every((word) => item.dataset.words.includes(word));
      item.hidden = !fits;
      n += fits;
    }
    $("#shown").textContent = `${n} of ${cases.length} shown`;
  };
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
      update();
    });
  }
  search.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== search) { event.preventDefault(); search.focus(); }
    if (event.key === "Escape" && document.activeElement === search) { search.value = ""; update(); }
  });
  form.hidden = !cases.length;
  update();

  // ---- a link to a case opens it, whatever is filtered
  const open = () => {
    const item = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!item || !item.classList.contains("case")) { return; }
    item.hidden = false;
    item.open = true;
    item.scrollIntoView();
  };
  window.addEventListener("hashchange", open);
  document.addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest('a[href^="#case-"]');
    if (link && link.hash === location.hash) { open(); }
  });
  open();
})();
