// Classic script, run before the first paint: a chosen theme must not flash the other one.
(function () {
  try {
    const chosen = localStorage.getItem("tp-capital.theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch {
    // storage is forbidden: the system's preference holds
  }
})();
