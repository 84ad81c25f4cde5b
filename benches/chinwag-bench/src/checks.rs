//! What the command line's parser does not see: flags on both sides of a command, and numbers that
//! belong together.

use crate::args::{Args, Command};
use crate::compare::{Benchmark, Rounds};
use crate::dialect::{CHINWAG, Dialect};
use crate::scenario::Scenario;

impl Args {
    pub fn check(&self) -> Result<(), String> {
        let common = &self.common;
        let is_given = [
            (common.addr.is_some(), "--addr"),
            (common.server.is_some(), "--server"),
        ];
        let server = is_given
            .into_iter()
            .find_map(|(given, flag)| given.then_some(flag));
        if common.addr.is_some() && common.server.is_some() {
            return Err(
                "--addr is for a server that runs, and --server for one to start: say one of them"
                    .to_owned(),
            );
        }
        for (given, flag) in [
            (common.pid.is_some(), "--pid"),
            (common.dialect.is_some(), "--dialect"),
        ] {
            if given && common.addr.is_none() {
                return Err(format!("{flag} is for a server that runs: say --addr too"));
            }
        }
        if self.clients.is_some() && self.command.is_some() {
            return Err(
                "--clients comes after the command: say chinwag-bench dm --clients N".into(),
            );
        }
        self.check_size()?;
        self.check_soak()?;
        let runs = (common.runs > 1).then_some("--runs");
        let svg = common.svg.is_some().then_some("--svg");
        match &self.command {
            Some(command) => {
                command.check_drawing(svg)?;
                command.check(server, runs)
            }
            None => refuse(runs, "without a command, it does all once: leave it out"),
        }
    }

    /// A soak has one length, and its visitors say what only this server knows.
    fn check_soak(&self) -> Result<(), String> {
        let Some(Command::Soak(soak)) = &self.command else {
            return Ok(());
        };
        if soak.minutes.is_some() && self.common.time.is_some() {
            return Err("--minutes and --time both say how long: say one of them".to_owned());
        }
        let started = self.common.server.as_ref().map(|recipe| recipe.dialect);
        match started.or(self.common.dialect) {
            Some(dialect) if *dialect != CHINWAG => {
                Err(format!("a soak speaks chinwag, and not {}", dialect.name))
            }
            _ => Ok(()),
        }
    }

    /// A longer line than a server takes would be lost, and look like its fault.
    fn check_size(&self) -> Result<(), String> {
        let started = self.common.server.iter().map(|recipe| recipe.dialect);
        let spoken = self.common.dialect;
        let compared = match &self.command {
            Some(Command::Compare(rounds)) => rounds.servers.as_slice(),
            _ => &[],
        };
        let mut dialects: Vec<&Dialect> = started.chain(spoken).collect();
        if dialects.is_empty() && compared.is_empty() {
            dialects.push(&CHINWAG);
        }
        dialects.extend(compared.iter().map(|recipe| recipe.dialect));
        let tightest = dialects
            .into_iter()
            .min_by_key(|dialect| dialect.payload_bytes_max);
        match tightest {
            Some(dialect) if self.common.size > dialect.payload_bytes_max => Err(format!(
                "a line of {} bytes is too long for {}: say a --size of at most {}",
                self.common.size, dialect.name, dialect.payload_bytes_max
            )),
            _ => Ok(()),
        }
    }
}

impl Command {
    /// Drawings show messages, and how a soak went.
    fn check_drawing(&self, svg: Option<&str>) -> Result<(), String> {
        let is_idle = |benchmark: &Benchmark| !benchmark.scenario.roles().has_messages();
        let has_messages = match self {
            Self::Scenario(scenario) => scenario.roles().has_messages(),
            Self::FindLimit { .. } | Self::Floor { .. } => false,
            Self::Compare(rounds) => !rounds.workloads.iter().all(is_idle),
            _ => true,
        };
        if has_messages {
            return Ok(());
        }
        refuse(svg, "there are no messages to draw: leave it out")
    }

    fn check(&self, server: Option<&str>, runs: Option<&str>) -> Result<(), String> {
        match self {
            Self::Scenario(scenario) => scenario.check(),
            Self::Ramp { .. } => refuse(runs, "ramp does each rate once: leave it out"),
            Self::Soak(_) => refuse(runs, "a soak is long enough: leave it out"),
            Self::FindLimit { .. } => refuse(runs, "find-limit looks once: leave it out"),
            Self::Compare(Rounds { servers, .. }) => {
                refuse(server, "compare starts its servers: say --servers")?;
                refuse(runs, "compare has turns: say --turns")?;
                let again = servers.iter().enumerate().find(|(place, recipe)| {
                    let before = servers.iter().take(*place);
                    before.clone().any(|other| other.name == recipe.name)
                });
                again.map_or(Ok(()), |(_, recipe)| {
                    Err(format!(
                        "{} is there twice: give it another name, by NAME=DIALECT=COMMAND",
                        recipe.name
                    ))
                })
            }
            Self::Floor { .. } => {
                refuse(server, "floor is a server: say --listen for where")?;
                refuse(runs, "floor runs until it is ended: leave it out")
            }
            Self::Supervise { .. } => Ok(()),
        }
    }
}

/// Says why a flag makes no sense, if it is given.
fn refuse(flag: Option<&str>, why: &str) -> Result<(), String> {
    flag.map_or(Ok(()), |flag| {
        Err(format!("{flag} makes no sense here; {why}"))
    })
}

impl Scenario {
    fn check(&self) -> Result<(), String> {
        let roles = self.roles();
        let Some((members, speakers)) = roles.room.map(|room| (room.clients, room.senders)) else {
            return Ok(());
        };
        if speakers > members {
            return Err(format!(
                "a room of {members} has not {speakers} who speak: say at most --speakers {members}"
            ));
        }
        match self {
            Self::Slow { share, .. } if *share > 0.0 && roles.slow == 0 => Err(format!(
                "nobody would stop reading: {share} of {members} members, {speakers} of whom speak \
                 and read on; say a larger --share or more --members"
            )),
            _ => Ok(()),
        }
    }
}
