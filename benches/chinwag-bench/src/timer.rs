//! Waking at a point in time. Poll's own timeouts are in milliseconds, which is an eternity at
//! twenty thousand messages a second.

use std::io;
use std::time::Duration;

use mio::{Registry, Token};

use crate::timestamp::Timestamp;

#[cfg(target_os = "linux")]
pub use fd::Timer;

/// A `timerfd` in the poll.
#[cfg(target_os = "linux")]
mod fd {
    use std::os::fd::{AsRawFd as _, OwnedFd};

    use mio::Interest;
    use mio::unix::SourceFd;
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };

    use super::{Duration, Registry, Timestamp, Token, io};

    pub struct Timer {
        fd: OwnedFd,
        /// When it fires, if it is set.
        armed: Option<Timestamp>,
    }

    impl Timer {
        pub fn new(registry: &Registry, token: Token) -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let fd = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            registry.register(&mut SourceFd(&fd.as_raw_fd()), token, Interest::READABLE)?;
            Ok(Self { fd, armed: None })
        }

        /// The timeout to poll with, so as to wake at `wake_at`.
        pub fn timeout(
            &mut self,
            now: Timestamp,
            wake_at: Timestamp,
        ) -> io::Result<Option<Duration>> {
            if wake_at == Timestamp::NEVER {
                return Ok(None);
            }
            let wait = wake_at.since(now);
            if wait.is_zero() {
                return Ok(Some(wait));
            }
            // Set anew only to come sooner: an early wake-up does no harm, and costs less than a
            // call before each poll.
            if self
                .armed
                .is_none_or(|armed| wake_at < armed || armed <= now)
            {
                let mut timer = Itimerspec {
                    it_interval: Timespec::default(),
                    it_value: Timespec::default(),
                };
                timer.it_value.tv_sec = i64::try_from(wait.as_secs()).unwrap_or(i64::MAX);
                timer.it_value.tv_nsec = wait.subsec_nanos().into();
                timerfd_settime(&self.fd, TimerfdTimerFlags::empty(), &timer)?;
                self.armed = Some(wake_at);
            }
            Ok(None)
        }

        /// The poll said so. To set it anew also takes that back, so nothing is read.
        pub fn fired(&mut self) {
            self.armed = None;
        }
    }
}

/// Polls without waiting when the time is near.
#[cfg(not(target_os = "linux"))]
pub struct Timer;

#[cfg(not(target_os = "linux"))]
impl Timer {
    pub fn new(_registry: &Registry, _token: Token) -> io::Result<Self> {
        Ok(Self)
    }

    pub fn timeout(&mut self, now: Timestamp, wake_at: Timestamp) -> io::Result<Option<Duration>> {
        /// Longer waits can be a little late.
        const FINE_TIME_MAX: Duration = Duration::from_millis(20);
        let wait = (wake_at != Timestamp::NEVER).then(|| wake_at.since(now));
        Ok(wait.map(|wait| {
            if wait > FINE_TIME_MAX {
                wait
            } else {
                Duration::ZERO
            }
        }))
    }

    pub fn fired(&mut self) {}
}
