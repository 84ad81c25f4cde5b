//! What the command line's parser does not see: flags on both sides of a command, and numbers that
//! belong together.

use crate::args::{Args, Command, Kept, Scenario, StoreChoice};
use crate::dialect::{CHINWAG, Dialect};
use crate::server::Recipe;

impl Args {
    pub fn check(&self) -> Result<(), String> {
        let common = &self.common;
        let is_found = common.addr.is_some();
        if is_found && common.server.is_some() {
            return Err(
                "--addr is for a server that runs, and --server for one to start: say one of them"
                    .to_owned(),
            );
        }
        for (flag, is_given) in [
            ("--pid", common.pid.is_some()),
            ("--dialect", common.dialect.is_some()),
        ] {
            if is_given && !is_found {
                return Err(format!("{flag} is for a server that runs: say --addr too"));
            }
        }
        if self.clients.is_some() && self.command.is_some() {
            return Err(
                "--clients comes after the command: say chinwag-bench dm --clients N".into(),
            );
        }
        self.check_size()?;
        if !self.has_drawing() {
            self.refuse("--svg", "there are no messages to draw: leave it out")?;
        }
        match &self.command {
            None => self.refuse(
                "--runs",
                "without a command, it does all once: leave it out",
            ),
            Some(Command::Scenario(scenario)) => scenario.check(),
            Some(Command::Ramp { .. }) => {
                self.refuse("--runs", "ramp does each rate once: leave it out")
            }
            Some(Command::Soak(soak)) => {
                if soak.minutes.is_some() && common.time.is_some() {
                    return Err(
                        "--minutes and --time both say how long: say one of them".to_owned()
                    );
                }
                // Its visitors say what only this server knows.
                match self.dialect() {
                    Some(dialect) if *dialect != CHINWAG => {
                        Err(format!("a soak speaks chinwag, and not {}", dialect.name))
                    }
                    _ => self.refuse("--runs", "a soak is long enough: leave it out"),
                }
            }
            Some(Command::FindLimit { .. }) => {
                self.refuse("--runs", "find-limit looks once: leave it out")
            }
            Some(Command::Compare(rounds)) => {
                for flag in ["--addr", "--server"] {
                    self.refuse(flag, "compare starts its servers: say --servers")?;
                }
                self.refuse("--runs", "compare has turns: say --turns")?;
                check_names(&rounds.servers)
            }
            Some(Command::Kept(kept)) => {
                self.refuse(
                    "--addr",
                    "a kept room has a server of its own: say --server",
                )?;
                if kept.kill {
                    self.refuse("--runs", "with --kill there are rounds: say --rounds")?;
                }
                kept.check(self.common.server.as_ref())
            }
            Some(Command::Floor { .. }) => {
                for flag in ["--addr", "--server"] {
                    self.refuse(flag, "floor is a server: say --listen for where")?;
                }
                self.refuse("--runs", "floor runs until it is ended: leave it out")
            }
            Some(Command::Supervise { .. }) => Ok(()),
        }
    }

    /// Says why a flag makes no sense, if it is given.
    fn refuse(&self, flag: &str, why: &str) -> Result<(), String> {
        let is_given = match flag {
            "--addr" => self.common.addr.is_some(),
            "--server" => self.common.server.is_some(),
            "--runs" => self.common.runs > 1,
            _ => self.common.svg.is_some(),
        };
        if is_given {
            return Err(format!("{flag} makes no sense here; {why}"));
        }
        Ok(())
    }

    /// What the server speaks, as far as that is said.
    fn dialect(&self) -> Option<&'static Dialect> {
        let started = self.common.server.as_ref().map(|recipe| recipe.dialect);
        started.or(self.common.dialect)
    }

    /// A longer line than a server takes would be lost, and look like its fault.
    fn check_size(&self) -> Result<(), String> {
        let mut dialects: Vec<&Dialect> = match &self.command {
            Some(Command::Compare(rounds)) => {
                rounds.servers.iter().map(|recipe| recipe.dialect).collect()
            }
            _ => vec![self.dialect().unwrap_or(&CHINWAG)],
        };
        dialects.retain(|dialect| self.common.size > dialect.payload_bytes_max);
        let tightest = dialects.iter().min_by_key(|known| known.payload_bytes_max);
        tightest.map_or(Ok(()), |dialect| {
            Err(format!(
                "a line of {} bytes is too long for {}: say a --size of at most {}",
                self.common.size, dialect.name, dialect.payload_bytes_max
            ))
        })
    }

    /// Drawings show messages, and how a soak went.
    fn has_drawing(&self) -> bool {
        let has_messages = |scenario: &Scenario| scenario.roles().has_messages();
        match &self.command {
            Some(Command::Scenario(scenario)) => has_messages(scenario),
            Some(Command::FindLimit { .. } | Command::Floor { .. }) => false,
            Some(Command::Compare(rounds)) => {
                let mut workloads = rounds.workloads.iter();
                workloads.any(|benchmark| has_messages(&benchmark.scenario))
            }
            _ => true,
        }
    }
}

/// Servers are told apart by their names.
fn check_names(servers: &[Recipe]) -> Result<(), String> {
    for (place, recipe) in servers.iter().enumerate() {
        let mut before = servers.iter().take(place);
        if before.any(|other| other.name == recipe.name) {
            return Err(format!(
                "{} is there twice: give it another name, by NAME=DIALECT=COMMAND",
                recipe.name
            ));
        }
    }
    Ok(())
}

impl Kept {
    fn check(&self, server: Option<&Recipe>) -> Result<(), String> {
        let is_without = self.store == StoreChoice::None;
        if self.kill && is_without {
            return Err("nothing is kept with --store none, and --kill looks for it".to_owned());
        }
        if self.waiting > 0.0 && self.store != StoreChoice::File && !self.kill {
            return Err(
                "nothing waits without a store: say --store file beside --waiting".to_owned(),
            );
        }
        match server {
            Some(recipe) if *recipe.dialect != CHINWAG => {
                let name = recipe.dialect.name;
                Err(format!("a kept room speaks chinwag, and not {name}"))
            }
            Some(recipe) if recipe.keeping("none").is_none() => Err(format!(
                "the command of {} has no place for a store: say @STORE@",
                recipe.name
            )),
            _ => Ok(()),
        }
    }
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
