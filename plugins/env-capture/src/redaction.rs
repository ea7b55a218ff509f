//! What must not stand in a bundle: names that look secret, values that look secret, credentials in
//! addresses.
//!
//! A bundle is committed and read by many, so a doubtful value is redacted: a name that merely contains
//! `KEY` costs a fact, a leaked key costs more. Used by `variables` and `git`.

/// What stands instead of a secret.
pub(crate) const REDACTED: &str = "<redacted>";

/// A variable whose upper-case name contains one of these is secret.
const SECRET_NAMES: [&str; 16] = [
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "KEY",
    "CREDENTIAL",
    "AUTH",
    "COOKIE",
    "SESSION",
    "PRIVATE",
    "BEARER",
    "SIGNATURE",
    "WEBHOOK",
    "DSN",
    "CONNECTION_STRING",
];

/// Well-known beginnings of keys: AWS, GitHub, GitLab, Slack, common API keys, JSON web tokens, PEM.
const SECRET_VALUES: [&str; 11] =
    ["AKIA", "ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "sk-", "eyJ", "-----BEGIN "];

/// Whether a variable must be redacted. `extra` are further parts of names.
pub(crate) fn is_secret(name: &str, value: &str, extra: &[String]) -> bool {
    let name = name.to_uppercase();
    // MYSQL_PWD is a password; PWD and OLDPWD are directories.
    SECRET_NAMES.iter().any(|part| name.contains(part))
        || name.ends_with("_PWD")
        || extra.iter().any(|part| !part.is_empty() && name.contains(&part.to_uppercase()))
        || SECRET_VALUES.iter().any(|start| value.starts_with(start))
        || has_credentials(value)
}

/// Whether the text holds an address with credentials: `scheme://user:password@host`, anywhere in it.
fn has_credentials(text: &str) -> bool {
    text.match_indices("://").any(|(at, separator)| authority(&text[at + separator.len()..]).contains('@'))
}

/// An address without user, password and query. `git@host:path` keeps its user: it is part of the address.
pub(crate) fn without_credentials(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let authority = authority(rest);
    let path = &rest[authority.len()..];
    let path = path.split_once('?').map_or_else(|| path.to_owned(), |(path, _)| format!("{path}?{REDACTED}"));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// The part before the path: it ends at a slash, a question mark, a hash or white space.
fn authority(rest: &str) -> &str {
    let ends = |c: char| matches!(c, '/' | '?' | '#') || c.is_whitespace();
    rest.split(ends).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_names_and_values_are_seen_and_plain_ones_are_not() {
        let extra = ["acme".to_owned()];
        for (name, value) in [
            ("GITHUB_TOKEN", "x"),
            ("aws_secret_access_key", "x"),
            ("MYSQL_PWD", "x"),
            ("HTTP_COOKIE", "x"),
            ("SENTRY_DSN", "x"),
            ("ACME_LICENCE", "x"),
            ("http_proxy", "http://me:pw@proxy:3128"),
            ("INDEX", "--extra-index-url https://t0ken@host/simple --pre"),
            ("SOMETHING", "ghp_0123456789"),
        ] {
            assert!(is_secret(name, value, &extra), "{name}");
        }
        for (name, value) in [
            ("PATH", "/usr/bin:/bin"),
            ("PWD", "/home/me"),
            ("OLDPWD", "/home/you"),
            ("HOMEPAGE", "https://example.org/@me"),
            ("OMP_NUM_THREADS", "4"),
            ("MAIL", "me@example.org"),
        ] {
            assert!(!is_secret(name, value, &extra), "{name}");
        }
    }

    #[test]
    fn credentials_are_cut_out_of_addresses() {
        for (address, clean) in [
            ("https://user:p%40ss@example.org/a/b.git", "https://example.org/a/b.git"),
            ("https://t0ken@example.org", "https://example.org"),
            ("https://a@b:c@example.org/x", "https://example.org/x"),
            ("https://example.org/a@b", "https://example.org/a@b"),
            ("https://example.org/a?access_token=1", "https://example.org/a?<redacted>"),
            ("git@example.org:a.git", "git@example.org:a.git"),
            ("../sibling", "../sibling"),
        ] {
            assert_eq!(without_credentials(address), clean);
        }
    }
}
