//! A password leaves nothing in the buffer that it was read into.

use std::fs::File;
use std::os::unix::fs::FileExt;

use chinwag::wire::codec::Codec;

const LINE_BYTES_MAX: usize = 256;

/// What a buffer's memory holds, behind its end, too. The kernel reads it: no safe code can.
fn memory_of(buffer: &Vec<u8>) -> Vec<u8> {
    let mut bytes = vec![b'?'; buffer.capacity()];
    let place = buffer.as_ptr().addr() as u64;
    let memory = File::open("/proc/self/mem").expect("Linux");
    memory.read_exact_at(&mut bytes, place).expect("readable");
    bytes
}

/// A buffer that a line was read into in these pieces, and that was wiped then if asked for.
fn buffer_after(pieces: &[&[u8]], is_wiped: bool) -> Vec<u8> {
    let mut codec = Codec::default();
    codec.lend(Vec::with_capacity(128));
    let mut lines = 0;
    for piece in pieces {
        let mut rest = *piece;
        while codec.next(&mut rest, LINE_BYTES_MAX).is_some() {
            lines += 1;
        }
    }
    assert_eq!(lines, 1);
    if is_wiped {
        codec.wipe();
    }
    codec.take_back()
}

#[test]
fn wiped_buffer_holds_nothing_of_a_password() {
    for pieces in [
        &[&b"/login alice hunter2\n"[..]][..],
        &[b"/login alice hun", b"ter2\n"],
        &[b"/login alice hunter2x\x08\r\n"],
        &[b"hunter2\x15hunter2\n"],
    ] {
        let holds_it = |is_wiped| {
            let memory = memory_of(&buffer_after(pieces, is_wiped));
            assert_eq!(memory.len(), 128);
            memory.windows(4).any(|bytes| b"hunter2".starts_with(bytes))
        };
        assert!(holds_it(false), "it can be found");
        assert!(!holds_it(true));
    }
}
