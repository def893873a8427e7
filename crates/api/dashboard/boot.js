// Before the first paint: the theme that was chosen last, so that a dark room stays dark.
(function () {
  try {
    var theme = localStorage.getItem('aamas.theme');
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  } catch (e) {
    /* storage may be off: the system's choice stands */
  }
})();
