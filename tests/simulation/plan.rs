//! What a history is like: its limits, how many there are, how slow and how talkative.

use std::time::Duration;

use chinwag::config::Limits;

use crate::rng::Chance;

/// The rooms there are. Everyone enters the first on registering; the witness is in all.
pub const ROOMS: [&str; 4] = ["lobby", "r1", "r2", "r3"];

/// So many may be in a room that tells each join and leave at once: then the witness's log says
/// who was where.
const SMALL_MAX: usize = 45;

/// More than three turns write to.
const SEVERAL_TURNS_MIN: usize = 200;

/// In rooms with more than so many, nobody is told who comes and goes.
pub const TOLD_MAX: usize = 1000;

/// Only seeds past this have histories with thousands of people, as these take seconds.
const THOUSANDS_FROM_SEED: u64 = 1 << 20;

/// What a history is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// So few that each join and leave is told at once.
    Small,
    /// As small; long lines, and queues of hundreds of kilobytes.
    Deep,
    /// As small; there are few places, in all and for each address.
    Crammed,
    /// Joins and leaves are summed up, or both by turns; a line may take several turns.
    Crowd,
    /// A crowd to whom one turn says more than may be put off.
    Flood,
    /// Thousands, whom nobody tells of joins and leaves.
    Thousands,
}

#[derive(Debug)]
pub struct Plan {
    pub kind: Kind,
    pub limits: Limits,
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
    pub fn draw(seed: u64, chance: &mut Chance) -> Self {
        let kind = draw_kind(seed, chance);
        let stalls = chance.one_in(3);
        let (people_at_start, people_max, steps) = match kind {
            Kind::Small => (chance.between(8..=36), SMALL_MAX, chance.between(100..=400)),
            Kind::Crammed => (chance.between(4..=20), SMALL_MAX, chance.between(100..=300)),
            Kind::Deep => (chance.between(6..=14), 20, chance.between(60..=150)),
            // Written to in so many turns that in between a place can change hands.
            Kind::Crowd if chance.one_in(5) => (chance.between(260..=340), 400, 20),
            // Some rooms have 50 members, now more, now fewer.
            Kind::Crowd => (chance.between(44..=130), 240, chance.between(40..=90)),
            Kind::Flood => (400, 410, 6),
            Kind::Thousands => (chance.between(950..=5000), 6000, chance.between(20..=100)),
        };
        Self {
            kind,
            limits: draw_limits(kind, people_at_start, chance),
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

    /// Whether a line takes so many turns that in between a place can change hands.
    pub fn has_long_fan_outs(&self) -> bool {
        self.kind == Kind::Crowd && self.people_at_start > SEVERAL_TURNS_MIN
    }

    /// Whether there are more in the lobby than are told each join and leave at once.
    pub fn is_crowd(&self) -> bool {
        matches!(self.kind, Kind::Crowd | Kind::Flood | Kind::Thousands)
    }
}

fn draw_kind(seed: u64, chance: &mut Chance) -> Kind {
    match chance.below(64) {
        0..=5 => Kind::Crowd,
        6 => Kind::Flood,
        7..=11 => Kind::Deep,
        12..=21 => Kind::Crammed,
        22 if seed >= THOUSANDS_FROM_SEED && chance.one_in(16) => Kind::Thousands,
        _ => Kind::Small,
    }
}

/// Small ones, so that each is reached: as small as `Limits::check` lets them be, or some times
/// that.
fn draw_limits(kind: Kind, people: usize, chance: &mut Chance) -> Limits {
    let (line_bytes_max, soft_lines, hard_softs) = match kind {
        Kind::Deep => (chance.pick(&[2048, 4096]), 20, chance.pick(&[2, 4])),
        Kind::Flood => (4096, 16, 2),
        Kind::Thousands => (chance.pick(&[512, 4096]), chance.pick(&[4, 16]), 4),
        _ => (
            chance.pick(&[64, 128, 512, 2048]),
            chance.pick(&[4, 8, 20]),
            chance.pick(&[2, 4, 10, 50]),
        ),
    };
    let output_soft_bytes_max = line_bytes_max * soft_lines;
    let output_hard_bytes_max = output_soft_bytes_max * hard_softs;
    let output_total_bytes_max = match kind {
        // What is put off has its own limit, which is to be reached first.
        Kind::Flood | Kind::Thousands => 64 << 20,
        _ => output_hard_bytes_max * chance.pick(&[1, 2, 3, 10, 50]),
    };
    let clients_max = match kind {
        Kind::Crammed => 1 + people + chance.below(6),
        _ => 7000,
    };
    let limits = Limits {
        clients_max,
        clients_per_address_max: match kind {
            Kind::Crammed => chance.between(1..=4),
            _ => 7000,
        },
        limit_loopback: false,
        register_time: Duration::from_secs(60),
        line_bytes_max,
        line_burst: 1 + u32::try_from(chance.below(20)).unwrap(),
        lines_per_second: 1 + u32::try_from(chance.below(50)).unwrap(),
        output_soft_bytes_max,
        output_hard_bytes_max,
        output_total_bytes_max,
        turn_lines_max: match kind {
            Kind::Flood => 30,
            _ => chance.between(1..=20),
        },
        turn_bytes_max: match kind {
            Kind::Flood => 30 * line_bytes_max,
            _ => line_bytes_max + chance.below(2000),
        },
        ..Limits::default()
    };
    limits.check().unwrap();
    limits
}
