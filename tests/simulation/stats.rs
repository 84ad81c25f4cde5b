//! The statistics of histories.

use std::fmt;
use std::ops::AddAssign;

use crate::client_view::ClientView;
use crate::clients::Client;
use crate::history::History;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub histories: u64,
    /// Histories with a crowd.
    pub crowds: u64,
    /// Turns of the server, and events between them.
    pub turns: u64,
    pub events: u64,
    pub clients: u64,
    /// Clients gone at the end, and refused.
    pub closed: u64,
    pub turned_away: u64,
    /// Room lines that were received, and that were skipped.
    pub heard: u64,
    pub missed: u64,
    /// Clients whose received and skipped lines were compared with those due, to the line.
    pub counted: u64,
    /// The number of checks in the middle of a history that all lines were answered.
    pub answered: u64,
    /// The number of times that the largest queue was closed.
    pub largest_closed: u64,
    /// Private messages: delivered; lost, and the sender told; refused at once.
    pub delivered: u64,
    pub told: u64,
    pub refused: u64,
}

impl AddAssign for Stats {
    fn add_assign(&mut self, other: Self) {
        self.histories += other.histories;
        self.crowds += other.crowds;
        self.turns += other.turns;
        self.events += other.events;
        self.clients += other.clients;
        self.closed += other.closed;
        self.turned_away += other.turned_away;
        self.heard += other.heard;
        self.missed += other.missed;
        self.counted += other.counted;
        self.answered += other.answered;
        self.largest_closed += other.largest_closed;
        self.delivered += other.delivered;
        self.told += other.told;
        self.refused += other.refused;
    }
}

impl Stats {
    pub fn of(history: &History) -> Self {
        Self {
            histories: 1,
            crowds: u64::from(history.plan.is_crowd()),
            turns: history.turns,
            events: history.events,
            clients: history.clients.len() as u64,
            answered: history.liveness_checks,
            largest_closed: history.largest_closed,
            ..Self::default()
        }
    }

    pub fn add_view(&mut self, client: &Client, view: &ClientView) {
        self.closed += u64::from(client.connection.is_closed());
        self.turned_away += u64::from(client.was_refused);
        self.heard += view.heard.values().sum::<u64>() + view.renames;
        self.missed += view.missed.values().sum::<u64>();
    }

    /// A step is a turn of the server, or an event between two.
    pub fn steps(&self) -> u64 {
        self.turns + self.events
    }

    pub fn in_time(&self, seconds: f64) -> String {
        let per_second = |count: u64| count as f64 / seconds;
        format!(
            "{:.1} histories and {:.0} steps a second",
            per_second(self.histories),
            per_second(self.steps())
        )
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} histories ({} with a crowd), {} steps ({} turns, {} events), {} clients ({} gone at \
             the end, {} turned away); lines of rooms: {} heard, {} missed, for {} clients held to \
             the line against what was said; {} times all answers were due in between; {} times \
             the largest queue was closed; private messages: {} delivered, {} lost and told, {} \
             refused",
            self.histories,
            self.crowds,
            self.steps(),
            self.turns,
            self.events,
            self.clients,
            self.closed,
            self.turned_away,
            self.heard,
            self.missed,
            self.counted,
            self.answered,
            self.largest_closed,
            self.delivered,
            self.told,
            self.refused
        )
    }
}
