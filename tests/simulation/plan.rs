//! What a history is like: its limits, how many there are, how slow and how talkative.

use std::time::Duration;

use chinwag::config::Limits;

use crate::chance::Chance;

/// The rooms there are. Everyone enters the first on registering; the witness is in all.
pub const ROOMS: [&str; 4] = ["lobby", "r1", "r2", "r3"];

/// So many may be in a room that tells each join and leave at once: then the witness's log says
/// who was where.
const SMALL_MAX: usize = 45;

#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact about a history"
)]
pub struct Plan {
    pub limits: Limits,
    /// More in the lobby than are written to in one turn. Nobody there is told who comes and goes,
    /// as the server would sum that up.
    pub crowd: bool,
    /// Time leaps, so that who does not read is closed for it.
    pub stalls: bool,
    /// At the end an hour passes in which nobody begins to read.
    pub last_hour: bool,
    /// The server is told to exit at the end.
    pub shutdown: bool,
    pub people_at_start: usize,
    pub people_max: usize,
    pub steps: usize,
    /// The larger, the more often sockets take little.
    pub slowness: usize,
    /// The larger, the more lines are sent at once.
    pub chattiness: usize,
}

impl Plan {
    pub fn draw(chance: &mut Chance) -> Self {
        let crowd = chance.one_in(10);
        let stalls = chance.one_in(3);
        let (people_at_start, people_max, steps) = if crowd && chance.one_in(4) {
            // Written to in so many turns that in between a place can change hands.
            (chance.between(300..=340), 400, chance.between(20..=40))
        } else if crowd {
            (chance.between(80..=200), 240, chance.between(40..=120))
        } else {
            let people = chance.between(8..=36);
            (people, SMALL_MAX, chance.between(100..=500))
        };
        Self {
            limits: draw_limits(chance),
            crowd,
            stalls,
            last_hour: stalls && chance.one_in(2),
            shutdown: chance.one_in(6),
            people_at_start,
            people_max,
            steps,
            slowness: chance.between(1..=5),
            chattiness: chance.between(1..=6),
        }
    }
}

/// Small ones, so that each is reached: as small as `Limits::check` lets them be, or some times
/// that.
fn draw_limits(chance: &mut Chance) -> Limits {
    let line_bytes_max = chance.pick(&[64, 128, 512, 2048]);
    let output_soft_bytes_max = line_bytes_max * chance.pick(&[4, 8, 20]);
    let output_hard_bytes_max = output_soft_bytes_max * chance.pick(&[2, 4, 10, 50]);
    let limits = Limits {
        clients_max: 5000,
        clients_per_address_max: 3000,
        register_time: Duration::from_secs(60),
        line_bytes_max,
        line_burst: 1 + u32::try_from(chance.below(20)).unwrap(),
        lines_per_second: 1 + u32::try_from(chance.below(50)).unwrap(),
        output_soft_bytes_max,
        output_hard_bytes_max,
        output_total_bytes_max: output_hard_bytes_max * chance.pick(&[1, 2, 3, 10, 50]),
        turn_lines_max: chance.between(1..=20),
        turn_bytes_max: line_bytes_max + chance.below(2000),
        ..Limits::default()
    };
    limits.check().unwrap();
    limits
}
