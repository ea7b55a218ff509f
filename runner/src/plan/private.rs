//! [`is_private`]: which names say that their value is a secret.
//!
//! Used by the plan (what must not be quoted in a mistake) and by `evidence::Secrets`. Narrower than the rule of
//! the env-capture plugin, which redacts one listing: here a wrong guess would take a word out of all of the
//! evidence. Every name of this rule is one of that plugin's too; a test holds that.

/// Words of a name, between `_`, that make it private.
pub const PRIVATE_WORDS: [&str; 19] = [
    "TOKEN",
    "SECRET",
    "SECRETS",
    "PASSWORD",
    "PASSWORDS",
    "PASSWD",
    "PASSPHRASE",
    "APIKEY",
    "CREDENTIAL",
    "CREDENTIALS",
    "AUTH",
    "AUTHORIZATION",
    "AUTHENTICATION",
    "AUTHTOKEN",
    "BEARER",
    "COOKIE",
    "WEBHOOK",
    "DSN",
    "ACCESSKEY",
];
/// Words that make it private when `KEY` or `KEYS` follows.
pub const PRIVATE_KEYS: [&str; 5] = ["API", "ACCESS", "PRIVATE", "SIGNING", "ENCRYPTION"];

/// Whether the value of a variable of this name is a secret: `GITHUB_TOKEN`, `aws_secret_access_key`, `apiToken`.
pub fn is_private(name: &str) -> bool {
    let words = words(name);
    let key = |pair: &[String]| {
        PRIVATE_KEYS.contains(&pair[0].as_str()) && matches!(pair[1].as_str(), "KEY" | "KEYS")
    };
    // MYSQL_PWD is a password; PWD alone is a directory.
    words.iter().any(|word| PRIVATE_WORDS.contains(&word.as_str()))
        || words.windows(2).any(key)
        || words.len() > 1
            && words.last().is_some_and(|last| last == "PWD")
            && words.first().is_some_and(|first| first != "OLD")
}

/// The words of a name in capitals: they end at what is no letter or digit, and before a capital behind a small
/// letter.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut small_before = false;
    for character in name.chars() {
        let breaks = character.is_uppercase() && small_before;
        if (breaks || !character.is_alphanumeric()) && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if character.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(character.to_uppercase());
        }
        small_before = character.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_seen_and_others_are_not() {
        for name in [
            "GITHUB_TOKEN",
            "TOKEN",
            "aws_secret_access_key",
            "DB_PASSWORD",
            "MYSQL_PWD",
            "OPENAI_API_KEY",
            "apikey",
            "api_key",
            "apiToken",
            "PRIVATE_KEY",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "HTTP_AUTH",
            "AUTH_HEADER",
            "x-auth-token",
        ] {
            assert!(is_private(name), "{name}");
        }
        for name in [
            "PATH",
            "PWD",
            "OLDPWD",
            "OLD_PWD",
            "AUTHOR",
            "GIT_AUTHOR_NAME",
            "MAX_TOKENS",
            "TOKENIZER",
            "KEY",
            "sort_key",
            "XAUTHORITY",
            "HOME",
            "SECRETARY",
            "size",
            "",
        ] {
            assert!(!is_private(name), "{name}");
        }
    }
}
