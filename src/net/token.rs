//! Poll tokens: which source of events each number stands for.

use mio::Token;

use crate::chat::ids::ClientId;

/// A source of events that the poll watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The pipe that signal handlers write to.
    Signals,
    /// The store, which has done something.
    Waker,
    /// A listening socket, by its place among the listeners.
    Listener(u16),
    /// A client's socket. The generation keeps an event of a closed one from its successor.
    Client(ClientId),
}

/// Above every client's token: a slot never reaches `u32::MAX`.
const SIGNALS: usize = usize::MAX;

const WAKER: usize = SIGNALS - 1;

/// Listeners count down from here.
const FIRST_LISTENER: usize = WAKER - 1;
const LAST_LISTENER: usize = FIRST_LISTENER - u16::MAX as usize;

const SLOT_BITS: u32 = u32::BITS;

impl From<Source> for Token {
    fn from(source: Source) -> Self {
        const { assert!(usize::BITS >= 64, "a token holds a slot and a generation") };
        Self(match source {
            Source::Signals => SIGNALS,
            Source::Waker => WAKER,
            Source::Listener(place) => FIRST_LISTENER - usize::from(place),
            Source::Client(id) => ((id.generation as usize) << SLOT_BITS) | id.slot as usize,
        })
    }
}

impl From<Token> for Source {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "each half is 32 bits, a listener's place 16"
    )]
    fn from(Token(number): Token) -> Self {
        match number {
            SIGNALS => Self::Signals,
            WAKER => Self::Waker,
            LAST_LISTENER..=FIRST_LISTENER => Self::Listener((FIRST_LISTENER - number) as u16),
            _ => Self::Client(ClientId {
                slot: number as u32,
                generation: (number >> SLOT_BITS) as u32,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_survives_the_round_trip_through_a_token() {
        let client = |slot, generation| Source::Client(ClientId { slot, generation });
        for source in [
            Source::Signals,
            Source::Waker,
            Source::Listener(0),
            Source::Listener(u16::MAX),
            client(0, 0),
            client(7, u32::MAX),
            client(u32::MAX >> 1, u32::MAX),
        ] {
            assert_eq!(Source::from(Token::from(source)), source);
        }
    }
}
