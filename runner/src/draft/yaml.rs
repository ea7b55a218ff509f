//! Writing the YAML of a draft: [`scalar`], [`flow`], [`comment`].
//!
//! Only what a workflow needs, and always so that it reads back as the text that went in; anything doubtful is
//! quoted. Nothing here knows what a workflow is.

use std::fmt::Write;

/// How wide a line of a flow list may become.
const WIDTH: usize = 110;

/// A text as one YAML scalar.
pub(super) fn scalar(text: &str) -> String {
    if plain(text) { text.to_owned() } else { quoted(text) }
}

/// A whole number stays one; everything else as [`scalar`].
pub(super) fn number_or_scalar(text: &str) -> String {
    let number = text.len() < 16 && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if number && (text == "0" || !text.starts_with('0')) { text.to_owned() } else { scalar(text) }
}

fn plain(text: &str) -> bool {
    const WORDS: [&str; 10] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "~"];
    let option =
        text.starts_with('-') && text.trim_start_matches('-').starts_with(|c: char| c.is_ascii_alphabetic());
    (text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '_') || option || text == "--")
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./+=@() ".contains(c))
        && !text.ends_with(' ')
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if unprintable(c) => {
                // Writing into a String cannot fail.
                let _ = write!(quoted, "\\U{:08X}", c as u32);
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// What YAML does not allow as it is, and what would change how a line looks.
fn unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{fffe}' | '\u{ffff}')
}

/// A list in brackets behind `head`, over several lines when it is long.
pub(super) fn flow(head: &str, items: &[String]) -> String {
    let one = format!("{head}[{}]", items.join(", "));
    if one.len() <= WIDTH {
        return one;
    }
    let blanks = head.len() - head.trim_start().len();
    let indent = " ".repeat(blanks + 2);
    let mut lines = vec![format!("{head}[")];
    let mut line = indent.clone();
    for item in items {
        if line.len() > indent.len() && line.len() + item.len() + 2 > WIDTH {
            lines.push(line.trim_end().to_owned());
            line.clone_from(&indent);
        }
        line.push_str(item);
        line.push_str(", ");
    }
    lines.push(line.trim_end().to_owned());
    lines.push(format!("{}]", " ".repeat(blanks)));
    lines.join("\n")
}

/// A text that can stand in one line of a comment: what YAML does not allow is escaped.
pub(super) fn comment(text: &str) -> String {
    text.chars()
        .map(|c| if unprintable(c) { c.escape_default().to_string() } else { c.to_string() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Source;
    use crate::spec::node;

    fn read(text: &str) -> serde_json::Value {
        let source = Source { path: "t.yaml".into(), text: text.to_owned() };
        node::parse(&source).unwrap_or_else(|_| panic!("not YAML: {text}")).to_json()
    }

    #[test]
    fn every_text_reads_back_as_it_was() {
        for text in [
            "a",
            "--sizes",
            "--",
            "-",
            "-1",
            "TRUE",
            "no",
            "~",
            "",
            " ",
            "a: b",
            "a #b",
            "#b",
            "[x]",
            "{x}",
            "*a",
            "&a",
            "!t",
            "%",
            "@x",
            "`x`",
            "'x'",
            "\"x\"",
            "a\\b",
            "1e5",
            "0x10",
            "007",
            "1_000",
            ".5",
            "null",
            "caf\u{e9} \u{2192}",
            "tab\there",
            "line\nbreak",
            "\u{1b}[0m",
            "${{ bundle }}/a",
            "a,b",
            "?",
            "=",
            "x ",
            "\u{2028}",
            "\u{7f}",
            "\u{85}",
            "a = b (c)",
            "<<",
            "-x",
            "---",
            "2026-01-02",
            "12:30:45",
            ".inf",
        ] {
            let list = flow("v: ", &[scalar(text), number_or_scalar(text)]);
            let back = read(&list);
            assert_eq!(back["v"][0], text, "{list}");
            assert_eq!(back["v"][1], text, "{list}");
        }
        assert_eq!(read(&format!("v: {}", number_or_scalar("4096")))["v"], 4096);
    }

    #[test]
    fn a_long_list_is_broken_and_reads_back() {
        let items: Vec<String> = (0..60).map(|number| scalar(&format!("--option-{number}"))).collect();
        let text = flow("    run: ", &items);
        assert!(text.lines().count() > 3 && text.lines().all(|line| line.len() <= WIDTH), "{text}");
        assert_eq!(read(text.trim_start())["run"].as_array().expect("a list").len(), 60);
    }

    #[test]
    fn a_comment_holds_no_character_that_yaml_refuses() {
        assert_eq!(comment("a\u{0}\u{1b}\u{2028}b"), "a\\u{0}\\u{1b}\\u{2028}b");
        assert_eq!(read(&format!("a: 1 # {}", comment("\u{0}\u{7f}\n")))["a"], 1);
    }
}
