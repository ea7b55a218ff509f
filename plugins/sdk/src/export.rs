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

/// What the exported function returns.
pub const fn table(table: &'static PluginTable) -> *const PluginTable {
    table
}

/// Exports a type as the plugin of this library. The first line names the role and the type:
/// `kernel: T`, `profiler: T`, `capture: T` or `ledger: T`. `schema` is the JSON Schema of the step's
/// `with:`, a literal or `include_str!`.
#[macro_export]
macro_rules! export {
    ($role:ident: $plugin:ty, name: $name:literal, summary: $summary:literal, schema: $schema:expr $(,)?) => {
        #[allow(unsafe_code, reason = "the exported symbol and section of a plugin")]
        const _: () = {
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
                "1,0",
                r#"],"needs_host_minor":0,"summary":""#,
                $summary,
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
