"use strict";
// Click a frame to zoom, a name in the path or Esc to go back. Ctrl-F searches; Esc first clears the search.
(function () {
var frames = Array.prototype.slice.call(document.querySelectorAll("g.f"));
var width = WIDTH, head = HEAD, bottom = BOTTOM, row = ROW;
var zoomed = frames[0], flipped = false;
function by(id) { return document.getElementById(id); }
function place(group, left, scale) {
  var x = (group.dataset.x - left) * scale, w = group.dataset.w * scale;
  var from = Math.max(x, 0), to = Math.min(x + w, width);
  group.style.display = to - from < 0.3 ? "none" : "";
  var rect = group.querySelector("rect"), text = group.querySelector("text");
  var y = flipped ? head + group.dataset.d * row : bottom - group.dataset.d * row;
  rect.setAttribute("x", from);
  rect.setAttribute("y", y);
  rect.setAttribute("width", Math.max(to - from - 0.4, 0.1));
  // The callers of the zoomed frame are wider than the picture.
  group.style.opacity = +group.dataset.d < +zoomed.dataset.d ? 0.55 : 1;
  var room = Math.floor((to - from - 6) / 6.7), name = group.dataset.n;
  text.setAttribute("x", from + 3);
  text.setAttribute("y", y + 12);
  text.textContent = room < 3 ? "" : name.length <= room ? name : name.slice(0, room - 2) + "..";
}
function callers(group) {
  var x = +group.dataset.x, w = +group.dataset.w, depth = +group.dataset.d;
  return frames.filter(function (other) {
    var left = +other.dataset.x, right = left + +other.dataset.w;
    return +other.dataset.d < depth && left <= x + 0.011 && right >= x + w - 0.011;
  });
}
function show() {
  var left = +zoomed.dataset.x, scale = width / zoomed.dataset.w, path = by("path");
  frames.forEach(function (group) { place(group, left, scale); });
  path.textContent = "";
  if (zoomed === frames[0]) { return; }
  // As many of the innermost callers as there is room for.
  var way = callers(zoomed), room = 150 - zoomed.dataset.n.length;
  while (way.length > 1 && way.reduce(function (sum, group) { return sum + group.dataset.n.length + 3; }, 0) > room) {
    way.splice(1, 1);
  }
  way.concat([zoomed]).forEach(function (group, index) {
    var part = document.createElementNS("http://www.w3.org/2000/svg", "tspan");
    part.textContent = (index ? " > " : "") + group.dataset.n;
    part.addEventListener("click", function () { zoom(group); });
    path.appendChild(part);
  });
}
function zoom(group) { zoomed = group; show(); }
function search(word) {
  var test = function (text) { return text.toLowerCase().indexOf(word.toLowerCase()) >= 0; };
  var pattern = /^\/(.+)\/$/.exec(word);
  if (pattern) {
    try {
      var made = new RegExp(pattern[1], "i");
      test = function (text) { return made.test(text); };
    } catch (error) {
      by("found").textContent = "not a pattern";
      return;
    }
  }
  var hits = frames.filter(function (group) {
    var title = group.querySelector("title").textContent.split("\n").slice(0, -1).join("\n");
    var hit = word !== "" && group !== frames[0] && test(title);
    group.classList.toggle("hit", hit);
    return hit;
  });
  // The share of all: what lies on what was found counts once.
  hits.sort(function (a, b) { return a.dataset.x - b.dataset.x || b.dataset.w - a.dataset.w; });
  var covered = 0, end = 0;
  hits.forEach(function (group) {
    var from = Math.max(+group.dataset.x, end), to = +group.dataset.x + +group.dataset.w;
    if (to > from) { covered += to - from; end = to; }
  });
  by("found").textContent = word === "" ? "" : hits.length + " frames, " + (covered / width * 100).toFixed(2) + " % of all";
}
frames.forEach(function (group) {
  group.addEventListener("click", function () { zoom(group); });
  group.addEventListener("mouseover", function () {
    by("details").textContent = group.querySelector("title").textContent.replace(/\n/g, "   ");
  });
  group.addEventListener("mouseout", function () { by("details").textContent = ""; });
});
by("find").addEventListener("input", function () { search(by("find").value); });
by("reset").addEventListener("click", function () { zoom(frames[0]); });
by("flip").addEventListener("click", function () { flipped = !flipped; show(); });
document.addEventListener("keydown", function (event) {
  if (event.key === "Escape") {
    if (by("find").value !== "") { by("find").value = ""; search(""); } else { zoom(frames[0]); }
    by("find").blur();
  } else if ((event.ctrlKey || event.metaKey) && event.key === "f") {
    event.preventDefault();
    by("find").focus();
    by("find").select();
  }
});
// Only now: without scripts the controls would do nothing.
Array.prototype.forEach.call(document.querySelectorAll(".on"), function (element) { element.style.visibility = "visible"; });
}());
