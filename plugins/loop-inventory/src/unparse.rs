//! [`expression`]: a Python expression as `ast.unparse` writes it, so that a header does not depend on layout.
//!
//! Called for the headers of Python loops. It follows `CPython` 3.11: its precedences, its parentheses (also the
//! needless ones of a generator that is an only argument) and its quotes. What it does not know, it shows as it
//! stands in the source.

use tree_sitter::Node;

use crate::literal;
use crate::syntax::{one_line, parts, source};

/// Deeper expressions are shown as they stand: the recursion must end before the stack does.
const DEEPEST: usize = 100;

const NAMED: u8 = 1;
const TUPLE: u8 = 2;
const YIELD: u8 = 3;
const TEST: u8 = 4;
const OR: u8 = 5;
const AND: u8 = 6;
const NOT: u8 = 7;
const CMP: u8 = 8;
const EXPR: u8 = 9;
const BXOR: u8 = 10;
const BAND: u8 = 11;
const SHIFT: u8 = 12;
const ARITH: u8 = 13;
const TERM: u8 = 14;
const FACTOR: u8 = 15;
const POWER: u8 = 16;
const AWAIT: u8 = 17;
const ATOM: u8 = 18;

/// An expression or a loop's target.
pub(crate) fn expression(node: Node<'_>, text: &str) -> String {
    Unparser { text, depth: 0 }.write(node, TEST)
}

/// The `for ... in ... if ...` part of a comprehension.
pub(crate) fn clauses(node: Node<'_>, text: &str) -> String {
    let clauses = Unparser { text, depth: 0 }.clauses(&parts(node));
    clauses.trim_start().to_owned()
}

#[derive(Clone, Copy)]
struct Unparser<'s> {
    text: &'s str,
    depth: usize,
}

impl Unparser<'_> {
    fn write(self, node: Node<'_>, level: u8) -> String {
        let deeper = Self { depth: self.depth + 1, ..self };
        let known = if self.depth < DEEPEST { deeper.known(node, level) } else { None };
        known.unwrap_or_else(|| one_line(node, node.end_byte(), self.text))
    }

    /// `None` for what is not known here.
    fn known(self, node: Node<'_>, level: u8) -> Option<String> {
        let parts = parts(node);
        let field = |name| node.child_by_field_name(name);
        let kind = node.kind();
        Some(match kind {
            "identifier" | "true" | "false" | "none" | "ellipsis" => source(node, self.text).to_owned(),
            "integer" | "float" => literal::number(source(node, self.text)),
            "string" | "concatenated_string" => self.string(node)?,
            "parenthesized_expression" => self.write(*parts.first()?, level),
            "attribute" => {
                let object = field("object")?;
                // `3 .real`: a point behind digits would be a fraction.
                let space = if object.kind() == "integer" { " " } else { "" };
                let name = source(field("attribute")?, self.text);
                format!("{}{space}.{name}", self.write(object, ATOM))
            }
            "subscript" => self.subscript(node)?,
            "slice" => self.slice(node),
            "call" => self.call(node)?,
            "keyword_argument" => {
                format!("{}={}", source(field("name")?, self.text), self.write(field("value")?, TEST))
            }
            "list_splat" | "list_splat_pattern" => format!("*{}", self.write(*parts.first()?, EXPR)),
            "dictionary_splat" | "dictionary_splat_pattern" => {
                format!("**{}", self.write(*parts.first()?, EXPR))
            }
            "list" | "list_pattern" => format!("[{}]", self.all(&parts)),
            "set" | "dictionary" => format!("{{{}}}", self.all(&parts)),
            "pair" => format!("{}: {}", self.write(field("key")?, TEST), self.write(field("value")?, TEST)),
            "tuple" | "expression_list" | "pattern_list" => self.tuple(&parts, level),
            "tuple_pattern" => {
                let has_comma = node.children(&mut node.walk()).any(|child| child.kind() == ",");
                if parts.len() == 1 && !has_comma {
                    self.write(parts[0], level)
                } else {
                    self.tuple(&parts, level)
                }
            }
            "binary_operator" => self.binary(node, level)?,
            "unary_operator" => {
                let operator = source(field("operator")?, self.text);
                wrap(level > FACTOR, format!("{operator}{}", self.write(field("argument")?, FACTOR)))
            }
            "not_operator" => wrap(level > NOT, format!("not {}", self.write(field("argument")?, NOT))),
            "boolean_operator" => self.boolean(node, level)?,
            "comparison_operator" => self.comparison(node, level),
            "conditional_expression" => {
                let [body, test, otherwise] = parts[..] else { return None };
                let (body, test) = (self.write(body, OR), self.write(test, OR));
                wrap(level > TEST, format!("{body} if {test} else {}", self.write(otherwise, TEST)))
            }
            "named_expression" => {
                let (name, value) = (self.write(field("name")?, ATOM), self.write(field("value")?, ATOM));
                wrap(level > NAMED, format!("{name} := {value}"))
            }
            "lambda" => {
                let parameters = field("parameters").map(|list| format!(" {}", self.parameters(list)));
                let body = self.write(field("body")?, TEST);
                wrap(level > TEST, format!("lambda{}: {body}", parameters.unwrap_or_default()))
            }
            "await" => wrap(level > AWAIT, format!("await {}", self.write(*parts.first()?, ATOM))),
            "yield" => {
                let is_from = node.child(1).is_some_and(|child| child.kind() == "from");
                let word = if is_from { "yield from" } else { "yield" };
                let value = parts.first().map(|value| format!(" {}", self.write(*value, ATOM)));
                wrap(level > YIELD, format!("{word}{}", value.unwrap_or_default()))
            }
            "list_comprehension" => format!("[{}{}]", self.write(field("body")?, TEST), self.clauses(&parts)),
            "generator_expression" => {
                format!("({}{})", self.write(field("body")?, TEST), self.clauses(&parts))
            }
            "set_comprehension" | "dictionary_comprehension" => {
                format!("{{{}{}}}", self.write(field("body")?, TEST), self.clauses(&parts))
            }
            _ => return None,
        })
    }

    fn all(self, nodes: &[Node<'_>]) -> String {
        nodes.iter().map(|node| self.write(*node, TEST)).collect::<Vec<_>>().join(", ")
    }

    fn tuple(self, parts: &[Node<'_>], level: u8) -> String {
        let elements = if parts.len() == 1 { format!("{},", self.all(parts)) } else { self.all(parts) };
        wrap(parts.is_empty() || level > TUPLE, elements)
    }

    fn clauses(self, parts: &[Node<'_>]) -> String {
        let clause = |clause: &Node<'_>| match clause.kind() {
            "for_in_clause" => {
                let target = self.write(clause.child_by_field_name("left")?, TUPLE);
                let iterable = self.write(clause.child_by_field_name("right")?, OR);
                let is_async = clause.child(0).is_some_and(|word| word.kind() == "async");
                Some(format!(" {}for {target} in {iterable}", if is_async { "async " } else { "" }))
            }
            "if_clause" => {
                let condition = crate::syntax::parts(*clause).into_iter().next()?;
                Some(format!(" if {}", self.write(condition, OR)))
            }
            _ => None,
        };
        parts.iter().filter_map(clause).collect()
    }

    fn subscript(self, node: Node<'_>) -> Option<String> {
        let value = node.child_by_field_name("value")?;
        let mut cursor = node.walk();
        let inside: Vec<Node<'_>> = node.children_by_field_name("subscript", &mut cursor).collect();
        let has_comma = node.children(&mut node.walk()).any(|child| child.kind() == ",");
        let inner = match inside[..] {
            [one] if !has_comma => {
                let tuple = Some(one).filter(|one| one.kind() == "tuple" && one.named_child_count() > 0);
                tuple.map_or_else(|| self.write(one, TEST), |tuple| self.tuple(&parts(tuple), 0))
            }
            _ => self.tuple(&inside, 0),
        };
        Some(format!("{}[{inner}]", self.write(value, ATOM)))
    }

    fn slice(self, node: Node<'_>) -> String {
        let mut written = String::new();
        let mut colons = 0;
        for at in 0..node.child_count() {
            let Some(child) = node.child(at) else { continue };
            match child.kind() {
                // The second colon stands only where a step follows.
                ":" => {
                    colons += 1;
                    if colons == 1 || node.child_count() > at + 1 {
                        written.push(':');
                    }
                }
                kind if kind.ends_with("comment") => {}
                _ => written.push_str(&self.write(child, TEST)),
            }
        }
        written
    }

    fn call(self, node: Node<'_>) -> Option<String> {
        let function = self.write(node.child_by_field_name("function")?, ATOM);
        let list = node.child_by_field_name("arguments")?;
        if list.kind() == "generator_expression" {
            return Some(format!("{function}({})", self.write(list, TEST)));
        }
        let is_keyword = |node: &Node<'_>| matches!(node.kind(), "keyword_argument" | "dictionary_splat");
        let (keywords, mut arguments): (Vec<_>, Vec<_>) = parts(list).into_iter().partition(is_keyword);
        arguments.extend(keywords);
        let written = arguments.into_iter().map(|node| match node.kind() {
            // Unlike in a dictionary, anything may stand behind these stars.
            "dictionary_splat" => match parts(node).first() {
                Some(value) => format!("**{}", self.write(*value, TEST)),
                None => source(node, self.text).to_owned(),
            },
            _ => self.write(node, TEST),
        });
        Some(format!("{function}({})", written.collect::<Vec<_>>().join(", ")))
    }

    fn parameters(self, list: Node<'_>) -> String {
        let one = |node: Node<'_>| match (node.kind(), node.child_by_field_name("name")) {
            ("default_parameter", Some(name)) => {
                let value = node.child_by_field_name("value").map(|value| self.write(value, TEST));
                format!("{}={}", source(name, self.text), value.unwrap_or_default())
            }
            _ => self.write(node, TEST),
        };
        parts(list).into_iter().map(one).collect::<Vec<_>>().join(", ")
    }

    fn binary(self, node: Node<'_>, level: u8) -> Option<String> {
        let operator = source(node.child_by_field_name("operator")?, self.text);
        let own = match operator {
            "+" | "-" => ARITH,
            "*" | "@" | "/" | "%" | "//" => TERM,
            "<<" | ">>" => SHIFT,
            "|" => EXPR,
            "^" => BXOR,
            "&" => BAND,
            "**" => POWER,
            _ => return None,
        };
        let (left, right) = if own == POWER { (own + 1, own) } else { (own, own + 1) };
        let left = self.write(node.child_by_field_name("left")?, left);
        let right = self.write(node.child_by_field_name("right")?, right);
        Some(wrap(level > own, format!("{left} {operator} {right}")))
    }

    /// `CPython` raises the level with each operand: of `a and b == c` the comparison gets no parentheses, of
    /// `a and b and c == d` it does.
    fn boolean(self, node: Node<'_>, level: u8) -> Option<String> {
        let operator = node.child_by_field_name("operator")?.kind();
        let own = if operator == "and" { AND } else { OR };
        let mut operands = Vec::new();
        let mut at = node;
        loop {
            operands.push(at.child_by_field_name("right")?);
            at = at.child_by_field_name("left")?;
            let same = at.child_by_field_name("operator").is_some_and(|word| word.kind() == operator);
            if at.kind() != "boolean_operator" || !same {
                break;
            }
        }
        operands.push(at);
        let written = operands.iter().rev().enumerate().map(|(index, operand)| {
            let raised =
                u8::try_from(index).map_or(ATOM, |index| own.saturating_add(index).saturating_add(1));
            self.write(*operand, raised.min(ATOM))
        });
        let joined = written.collect::<Vec<_>>().join(&format!(" {operator} "));
        Some(wrap(level > own, joined))
    }

    fn comparison(self, node: Node<'_>, level: u8) -> String {
        let mut written = Vec::new();
        for child in node.children(&mut node.walk()) {
            match child.kind() {
                kind if kind.ends_with("comment") || kind == "line_continuation" => {}
                "not in" => written.push("not in".to_owned()),
                "is not" => written.push("is not".to_owned()),
                "<" | "<=" | "==" | "!=" | ">=" | ">" | "<>" | "in" | "is" => {
                    written.push(child.kind().to_owned());
                }
                _ => written.push(self.write(child, EXPR)),
            }
        }
        wrap(level > CMP, written.join(" "))
    }

    fn string(self, node: Node<'_>) -> Option<String> {
        let pieces = if node.kind() == "string" { vec![node] } else { parts(node) };
        // An f-string holds expressions; it is shown as it stands, with the usual quotes where that is safe.
        let is_formatted = |piece: &Node<'_>| {
            piece.child(0).is_some_and(|start| source(start, self.text).to_ascii_lowercase().contains('f'))
        };
        if pieces.iter().any(is_formatted) {
            let [one] = pieces[..] else { return None };
            let body = source(one, self.text).strip_prefix("f\"")?.strip_suffix('"')?;
            return (!body.contains(['\'', '"', '\\'])).then(|| format!("f'{body}'"));
        }
        literal::string(&pieces.iter().map(|piece| source(*piece, self.text)).collect::<Vec<_>>())
    }
}

fn wrap(needed: bool, written: String) -> String {
    if needed { format!("({written})") } else { written }
}
