//! `${{ }}` expressions: [`Template`] (text with expressions in it) and [`Expression`] (a gate).
//!
//! The language is minijinja's, with strict undefined: a name that does not exist is an error, never an
//! empty text. A template that is one expression and nothing else keeps the expression's type, so that
//! `"${{ vars.size }}"` is a number.

use std::ops::Range;

use minijinja::{Environment, UndefinedBehavior};
use serde_json::Value;

use crate::diagnostic::Span;

/// An expression that was compiled once, so its syntax is known to be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    source: String,
    names: Vec<String>,
}

/// Why an expression is wrong or has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionError {
    /// What is wrong.
    pub message: String,
    /// Where, in bytes of the expression's own text.
    pub range: Range<usize>,
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment
}

impl Expression {
    /// Compiles an expression.
    pub fn parse(source: &str) -> Result<Self, ExpressionError> {
        let environment = environment();
        let compiled = environment.compile_expression(source).map_err(|error| explain(&error, source))?;
        let mut names: Vec<String> = compiled.undeclared_variables(true).into_iter().collect();
        names.sort();
        Ok(Self { source: source.to_owned(), names })
    }

    /// The text.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The dotted names it uses, such as `metrics.correlation`, sorted.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Where a name stands in the text.
    pub fn place_of(&self, name: &str) -> Range<usize> {
        let start = self.source.find(name).unwrap_or(0);
        start..(start + name.len()).min(self.source.len())
    }

    /// The value in a scope (a JSON object).
    pub fn value(&self, scope: &Value) -> Result<Value, ExpressionError> {
        let environment = environment();
        let whole = 0..self.source.len();
        let compiled =
            environment.compile_expression(&self.source).map_err(|error| explain(&error, &self.source))?;
        let value = compiled.eval(minijinja::value::Serde(scope)).map_err(|error| {
            let message = error.detail().map_or_else(|| error.to_string(), str::to_owned);
            ExpressionError { message, range: error.range().unwrap_or(whole.clone()) }
        })?;
        if value.is_undefined() {
            let message = format!("`{}` has no value here", self.source.trim());
            return Err(ExpressionError { message, range: whole });
        }
        serde_json::to_value(&value)
            .map_err(|error| ExpressionError { message: error.to_string(), range: whole })
    }
}

fn explain(error: &minijinja::Error, source: &str) -> ExpressionError {
    let message = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    ExpressionError { message, range: error.range().unwrap_or(0..source.len()) }
}

/// A text that may hold `${{ }}` expressions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: String,
    /// Where the text stands in the workflow.
    pub span: Span,
    parts: Vec<Part>,
}

/// A part of a template and what it becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where it stands, in bytes of the template's text.
    pub range: Range<usize>,
    /// What it becomes; `None` when it has no value in the scope.
    pub text: Option<String>,
    /// Whether it stands there as it is; otherwise it is an expression.
    pub literal: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    /// The expression and where its text begins in the template.
    Expression(Expression, usize),
}

impl Template {
    /// Splits and compiles. The range of an error counts in bytes of `text`.
    pub fn parse(text: &str, span: Span) -> Result<Self, ExpressionError> {
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(open) = text[at..].find("${{").map(|found| at + found) {
            if open > at {
                parts.push(Part::Text(text[at..open].to_owned()));
            }
            let start = open + 3;
            let len = closing(&text[start..]).ok_or_else(|| ExpressionError {
                message: "`${{` is never closed by `}}`".to_owned(),
                range: open..start,
            })?;
            let expression =
                Expression::parse(&text[start..start + len]).map_err(|error| ExpressionError {
                    message: error.message,
                    range: start + error.range.start..start + error.range.end,
                })?;
            parts.push(Part::Expression(expression, start));
            at = start + len + 2;
        }
        if at < text.len() {
            parts.push(Part::Text(text[at..].to_owned()));
        }
        Ok(Self { text: text.to_owned(), span, parts })
    }

    /// The text as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Every dotted name it uses, with the place of the name in bytes of the text.
    pub fn names(&self) -> Vec<(String, Range<usize>)> {
        let mut names = Vec::new();
        for part in &self.parts {
            if let Part::Expression(expression, start) = part {
                for name in expression.names() {
                    let place = expression.place_of(name);
                    names.push((name.clone(), start + place.start..start + place.end));
                }
            }
        }
        names
    }

    /// The text piece by piece in a scope, for those who need to know what stands where.
    pub fn pieces(&self, scope: &Value) -> Vec<Piece> {
        let mut at = 0;
        let mut pieces = Vec::new();
        for part in &self.parts {
            let (end, text, literal) = match part {
                Part::Text(plain) => (at + plain.len(), Some(plain.clone()), true),
                Part::Expression(expression, start) => {
                    let text = expression.value(scope).ok().map(|value| match value {
                        Value::String(text) => text,
                        other => other.to_string(),
                    });
                    (start + expression.source.len() + 2, text, false)
                }
            };
            pieces.push(Piece { range: at..end, text, literal });
            at = end;
        }
        pieces
    }

    /// The value: of the expression's own type when the text is one expression, else text.
    pub fn value(&self, scope: &Value) -> Result<Value, ExpressionError> {
        if let [Part::Expression(expression, start)] = self.parts.as_slice() {
            return expression.value(scope).map_err(|error| shift(error, *start));
        }
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Expression(expression, start) => {
                    match expression.value(scope).map_err(|error| shift(error, *start))? {
                        Value::String(value) => text.push_str(&value),
                        other => text.push_str(&other.to_string()),
                    }
                }
            }
        }
        Ok(Value::String(text))
    }

    /// The value as text.
    pub fn render(&self, scope: &Value) -> Result<String, ExpressionError> {
        Ok(match self.value(scope)? {
            Value::String(text) => text,
            other => other.to_string(),
        })
    }
}

fn shift(error: ExpressionError, by: usize) -> ExpressionError {
    ExpressionError { range: error.range.start + by..error.range.end + by, ..error }
}

/// Where `}}` closes an expression: not inside a quoted text.
fn closing(text: &str) -> Option<usize> {
    let mut quote = None;
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(_), b'\\') => at += 1,
            (Some(open), byte) if byte == open => quote = None,
            (None, byte @ (b'"' | b'\'')) => quote = Some(byte),
            (None, b'}') if bytes.get(at + 1) == Some(&b'}') => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn value(text: &str) -> Result<Value, ExpressionError> {
        let scope = json!({"vars": {"size": 4096, "name": "a"}, "metrics": {"correlation": 0.5}});
        Template::parse(text, Span::default())?.value(&scope)
    }

    #[test]
    fn one_expression_keeps_its_type_and_text_around_it_makes_text() {
        assert_eq!(value("${{ vars.size }}"), Ok(json!(4096)));
        assert_eq!(value("--size=${{ vars.size }}/${{ vars.name }}"), Ok(json!("--size=4096/a")));
        assert_eq!(value("plain"), Ok(json!("plain")));
        assert_eq!(value("${{ '}}' }}"), Ok(json!("}}")));
        assert_eq!(value("${{ metrics.correlation >= 0.999 }}"), Ok(json!(false)));
    }

    #[test]
    fn an_unknown_name_is_an_error_and_an_open_expression_names_its_place() {
        assert!(value("${{ vars.sise }}").is_err());
        assert_eq!(value("ab ${{ vars.size").expect_err("open").range, 3..6);
        assert!(value("${{ 1 + }}").is_err());
    }

    #[test]
    fn names_are_dotted_and_placed() {
        let template =
            Template::parse("x ${{ steps.env.metrics.a + vars.size }}", Span::default()).expect("parses");
        let names: Vec<String> = template.names().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["steps.env.metrics.a", "vars.size"]);
    }
}
