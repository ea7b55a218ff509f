// Without this script every loop is shown below the other; with it, the one that was chosen.
(function () {
  var links = Array.prototype.slice.call(document.querySelectorAll("nav a"));
  var sections = Array.prototype.slice.call(document.querySelectorAll("#code section"));
  function show(id) {
    if (!sections.some(function (s) { return s.id === id; })) { return; }
    sections.forEach(function (s) { s.classList.toggle("off", s.id !== id); });
    links.forEach(function (a) { a.classList.toggle("on", a.getAttribute("href") === "#" + id); });
  }
  function chosen() { show(location.hash.slice(1) || (sections[0] && sections[0].id)); window.scrollTo(0, 0); }
  window.addEventListener("hashchange", chosen);
  document.addEventListener("keydown", function (event) {
    var step = event.key === "j" ? 1 : event.key === "k" ? -1 : 0;
    if (!step) { return; }
    var at = links.findIndex(function (a) { return a.classList.contains("on"); });
    var next = links[at + step];
    if (next) { location.hash = next.getAttribute("href"); next.scrollIntoView({ block: "nearest" }); }
  });
  chosen();
})();
