"use strict";
// Click a frame to zoom, click the bottom one to go back; type in the box to mark functions.
var frames = Array.prototype.slice.call(document.querySelectorAll("g.f"));
var width = WIDTH;
function place(group, left, scale) {
  var x = (group.dataset.x - left) * scale, w = group.dataset.w * scale;
  var from = Math.max(x, 0), to = Math.min(x + w, width);
  group.style.display = to - from < 0.3 ? "none" : "";
  var rect = group.querySelector("rect"), text = group.querySelector("text");
  rect.setAttribute("x", from);
  rect.setAttribute("width", Math.max(to - from - 0.4, 0.1));
  var room = Math.floor((to - from - 6) / 6.7), name = group.dataset.n;
  text.setAttribute("x", from + 3);
  text.textContent = room < 3 ? "" : name.length <= room ? name : name.slice(0, room - 2) + "..";
}
function zoom(group) {
  var left = +group.dataset.x, scale = width / group.dataset.w;
  frames.forEach(function (other) { place(other, left, scale); });
}
frames.forEach(function (group) { group.addEventListener("click", function () { zoom(group); }); });
document.getElementById("mark").addEventListener("click", function () {
  var word = prompt("Mark functions whose name contains:", "");
  if (word === null) { return; }
  frames.forEach(function (group) {
    group.classList.toggle("hit", word !== "" && group.dataset.n.indexOf(word) >= 0);
  });
});
