//! Buffers and strings across the border: what the plugin hands over is copied and released at once.
//!
//! Used by `instance` (what a plugin returns) and `table` (what it passes and gets). Nothing here keeps a
//! plugin's pointer longer than the call.
#![expect(unsafe_code, reason = "reads and releases buffers of the other side")]

use runner_plugin_abi::{Buf, Str};

pub(crate) fn lend(text: &str) -> Str {
    Str { ptr: text.as_ptr(), len: text.len() }
}

/// Hands bytes to the plugin, which releases them by the buffer's own `free`.
pub(crate) fn give(bytes: Vec<u8>) -> Buf {
    let bytes = bytes.into_boxed_slice();
    let len = bytes.len();
    Buf { ptr: Box::into_raw(bytes).cast(), len, free: Some(free_box) }
}

unsafe extern "C" fn free_box(ptr: *mut u8, len: usize) {
    if !ptr.is_null() {
        // SAFETY: `give` made the box from exactly this pointer and length.
        drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(ptr, len)) });
    }
}

/// Copies what a plugin returned and releases it. A length that no buffer can have reads as empty.
///
/// # Safety
/// `buf` must come from the plugin's last call and not have been taken yet.
#[expect(clippy::needless_pass_by_value, reason = "taking the buffer by value is what ends its life")]
pub(crate) unsafe fn take(buf: Buf) -> Vec<u8> {
    if buf.ptr.is_null() || isize::try_from(buf.len).is_err() {
        return Vec::new();
    }
    // SAFETY: the plugin states `len` valid bytes.
    let bytes = unsafe { std::slice::from_raw_parts(buf.ptr, buf.len) }.to_vec();
    if let Some(free) = buf.free {
        // SAFETY: the plugin's own release function, called once.
        unsafe { free(buf.ptr, buf.len) }
    }
    bytes
}

/// Copies a string that a plugin passed.
///
/// # Safety
/// `text` must be valid for the duration of this call.
pub(crate) unsafe fn text(text: Str) -> Result<String, String> {
    if text.ptr.is_null() || text.len == 0 {
        return Ok(String::new());
    }
    if isize::try_from(text.len).is_err() {
        return Err(format!("a string of {} bytes is not possible", text.len));
    }
    // SAFETY: the caller demands `len` valid bytes.
    let bytes = unsafe { std::slice::from_raw_parts(text.ptr, text.len) };
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|error| format!("not UTF-8: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_buffer_comes_back_and_is_released() {
        // SAFETY: made by `give` in this line.
        assert_eq!(unsafe { take(give(b"abc".to_vec())) }, b"abc");
        // SAFETY: an empty box has a dangling but not a null pointer.
        assert_eq!(unsafe { take(give(Vec::new())) }, b"");
        // SAFETY: nothing to take.
        assert_eq!(unsafe { take(Buf::EMPTY) }, b"");
    }

    #[test]
    fn a_string_that_is_not_utf8_is_refused() {
        let bytes = [0xff, b'a'];
        // SAFETY: the bytes live on this stack.
        let read = unsafe { text(Str { ptr: bytes.as_ptr(), len: 2 }) };
        assert!(read.expect_err("not UTF-8").starts_with("not UTF-8"), "the reason is named");
        // SAFETY: null stands for the empty string.
        assert_eq!(unsafe { text(Str { ptr: std::ptr::null(), len: 0 }) }, Ok(String::new()));
    }
}
