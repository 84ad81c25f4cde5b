//! What a line costs does not grow with what others have made.

use std::time::{Duration, Instant};

use chinwag::chat::message::{
    ClientId, CloseReason, Command, Delivery, Event, Mode, Peer, ServerStats,
};
use chinwag::chat::name::{Name, RoomName};
use chinwag::chat::outbox::{Addressee, Outbox};
use chinwag::chat::tick::Tick;
use chinwag::chat::{Chat, ROOMS_PAGE, Settings};

/// Takes everything, and keeps nothing.
struct Deaf;

impl Outbox for Deaf {
    fn send(&mut self, _: ClientId, _: &Event<'_>) {}

    fn deliver(&mut self, _: ClientId, _: ClientId, _: &Event<'_>) -> Delivery {
        Delivery::Queued
    }

    fn announce<I>(&mut self, _: &RoomName, to: I, _: &Event<'_>)
    where
        I: Iterator<Item = Addressee>,
    {
        to.for_each(drop);
    }

    fn mode(&self, _: ClientId) -> Mode {
        Mode::Plain
    }

    fn set_mode(&mut self, _: ClientId, _: Mode) {}

    fn close(&mut self, _: ClientId, _: CloseReason) {}

    fn stats(&self) -> ServerStats {
        ServerStats::default()
    }

    fn named(&mut self, _: ClientId, _: Name) {}
}

const NOW: Tick = Tick::NEVER;

fn user(chat: &mut Chat, slot: u32) -> ClientId {
    let id = ClientId {
        slot,
        generation: 0,
    };
    chat.connect(NOW, id, Peer::Unix);
    let name = Name::parse(&format!("user{slot}")).unwrap();
    chat.handle(NOW, id, Ok(Command::Nick(name)), &mut Deaf);
    id
}

fn join(chat: &mut Chat, id: ClientId, room: usize) {
    let room = RoomName::parse(&format!("room{room}")).unwrap();
    chat.handle(NOW, id, Ok(Command::Join(room)), &mut Deaf);
}

/// The least time that a page of the list of rooms takes.
fn time_of(chat: &mut Chat, asker: ClientId, page: usize) -> Duration {
    let once = |_| {
        let start = Instant::now();
        chat.handle(NOW, asker, Ok(Command::Rooms(page)), &mut Deaf);
        start.elapsed()
    };
    (0..100).map(once).min().unwrap()
}

/// The last page of very many rooms took as long as to look at all of them; and so did the only page,
/// once they were gone.
#[test]
fn a_page_of_rooms_costs_the_same_wherever_it_is_and_however_many_there_were() {
    const ROOMS: usize = 50_000;
    let mut chat = Chat::new(Settings {
        server_name: "chinwag.test".to_owned(),
        lobby: RoomName::parse("lobby").unwrap(),
        rooms_per_client_max: ROOMS + 1,
        motd: Vec::new(),
        hash_seed: [1, 2, 3, 4],
    });
    let asker = user(&mut chat, 0);
    for room in 1..ROOMS_PAGE {
        join(&mut chat, asker, room);
    }
    let few = time_of(&mut chat, asker, 1);
    let makers: Vec<ClientId> = (1..=ROOMS / 100)
        .map(|slot| user(&mut chat, u32::try_from(slot).unwrap()))
        .collect();
    for room in ROOMS_PAGE..ROOMS {
        join(&mut chat, makers[room / 100], room);
    }
    let last = time_of(&mut chat, asker, ROOMS / ROOMS_PAGE);
    for maker in makers {
        chat.disconnect(NOW, maker, &mut Deaf);
    }
    assert_eq!(chat.census().rooms, ROOMS_PAGE);
    let after = time_of(&mut chat, asker, 1);
    // It was a hundred times and more.
    assert!(last < few * 20, "{few:?} for few rooms, {last:?} for many");
    assert!(after < few * 20, "{few:?} before, {after:?} after many");
    chat.check_invariants();
}
