//! Passes over JSON that nobody needs: [`Skip`], 64 bytes at a time.
//!
//! Finds the end of an object or array from bit masks of quotes, backslashes and brackets, as simdjson does. What
//! is passed over is not checked, but for its quotes and the number of its brackets. Used by the JSON reader.

/// Bytes of one step.
pub(crate) const BLOCK: usize = 64;

/// Where a pass stands between two blocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Skip {
    /// Brackets that are open.
    depth: u64,
    /// All ones inside a string.
    in_string: u64,
    /// 1 where the first byte of the next block is escaped.
    escaped: u64,
}

impl Skip {
    /// `depth` brackets are open.
    pub(crate) fn new(depth: u64) -> Self {
        Self { depth, in_string: 0, escaped: 0 }
    }

    /// Passes over one block; gives the position after the bracket that closed the outermost one.
    #[inline]
    pub(crate) fn block(&mut self, block: &[u8; BLOCK]) -> Option<usize> {
        let masks = Masks::of(block);
        let quotes = masks.quotes & !self.escapes(masks.backslashes);
        let strings = prefix_xor(quotes) ^ self.in_string;
        self.in_string = (strings.cast_signed() >> 63).cast_unsigned(); // the last bit, in all of them
        let opened = masks.opened & !strings;
        let mut closed = masks.closed & !strings;
        let (ups, downs) = (u64::from(opened.count_ones()), u64::from(closed.count_ones()));
        if self.depth > 0 && downs < self.depth {
            self.depth = self.depth + ups - downs;
            return None;
        }
        // The end may be in this block: from bracket to bracket.
        let mut taken = 0;
        while closed != 0 {
            let at = closed.trailing_zeros();
            let before = u64::from((opened & ((1_u64 << at) - 1)).count_ones());
            taken += 1;
            if self.depth + before == taken {
                return Some(at as usize + 1);
            }
            closed &= closed - 1;
        }
        self.depth = self.depth + ups - downs;
        None
    }

    /// Which bytes stand behind a backslash that is not itself escaped.
    #[inline]
    fn escapes(&mut self, mut backslashes: u64) -> u64 {
        let mut escapes = self.escaped;
        backslashes &= !escapes;
        self.escaped = 0;
        while backslashes != 0 {
            let at = backslashes.trailing_zeros();
            if at == 63 {
                self.escaped = 1;
                break;
            }
            escapes |= 2 << at;
            backslashes &= !(3 << at);
        }
        escapes
    }
}

/// One bit a byte.
struct Masks {
    quotes: u64,
    backslashes: u64,
    opened: u64,
    closed: u64,
}

/// `[` and `{` differ in one bit, and so do `]` and `}`.
const SAME: u8 = 0x20;

impl Masks {
    #[inline]
    fn of(block: &[u8; BLOCK]) -> Self {
        let mut masks = Self { quotes: 0, backslashes: 0, opened: 0, closed: 0 };
        for (lane, bytes) in block.as_chunks::<8>().0.iter().enumerate() {
            let bytes = u64::from_le_bytes(*bytes);
            let folded = bytes | all(SAME);
            let at = lane * 8;
            masks.quotes |= equal(bytes, b'"') << at;
            masks.backslashes |= equal(bytes, b'\\') << at;
            masks.opened |= equal(folded, b'{') << at;
            masks.closed |= equal(folded, b'}') << at;
        }
        masks
    }
}

const fn all(byte: u8) -> u64 {
    byte as u64 * 0x0101_0101_0101_0101
}

/// One bit for each of eight bytes that is `byte`.
#[inline]
fn equal(bytes: u64, byte: u8) -> u64 {
    let differing = bytes ^ all(byte);
    // The high bit of each byte that is not zero; no carry leaves its byte.
    let others = ((differing & all(0x7f)) + all(0x7f)) | differing;
    let found = (!others & all(0x80)) >> 7;
    found.wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// Bit n is the exclusive or of the bits up to n: ones from a quote to the next.
#[inline]
fn prefix_xor(bits: u64) -> u64 {
    (0..6).fold(bits, |bits, step| bits ^ (bits << (1 << step)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The same, byte by byte.
    fn plainly(bytes: &[u8]) -> Option<usize> {
        let (mut depth, mut string, mut escaped) = (1, false, false);
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'"' | b'\\' if escaped => {}
                b'\\' => {
                    escaped = true;
                    continue;
                }
                b'"' => string = !string,
                b'{' | b'[' if !string => depth += 1,
                b'}' | b']' if !string => depth -= 1,
                _ => {}
            }
            escaped = false;
            if depth == 0 {
                return Some(at + 1);
            }
        }
        None
    }

    proptest! {
        #[test]
        fn blocks_find_the_end_that_single_bytes_find(text in r#"[a"\\{}\[\] \u{80}\u{db}]{0,400}"#) {
            let mut bytes = text.clone().into_bytes();
            bytes.resize(bytes.len().next_multiple_of(BLOCK), b' ');
            let (mut skip, mut found) = (Skip::new(1), None);
            for (number, block) in bytes.as_chunks::<BLOCK>().0.iter().enumerate() {
                let masks = Masks::of(block);
                let bits = |is: fn(u8) -> bool| {
                    block.iter().enumerate().fold(0, |mask, (at, byte)| mask | (u64::from(is(*byte)) << at))
                };
                prop_assert_eq!(masks.quotes, bits(|byte| byte == b'"'));
                prop_assert_eq!(masks.backslashes, bits(|byte| byte == b'\\'));
                prop_assert_eq!(masks.opened, bits(|byte| matches!(byte, b'{' | b'[')));
                prop_assert_eq!(masks.closed, bits(|byte| matches!(byte, b'}' | b']')));
                found = found.or_else(|| skip.block(block).map(|at| number * BLOCK + at));
                if found.is_some() { break; }
            }
            prop_assert_eq!(found, plainly(&bytes));
        }
    }
}
