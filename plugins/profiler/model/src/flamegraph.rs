//! The picture: [`flamegraph`], written as `flamegraph.svg`.
//!
//! One self-contained SVG file: the outermost function at the bottom, width in proportion to inclusive weight,
//! the kernel in warm colours and the rest in grey, details as a tooltip. A small script adds zoom and marking
//! where the viewer runs scripts; without it the picture is complete. Made by the plugin from a [`Profile`];
//! pure. It must never write a name without escaping it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::origin::Kind;
use crate::profile::{Profile, Unit};

/// Width of the whole in pixels, all of it for frames.
const WIDTH: f64 = 1200.0;
const ROW: usize = 17;
const HEAD: usize = 46;
/// Pixels of one character of the label.
const CHARACTER: f64 = 6.7;
/// Frames narrower than this are left out of the picture (they are in the other artifacts).
const NARROWEST: f64 = 0.3;
const SCRIPT: &str = include_str!("flamegraph.js");

/// A function below its callers.
#[derive(Default)]
struct Node {
    weight: u64,
    children: BTreeMap<u32, Node>,
}

impl Node {
    fn of(profile: &Profile) -> Self {
        let mut root = Self::default();
        for stack in &profile.stacks {
            root.weight += stack.weight;
            let mut node = &mut root;
            for frame in stack.frames.iter().rev() {
                node = node.children.entry(profile.frames[*frame as usize].function).or_default();
                node.weight += stack.weight;
            }
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
    let height = HEAD + rows * ROW + 8;
    let mut svg = String::new();
    // Writing to a string does not fail.
    let _ = write!(
        svg,
        r##"<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" font-family="monospace" font-size="11">
<style>rect{{stroke:none}} text{{pointer-events:none}} g.f{{cursor:pointer}} g.f:hover rect{{fill-opacity:.7}} g.hit rect{{fill:#b455e0}} #mark{{pointer-events:all;cursor:pointer;fill:#2a62a8}}</style>
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="6" y="16" font-size="14">{}</text>
<text x="6" y="34" fill="#555555">{}; orange: kernel, grey: runtime, blue: runner</text>
<text id="mark" x="{}" y="16">[mark]</text>
"##,
        escape(title),
        escape(&how(profile)),
        WIDTH - 50.0,
    );
    let bottom = HEAD + (rows - 1) * ROW;
    let all = Row { name: "all", place: String::new(), fill: "#d8d8d8".to_owned() };
    write_frame(&mut svg, &all, (0.0, WIDTH), bottom, (&amount(root.weight, profile.unit), 100.0));
    write_children(&mut svg, profile, &root, (0.0, scale), bottom);
    let script = SCRIPT.replace("WIDTH", &WIDTH.to_string());
    let _ = write!(svg, "<script><![CDATA[\n{script}]]></script>\n</svg>\n");
    svg
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

/// What a frame shows.
struct Row<'a> {
    name: &'a str,
    place: String,
    fill: String,
}

fn write_children(svg: &mut String, profile: &Profile, node: &Node, (left, scale): (f64, f64), below: usize) {
    let mut x = left;
    for (function, child) in &node.children {
        let width = child.weight as f64 * scale;
        if width >= NARROWEST {
            let function = &profile.functions[*function as usize];
            let row = Row {
                name: &function.name,
                place: format!(" [{}]", function.module),
                fill: colour(&function.name, function.kind),
            };
            let y = below - ROW;
            let total = amount(child.weight, profile.unit);
            write_frame(svg, &row, (x, width), y, (&total, profile.percent(child.weight)));
            write_children(svg, profile, child, (x, scale), y);
        }
        x += width;
    }
}

fn write_frame(
    svg: &mut String,
    row: &Row<'_>,
    (x, width): (f64, f64),
    y: usize,
    (total, percent): (&str, f64),
) {
    let name = escape(row.name);
    let room = ((width - 6.0) / CHARACTER).max(0.0) as usize;
    let length = row.name.chars().count();
    let label = match room {
        0..3 => String::new(),
        room if length <= room => name.clone(),
        room => escape(&row.name.chars().take(room - 2).collect::<String>()) + "..",
    };
    // Writing to a string does not fail.
    let _ = writeln!(
        svg,
        r#"<g class="f" data-x="{x:.2}" data-w="{width:.2}" data-n="{name}"><title>{name}{}: {total}, {percent:.2} %</title><rect x="{x:.2}" y="{y}" width="{:.2}" height="{}" fill="{}"/><text x="{:.2}" y="{}">{label}</text></g>"#,
        escape(&row.place),
        (width - 0.4).max(0.1),
        ROW - 1,
        row.fill,
        x + 3.0,
        y + 12,
    );
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

/// Makes text fit for XML 1.0: markup is escaped, characters that it forbids become `?`.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            ' '..='~' => escaped.push(character),
            control if control.is_control() || matches!(control, '\u{fffe}' | '\u{ffff}') => {
                escaped.push('?');
            }
            // ASCII only: an editor that guesses the encoding cannot guess wrong.
            other => {
                let _ = write!(escaped, "&#{};", u32::from(other)); // writing to a string does not fail
            }
        }
    }
    escaped
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
        assert_eq!(of("a").3, "a [libkernel.so]: 75 samples, 75.00 %");
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
