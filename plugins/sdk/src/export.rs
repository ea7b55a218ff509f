//! [`export!`](crate::export): the one macro that makes a crate a plugin.

use runner_plugin_abi::PluginTable;

/// Joins the parts of the manifest into an array that can live in its own ELF section.
pub const fn section_bytes<const N: usize>(parts: &[&str]) -> [u8; N] {
    let mut bytes = [0; N];
    let mut at = 0;
    let mut part = 0;
    while part < parts.len() {
        let text = parts[part].as_bytes();
        let mut index = 0;
        while index < text.len() {
            bytes[at] = text[index];
            at += 1;
            index += 1;
        }
        part += 1;
    }
    bytes
}

/// A text as it may stand between quotes in JSON; anything that would need an escape stops the compiler.
///
/// # Panics
/// On a quote, a backslash or a control character: in a constant, as in `export!`, that is a compile error.
pub const fn plain(text: &str) -> &str {
    let bytes = text.as_bytes();
    let mut index = 0;
    while index < bytes.len() {
        assert!(
            bytes[index] != b'"' && bytes[index] != b'\\' && bytes[index] >= b' ' && bytes[index] != 0x7f,
            "name and summary of a plugin must not hold quotes, backslashes or control characters"
        );
        index += 1;
    }
    text
}

/// What the exported function returns.
pub const fn table(table: &'static PluginTable) -> *const PluginTable {
    table
}

/// Exports a type as the plugin of this library. The first line names the role and the type:
/// `kernel: T`, `profiler: T`, `capture: T` or `ledger: T`. `schema` is the JSON Schema of the step's
/// `with:`, a literal or `include_str!`.
///
/// Name and summary stand in the manifest as they are: quotes, backslashes and control characters are
/// refused by the compiler.
///
/// ```compile_fail
/// # use runner_plugin::{Capture, Error, Host};
/// # struct Nothing;
/// # impl Capture for Nothing {
/// #     type Config = serde_json::Value;
/// #     fn create(_: &Host, _: serde_json::Value) -> Result<Self, Error> { Ok(Self) }
/// #     fn capture(&mut self, _: &Host) -> Result<serde_json::Value, Error> { Ok(().into()) }
/// # }
/// runner_plugin::export! {
///     capture: Nothing,
///     name: "nothing",
///     summary: "Captures \"nothing\"",
///     schema: "{}",
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export {
    ($role:ident: $plugin:ty, name: $name:literal, summary: $summary:literal, schema: $schema:expr $(,)?) => {
        #[allow(unsafe_code, reason = "the exported symbol and section of a plugin")]
        const _: () = {
            const _: &str = $crate::private::plain($name);
            const PARTS: [&str; 9] = [
                concat!(
                    r#"{"name":""#,
                    $name,
                    r#"","version":""#,
                    env!("CARGO_PKG_VERSION"),
                    r#"","role":""#
                ),
                stringify!($role),
                r#"","abi":["#,
                "1,1",
                r#"],"needs_host_minor":0,"summary":""#,
                $crate::private::plain($summary),
                r#"","config_schema":"#,
                $schema,
                "}",
            ];
            const LEN: usize = {
                let mut len = 0;
                let mut part = 0;
                while part < PARTS.len() {
                    len += PARTS[part].len();
                    part += 1;
                }
                len
            };
            #[used]
            #[unsafe(link_section = ".runner_plugin")]
            static MANIFEST: [u8; LEN] = $crate::private::section_bytes(&PARTS);
            static TABLE: $crate::private::abi::PluginTable = $crate::private::$role::<$plugin>(&MANIFEST);

            #[unsafe(no_mangle)]
            extern "C" fn runner_plugin_v1() -> *const $crate::private::abi::PluginTable {
                $crate::private::table(&TABLE)
            }
        };
    };
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_plain_text_stays_as_it_is() {
        assert_eq!(plain("Adds 1 + 1 'quickly' \u{2014} \u{e9}"), "Adds 1 + 1 'quickly' \u{2014} \u{e9}");
    }

    #[test]
    fn what_json_would_have_to_escape_is_refused() {
        for text in ["a \"b\"", "a\\b", "a\nb", "\0", "a\u{7f}"] {
            assert!(std::panic::catch_unwind(|| plain(text)).is_err(), "{text:?}");
        }
    }
}
