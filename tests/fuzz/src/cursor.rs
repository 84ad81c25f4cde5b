//! Reads a test case from a fuzzer's bytes, front to back. It never runs out: behind the end there
//! are zeros and empty texts. So every input is a test case, and a small change to the input is a
//! small change to the case.

/// Ends a text. It is the one byte that no text can hold, and the chat drops it anyway.
pub const END_OF_TEXT: u8 = 0x01;

#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        let Some((&byte, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        byte
    }

    /// A number below `end`, which is 256 at most.
    pub fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// Small numbers and huge ones alike take few bytes.
    pub fn number(&mut self) -> u64 {
        let shift = u32::from(self.byte() % 64);
        u64::from(self.byte()).rotate_left(shift)
    }

    pub fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// The bytes up to [`END_OF_TEXT`], or the rest.
    pub fn text(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|byte| *byte == END_OF_TEXT);
        let (text, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest.get(1..).unwrap_or_default();
        text
    }

    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
}
