//! The plan of a history: its limits, and the number, slowness and chattiness of its clients.

use std::time::Duration;

use chinwag::config::Limits;

use crate::rng::Rng;

/// The rooms. A client enters the first on registering; the witness is in all.
pub const ROOMS: [&str; 4] = ["lobby", "r1", "r2", "r3"];

/// A room of this size tells each join and leave at once, so that the witness's log has the members at
/// any time.
const SMALL_MAX: usize = 45;

/// More members than three turns write to.
const SEVERAL_TURNS_MIN: usize = 200;

/// Rooms with more members get no presence notices.
pub const TOLD_MAX: usize = 1000;

/// Only seeds past this have histories with thousands of clients, as these take seconds.
const THOUSANDS_FROM_SEED: u64 = 1 << 20;

/// The kind of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Few enough clients for each join and leave to be told at once.
    Small,
    /// As small; long lines, and queues of hundreds of kilobytes.
    Deep,
    /// As small; the limits of connections are low, in all and for each address.
    Crammed,
    /// Joins and leaves are summed up, or both by turns; a line may take several turns.
    Crowd,
    /// A crowd, with more output in one turn than a fan-out may hold.
    Flood,
    /// Thousands of clients, without presence notices.
    Thousands,
}

#[derive(Debug)]
pub struct Plan {
    pub kind: Kind,
    pub limits: Limits,
    /// Time leaps, so that clients can stall.
    pub stalls: bool,
    /// At the end an hour passes without reading.
    pub last_hour: bool,
    /// The server is told to exit at the end.
    pub shutdown: bool,
    pub clients_at_start: usize,
    pub clients_max: usize,
    pub steps: usize,
    /// The larger, the more often sockets take little.
    pub slowness: usize,
    /// The larger, the more lines are sent at once.
    pub chattiness: usize,
}

impl Plan {
    pub fn draw(seed: u64, rng: &mut Rng) -> Self {
        let kind = draw_kind(seed, rng);
        let stalls = rng.one_in(3);
        let (clients_at_start, clients_max, steps) = match kind {
            Kind::Small => (rng.between(8..=36), SMALL_MAX, rng.between(100..=400)),
            Kind::Crammed => (rng.between(4..=20), SMALL_MAX, rng.between(100..=300)),
            Kind::Deep => (rng.between(6..=14), 20, rng.between(60..=150)),
            // A fan-out takes enough turns for a slot to be reused in between.
            Kind::Crowd if rng.one_in(5) => (rng.between(260..=340), 400, 20),
            // Some rooms pass 50 members in both directions.
            Kind::Crowd => (rng.between(44..=130), 240, rng.between(40..=90)),
            Kind::Flood => (400, 410, 6),
            Kind::Thousands => (rng.between(950..=5000), 6000, rng.between(20..=100)),
        };
        Self {
            kind,
            limits: draw_limits(kind, clients_at_start, rng),
            stalls,
            last_hour: stalls && rng.one_in(2),
            shutdown: rng.one_in(6),
            clients_at_start,
            clients_max,
            steps,
            slowness: rng.between(1..=5),
            chattiness: rng.between(1..=6),
        }
    }

    /// Whether a fan-out takes enough turns for a slot to be reused in between.
    pub fn has_long_fan_outs(&self) -> bool {
        self.kind == Kind::Crowd && self.clients_at_start > SEVERAL_TURNS_MIN
    }

    /// Whether the lobby is too large for each join and leave to be told at once.
    pub fn is_crowd(&self) -> bool {
        matches!(self.kind, Kind::Crowd | Kind::Flood | Kind::Thousands)
    }
}

fn draw_kind(seed: u64, rng: &mut Rng) -> Kind {
    match rng.below(64) {
        0..=5 => Kind::Crowd,
        6 => Kind::Flood,
        7..=11 => Kind::Deep,
        12..=21 => Kind::Crammed,
        22 if seed >= THOUSANDS_FROM_SEED && rng.one_in(16) => Kind::Thousands,
        _ => Kind::Small,
    }
}

/// Small limits, so that each is reached: the minimum of `Limits::check`, or a multiple.
fn draw_limits(kind: Kind, clients: usize, rng: &mut Rng) -> Limits {
    let (line_bytes_max, soft_lines, hard_softs) = match kind {
        Kind::Deep => (rng.pick(&[2048, 4096]), 20, rng.pick(&[2, 4])),
        Kind::Flood => (4096, 16, 2),
        Kind::Thousands => (rng.pick(&[512, 4096]), rng.pick(&[4, 16]), 4),
        _ => (
            rng.pick(&[64, 128, 512, 2048]),
            rng.pick(&[4, 8, 20]),
            rng.pick(&[2, 4, 10, 50]),
        ),
    };
    let output_soft_bytes_max = line_bytes_max * soft_lines;
    let output_hard_bytes_max = output_soft_bytes_max * hard_softs;
    let output_total_bytes_max = match kind {
        // The fan-out has its own limit, which must be reached first.
        Kind::Flood | Kind::Thousands => 64 << 20,
        _ => output_hard_bytes_max * rng.pick(&[1, 2, 3, 10, 50]),
    };
    let clients_max = match kind {
        Kind::Crammed => 1 + clients + rng.below(6),
        _ => 7000,
    };
    let limits = Limits {
        clients_max,
        clients_per_address_max: match kind {
            Kind::Crammed => rng.between(1..=4),
            _ => 7000,
        },
        limit_loopback: false,
        register_time: Duration::from_secs(60),
        line_bytes_max,
        line_burst: 1 + u32::try_from(rng.below(20)).unwrap(),
        lines_per_second: 1 + u32::try_from(rng.below(50)).unwrap(),
        output_soft_bytes_max,
        output_hard_bytes_max,
        output_total_bytes_max,
        turn_lines_max: match kind {
            Kind::Flood => 30,
            _ => rng.between(1..=20),
        },
        turn_bytes_max: match kind {
            Kind::Flood => 30 * line_bytes_max,
            _ => line_bytes_max + rng.below(2000),
        },
        ..Limits::default()
    };
    limits.check().unwrap();
    limits
}
