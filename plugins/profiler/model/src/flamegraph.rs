//! The picture: [`flamegraph`], written as `flamegraph.svg`.
//!
//! One self-contained SVG file: the outermost function at the bottom, width in proportion to inclusive weight,
//! the kernel in warm colours and the rest in grey, details with the source line as a tooltip. `flamegraph.js` adds
//! zoom with the way back, search with the share of what was found, keys, and the picture upside down, where the viewer
//! runs scripts; without it the picture is complete, and the controls stay hidden. Made by the plugin from a
//! [`Profile`]; pure. It must never write a name without escaping it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::markup::escape;
use crate::origin::Kind;
use crate::profile::{Profile, Unit};

/// Width of the whole in pixels, all of it for frames.
const WIDTH: f64 = 1200.0;
const ROW: usize = 17;
/// Title, what was recorded, controls, the way to the zoomed frame.
const HEAD: usize = 84;
/// Below the frames: the details of the frame under the pointer.
const FOOT: usize = 26;
/// Pixels of one character of the label.
const CHARACTER: f64 = 6.7;
/// Frames narrower than this are left out of the picture (they are in the other artifacts).
const NARROWEST: f64 = 0.3;
/// Frames of one stack that are drawn, outermost first.
const DEEPEST: usize = 1000;
const SCRIPT: &str = include_str!("flamegraph.js");
const STYLE: &str = "rect{stroke:none} text{pointer-events:none} g.f{cursor:pointer} g.f:hover rect{stroke:#000000} \
    g.hit rect{fill:#b455e0} .on{visibility:hidden} text.on{cursor:pointer;fill:#2a62a8;pointer-events:all} \
    input{font:11px monospace;width:280px;height:18px;box-sizing:border-box}";

/// A function below its callers.
#[derive(Default)]
struct Node {
    weight: u64,
    own: u64,
    children: BTreeMap<u32, Node>,
}

impl Node {
    fn of(profile: &Profile) -> Self {
        let mut root = Self::default();
        for stack in &profile.stacks {
            root.weight += stack.weight;
            let mut node = &mut root;
            for frame in stack.frames.iter().rev().take(DEEPEST) {
                node = node.children.entry(profile.frames[*frame as usize].function).or_default();
                node.weight += stack.weight;
            }
            node.own += stack.weight;
        }
        root
    }

    fn depth(&self, scale: f64) -> usize {
        let visible = self.children.values().filter(|child| child.weight as f64 * scale >= NARROWEST);
        visible.map(|child| 1 + child.depth(scale)).max().unwrap_or(0)
    }
}

/// The whole document. `title` stands above the picture.
pub fn flamegraph(profile: &Profile, title: &str) -> String {
    let root = Node::of(profile);
    let scale = if root.weight == 0 { 0.0 } else { WIDTH / root.weight as f64 };
    let rows = root.depth(scale) + 1;
    let height = HEAD + rows * ROW + FOOT;
    let bottom = HEAD + (rows - 1) * ROW;
    let mut svg = String::new();
    write_head(&mut svg, profile, title, height);
    let mut picture = Picture { svg, profile, places: places(profile), bottom };
    let all = Row { name: "all", place: "", module: "", fill: "#d8d8d8".to_owned() };
    picture.frame(&all, (0.0, WIDTH), 0, &root);
    picture.children(&root, (0.0, scale), 0);
    let mut svg = picture.svg;
    let script = SCRIPT
        .replace("WIDTH", &WIDTH.to_string())
        .replace("HEAD", &HEAD.to_string())
        .replace("BOTTOM", &bottom.to_string())
        .replace("ROW", &ROW.to_string());
    let _ = write!(svg, "<script><![CDATA[\n{script}]]></script>\n</svg>\n");
    svg
}

/// Everything above and below the frames.
fn write_head(svg: &mut String, profile: &Profile, title: &str, height: usize) {
    // Writing to a string does not fail.
    let _ = write!(
        svg,
        r##"<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" font-family="monospace" font-size="11">
<style>{STYLE}</style>
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="6" y="16" font-size="14">{}</text>
<text x="6" y="34" fill="#555555">{}</text>
"##,
        escape(title),
        escape(&how(profile)),
    );
    for (place, (fill, whose)) in
        [("#f09a3c", "kernel"), ("#c8c8c8", "runtime"), ("#a0c0e1", "runner"), ("#b455e0", "found")]
            .iter()
            .enumerate()
    {
        let x = WIDTH - 340.0 + place as f64 * 85.0;
        let _ = writeln!(
            svg,
            r#"<rect x="{x}" y="25" width="11" height="11" fill="{fill}"/><text x="{}" y="34">{whose}</text>"#,
            x + 15.0
        );
    }
    let _ = write!(
        svg,
        r##"<foreignObject class="on" x="6" y="42" width="300" height="22"><input xmlns="http://www.w3.org/1999/xhtml" id="find" type="search" placeholder="search: text or /pattern/ (Ctrl-F)"/></foreignObject>
<text id="found" class="on" x="316" y="57" fill="#555555"></text>
<text id="flip" class="on" x="{}" y="57">[upside down]</text>
<text id="reset" class="on" x="{}" y="57">[whole] (Esc)</text>
<text id="path" class="on" x="6" y="78"></text>
<text id="details" x="6" y="{}" fill="#333333"></text>
"##,
        WIDTH - 340.0,
        WIDTH - 200.0,
        height - 9,
    );
}

/// What was recorded: `1500 samples, perf_event_open cpu-clock, 999 Hz, 1.50 s`.
fn how(profile: &Profile) -> String {
    let mut parts = vec![amount(profile.total, profile.unit), profile.source.clone()];
    parts.extend(profile.hz.map(|hz| format!("{hz} Hz")));
    parts.extend(profile.seconds.map(|seconds| format!("{seconds:.2} s")));
    parts.join(", ")
}

/// A weight with its unit; time in milliseconds.
fn amount(weight: u64, unit: Unit) -> String {
    match unit {
        Unit::Nanoseconds => format!("{:.3} ms", weight as f64 / 1e6),
        unit => format!("{weight} {}", unit.symbol()),
    }
}

/// For each function, file and line of its heaviest frame, or of its definition; empty where neither is known.
fn places(profile: &Profile) -> Vec<String> {
    let mut weights = vec![0_u64; profile.frames.len()];
    for stack in &profile.stacks {
        for frame in &stack.frames {
            let sum = &mut weights[*frame as usize];
            *sum = sum.saturating_add(stack.weight);
        }
    }
    let mut heaviest = vec![0_u64; profile.functions.len()];
    let mut places = vec![String::new(); profile.functions.len()];
    for (frame, weight) in profile.frames.iter().zip(weights) {
        let function = frame.function as usize;
        if let Some(file) = &frame.file
            && (places[function].is_empty() || weight > heaviest[function])
        {
            heaviest[function] = weight;
            let line = frame.line.or(profile.functions[function].first_line);
            places[function] = line.map_or_else(|| file.to_string(), |line| format!("{file}:{line}"));
        }
    }
    places
}

/// What a frame shows.
struct Row<'a> {
    name: &'a str,
    place: &'a str,
    module: &'a str,
    fill: String,
}

/// The frames.
struct Picture<'a> {
    svg: String,
    profile: &'a Profile,
    places: Vec<String>,
    bottom: usize,
}

impl Picture<'_> {
    fn children(&mut self, node: &Node, (left, scale): (f64, f64), depth: usize) {
        let mut x = left;
        for (id, child) in &node.children {
            let width = child.weight as f64 * scale;
            if width >= NARROWEST {
                let function = &self.profile.functions[*id as usize];
                let place = std::mem::take(&mut self.places[*id as usize]);
                let fill = colour(&function.name, function.kind);
                let row = Row { name: &function.name, place: &place, module: &function.module, fill };
                self.frame(&row, (x, width), depth + 1, child);
                self.places[*id as usize] = place;
                self.children(child, (x, scale), depth + 1);
            }
            x += width;
        }
    }

    fn frame(&mut self, row: &Row<'_>, (x, width): (f64, f64), depth: usize, node: &Node) {
        let name = escape(row.name);
        let room = ((width - 6.0) / CHARACTER).max(0.0) as usize;
        let length = row.name.chars().count();
        let label = match room {
            0..3 => String::new(),
            room if length <= room => name.clone(),
            room => escape(&row.name.chars().take(room - 2).collect::<String>()) + "..",
        };
        let module = if row.module.is_empty() { String::new() } else { format!("[{}]", row.module) };
        let place: Vec<_> = [row.place, &module].into_iter().filter(|part| !part.is_empty()).collect();
        let place = if place.is_empty() { String::new() } else { format!("\n{}", escape(&place.join(" "))) };
        let (total, percent) = (amount(node.weight, self.profile.unit), self.profile.percent(node.weight));
        let own = self.profile.percent(node.own);
        let y = self.bottom - depth * ROW;
        // Writing to a string does not fail.
        let _ = writeln!(
            self.svg,
            r#"<g class="f" data-x="{x:.2}" data-w="{width:.2}" data-d="{depth}" data-n="{name}"><title>{name}{place}
{total}, {percent:.2} %, self {own:.2} %</title><rect x="{x:.2}" y="{y}" width="{:.2}" height="{}" fill="{}"/><text x="{:.2}" y="{}">{label}</text></g>"#,
            (width - 0.4).max(0.1),
            ROW - 1,
            row.fill,
            x + 3.0,
            y + 12,
        );
    }
}

/// A colour that is the same for the same name in every picture, so that two can be compared.
fn colour(name: &str, kind: Kind) -> String {
    let hash = name.bytes().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
    let shade = hash % 40;
    match kind {
        Kind::Kernel => format!("rgb({},{},{})", 225 + shade / 2, 110 + shade * 2, 60),
        Kind::Runtime => format!("rgb({0},{0},{0})", 190 + shade),
        Kind::Glue => format!("rgb({},{},{})", 150 + shade, 180 + shade, 225),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::example::profile;

    fn frames(svg: &str) -> Vec<(String, f64, f64, String)> {
        let document = roxmltree::Document::parse(svg).unwrap();
        let of = |node: roxmltree::Node<'_, '_>, name: &str| node.attribute(name).unwrap().parse().unwrap();
        let groups = document.descendants().filter(|node| node.attribute("class") == Some("f"));
        groups
            .map(|node| {
                let title = node.children().find(|child| child.has_tag_name("title")).unwrap();
                let name = node.attribute("data-n").unwrap().to_owned();
                (name, of(node, "data-x"), of(node, "data-w"), title.text().unwrap().to_owned())
            })
            .collect()
    }

    #[test]
    fn widths_are_shares_and_children_lie_on_their_caller() {
        let profile =
            profile(&[(&[("main", 1), ("a", 1)], 75), (&[("main", 1), ("b", 1)], 15), (&[("other", 1)], 10)]);
        let frames = frames(&flamegraph(&profile, "t"));
        let of = |name: &str| frames.iter().find(|frame| frame.0 == name).unwrap().clone();
        assert_eq!((of("all").1, of("all").2), (0.0, 1200.0));
        assert!((of("main").2 - 1080.0).abs() < 0.01);
        assert!((of("a").2 - 900.0).abs() < 0.01);
        assert_eq!(of("a").3, "a\nsrc/k.rs:1 [libkernel.so]\n75 samples, 75.00 %, self 75.00 %");
        assert!(of("main").3.ends_with("90 samples, 90.00 %, self 0.00 %"));
        assert!(of("b").1 >= of("main").1 && of("b").1 + of("b").2 <= of("main").1 + of("main").2);
    }

    #[test]
    fn names_with_markup_quotes_and_controls_stay_valid_xml() {
        let nasty = "<T as X<'a, \"b\">>::f & g]]>\u{1}\u{e9}";
        let svg = flamegraph(&profile(&[(&[(nasty, 1)], 5)]), "a <b> & \"c\"");
        assert!(svg.is_ascii());
        let frames = frames(&svg);
        assert_eq!(frames[1].0, "<T as X<'a, \"b\">>::f & g]]>?\u{e9}");
    }

    #[test]
    fn the_controls_that_the_script_drives_are_there_and_hidden_without_it() {
        let svg = flamegraph(&profile(&[(&[("main", 1)], 5)]), "t");
        let document = roxmltree::Document::parse(&svg).unwrap();
        for id in ["find", "found", "flip", "reset", "path", "details"] {
            let element = document.descendants().find(|node| node.attribute("id") == Some(id)).unwrap();
            let mut around = element.ancestors();
            let hidden = around.any(|node| node.attribute("class") == Some("on"));
            assert!(hidden || id == "details", "{id}");
            assert!(SCRIPT.contains(&format!("\"{id}\"")), "{id}");
        }
        let script = document.descendants().find(|node| node.has_tag_name("script")).unwrap();
        let script = script.text().unwrap();
        assert!(!["WIDTH", "HEAD", "BOTTOM", "ROW"].iter().any(|name| script.contains(name)));
    }

    #[test]
    fn an_empty_profile_is_still_a_picture() {
        let frames = frames(&flamegraph(&profile(&[]), "nothing"));
        assert_eq!(frames.len(), 1);
    }

    #[test]
    fn a_long_name_is_cut_to_its_frame() {
        let long = "kernel::".repeat(100);
        let svg = flamegraph(&profile(&[(&[(long.as_str(), 1)], 1), (&[("b", 1)], 1)]), "t");
        let document = roxmltree::Document::parse(&svg).unwrap();
        let label = document
            .descendants()
            .find(|node| node.has_tag_name("text") && node.text().is_some_and(|text| text.ends_with("..")))
            .unwrap();
        assert!(label.text().unwrap().len() as f64 * CHARACTER <= 600.0);
    }
}
