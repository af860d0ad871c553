// Puts the chosen colour scheme on the page before anything is drawn, so that it does not flash; and says so when the rest of
// the page does not come, as when the sidecar goes away in the middle of it.
"use strict";
(() => {
  let theme = "";
  try { theme = localStorage.getItem("swarmtide-theme") || ""; } catch { /* storage may be closed to us */ }
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  addEventListener("error", (event) => {
    const boot = document.querySelector("#app > .boot");
    if (boot && event.target instanceof HTMLScriptElement) boot.textContent = "The page did not come whole. Load it again.";
  }, true);
})();
