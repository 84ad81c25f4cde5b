//! How the values of flags are read, and what is said of one that makes no sense.

use std::fmt::Display;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::server::Recipe;
use crate::target::Target;

/// How long one of several addresses may take to answer.
const CONNECT_TIME: Duration = Duration::from_secs(3);

/// More runs, turns, speakers or messages under way than this make no sense.
pub const COUNT_MAX: usize = 10_000;

/// Messages a second.
pub fn rate(text: &str) -> Result<f64, String> {
    within(0.01..=1e8)(text)
}

pub fn within<T>(range: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, String> + Clone
where
    T: FromStr + PartialOrd + Display + Clone,
{
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| format!("say {} to {}", range.start(), range.end()))
    }
}

pub fn target(text: &str) -> Result<Target, String> {
    match text.strip_prefix("unix:") {
        Some("") => return Err("say a path after unix:".to_owned()),
        Some(path) => return Ok(Target::Unix(PathBuf::from(path))),
        None => {}
    }
    let addresses: Vec<SocketAddr> = text
        .to_socket_addrs()
        .map_err(|error| format!("{error}; say HOST:PORT, [IPV6]:PORT or unix:PATH"))?
        .collect();
    let (first, others) = addresses.split_first().ok_or("this name has no address")?;
    if others.is_empty() {
        return Ok(Target::Tcp(*first));
    }
    // A name may have addresses of which the server has only one, as localhost has two.
    let listens = |address: &&SocketAddr| TcpStream::connect_timeout(address, CONNECT_TIME).is_ok();
    let found = addresses.iter().find(listens);
    Ok(Target::Tcp(*found.unwrap_or(first)))
}

pub fn recipe(text: &str) -> Result<Recipe, String> {
    Recipe::parse(text).map_err(|error| error.to_string())
}

pub fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "say a number of seconds")?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|time| !time.is_zero() && *time <= Duration::from_secs(24 * 3600))
        .ok_or_else(|| "say more than 0 seconds and at most a day".to_owned())
}

pub fn minutes(text: &str) -> Result<Duration, String> {
    let minutes: f64 = text.parse().map_err(|_| "say a number of minutes")?;
    seconds(&(minutes * 60.0).to_string())
}
