//! `/ban`, `/unban` and `/bans`.

use std::collections::BTreeSet;

use ipnet::IpNet;

use crate::chat::archive::{Archive, Ban, BanKind, BanTarget, Change};
use crate::chat::close_reason::CloseReason;
use crate::chat::command::BanCommand;
use crate::chat::event::{
    BanView, Banned, BarredFrom, Event, ListedBanView, Notice, OperatorReply,
};
use crate::chat::ids::ClientId;
use crate::chat::name::Name;
use crate::chat::operators::bans::{
    BANS_MAX, address_of, is_wide, parse_range, range_of, verdict_of,
};
use crate::chat::operators::deeds::how_long_and_why;
use crate::chat::operators::effects::{NewBan, OperatorEffect};
use crate::chat::outbox::Outbox;
use crate::chat::refusal::{OperatorRefusal, QueryRefusal, Refusal};
use crate::chat::time::Now;
use crate::chat::{Chat, Outcome, Sender, answer, check_note};

use super::doors::barred_event;
use super::everywhere::ends_at;

/// Bans of a page: a screen.
const BANS_PAGE: usize = 20;

impl Chat {
    /// `/ban`: at once if it catches nobody who is here and is narrow, else the second time it is said.
    pub(super) fn ban<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        command: BanCommand<'a>,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        check_note(command.why)?;
        let (target, whom) = self.ban_target(&command)?;
        let until = command.time.map(|time| ends_at(now, time));
        let caught = self.caught_by(target, command.kind);
        let matches = self.people_of(&caught);
        let wide = matches!(target, BanTarget::Net(net) if is_wide(net));
        if wide || matches > 0 {
            let repeats = &mut self.operators.repeats;
            let is_second = repeats.is_second(now.timestamp, sender.client, &command);
            if !is_second && wide {
                let given = command.whom;
                return Err(OperatorRefusal::TooWide { given }.into());
            }
            if !is_second {
                let view = BanView {
                    number: None,
                    whom,
                    typed: command.whom,
                    kind: command.kind,
                    until,
                    matches,
                };
                return answer(outbox, sender.client, OperatorReply::Ban(view));
            }
        }
        self.drop_past_bans(now, archive);
        let bans_max = BANS_MAX;
        let number = self.operators.bans.mint();
        let ban = Ban {
            number: number.ok_or(OperatorRefusal::TooManyBans { bans_max })?,
            target,
            kind: command.kind,
            until,
            why: command.why.map(Box::from),
            by: sender.name,
            at: now.unix_ms,
        };
        let is_taken = archive.change(Change::Ban(ban.clone())).is_some();
        self.catch(now, &ban, &caught, outbox);
        let effect = OperatorEffect::Banned(NewBan {
            number: ban.number,
            whom,
            kind: ban.kind,
            until,
            matches,
        });
        self.operators.bans.insert(ban);
        let text = terms_of(&command);
        let typed = whom_of(whom);
        let deed = Self::server_deed(now, sender, "ban", Some(&typed), text);
        self.done(now, sender, is_taken, deed, effect, outbox, archive)
    }

    /// Whom a ban is to catch: an address, a range, an account, or the address of a guest who is here.
    fn ban_target<'a>(&self, command: &BanCommand<'a>) -> Result<(BanTarget, Banned), Refusal<'a>> {
        let given = command.whom;
        if let Some(net) = parse_range(given) {
            let guest = None;
            return Ok((BanTarget::Net(net), Banned::Net { net, guest }));
        }
        if let Ok((account, name)) = self.account_named(given) {
            self.check_no_operator(account, name)?;
            if command.kind == BanKind::LoginRequired {
                return Err(OperatorRefusal::LogsInAnyway { name }.into());
            }
            return Ok((BanTarget::Account(account), Banned::Account(Some(name))));
        }
        let bare = given.strip_prefix('@').unwrap_or(given);
        Name::parse(bare).map_err(|_| OperatorRefusal::BadTarget { given })?;
        let (user, name) = self.user_named(given)?;
        if self.user_operates_server(user) {
            return Err(OperatorRefusal::IsOperator { name }.into());
        }
        let peer = self
            .directory
            .user(user)
            .and_then(|user| self.peer_of(user.first()));
        let address = peer.and_then(|peer| address_of(&peer));
        let net = range_of(address.ok_or(OperatorRefusal::IsLocal { name })?);
        let guest = Some(name);
        Ok((BanTarget::Net(net), Banned::Net { net, guest }))
    }

    /// The connections that a ban catches: never this machine's, by an address, and never an operator's.
    fn caught_by(&self, target: BanTarget, kind: BanKind) -> Vec<ClientId> {
        let ids = self.directory.ids();
        let caught = ids.filter(|id| {
            let Some(client) = self.directory.get(*id) else {
                return false;
            };
            let account = client.user.and_then(|user| self.account_of(user));
            let is_meant = match target {
                BanTarget::Net(net) => is_in(net, client.peer()),
                BanTarget::Account(own) => account == Some(own),
            };
            let is_concerned = match kind {
                BanKind::Out | BanKind::Muted => true,
                BanKind::LoginRequired => client.user.is_some() && account.is_none(),
            };
            is_meant && is_concerned && !client.is_ending() && !self.operates_server(*id)
        });
        caught.collect()
    }

    /// How many people have these connections: one with several is one, and so is each without a name.
    fn people_of(&self, ids: &[ClientId]) -> usize {
        let users = ids.iter().filter_map(|id| self.directory.user_of(*id));
        let users: BTreeSet<_> = users.collect();
        let nameless = ids
            .iter()
            .filter(|id| self.directory.user_of(**id).is_none());
        users.len() + nameless.count()
    }

    /// Does what a ban is for to those whom it catches.
    fn catch<O: Outbox>(&mut self, now: Now, ban: &Ban, caught: &[ClientId], outbox: &mut O) {
        let verdict = verdict_of(ban);
        for id in caught {
            match ban.kind {
                BanKind::Out => {
                    let event = barred_event(BarredFrom::Coming, verdict);
                    self.end_connection(now, *id, &event, CloseReason::Banned, outbox);
                }
                BanKind::LoginRequired => {
                    self.become_nameless(now, *id, outbox);
                    outbox.send(*id, &barred_event(BarredFrom::BeingGuest, verdict));
                    outbox.send(*id, &Event::Notice(Notice::HowToRegister));
                }
                BanKind::Muted => {
                    if let Some(client) = self.directory.get_mut(*id) {
                        client.is_watched = true;
                    }
                    outbox.send(*id, &barred_event(BarredFrom::Speaking, verdict));
                }
            }
        }
    }

    /// `/unban`
    pub(super) fn unban<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        number: u32,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        self.drop_past_bans(now, archive);
        let ban = self.operators.bans.remove(number);
        let ban = ban.ok_or(OperatorRefusal::NoSuchBan { number })?;
        let is_taken = archive.change(Change::Unban { number }).is_some();
        let whom = whom_of(self.banned_of(ban.target));
        let deed = Self::server_deed(now, sender, "unban", Some(&whom), None);
        let effect = OperatorEffect::Unbanned { number };
        self.done(now, sender, is_taken, deed, effect, outbox, archive)
    }

    /// `/bans`
    pub(super) fn list_bans<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        page: usize,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        self.drop_past_bans(now, archive);
        let bans = &self.operators.bans;
        let (total, in_file) = (bans.len(), bans.listed_count());
        let pages = total.div_ceil(BANS_PAGE).max(1);
        if page > pages {
            return Err(Refusal::Query(QueryRefusal::NoSuchPage { page, pages }));
        }
        let of_page = bans.iter().skip(page.saturating_sub(1) * BANS_PAGE);
        let of_page = of_page.take(BANS_PAGE).map(|ban| ListedBanView {
            number: ban.number,
            whom: self.banned_of(ban.target),
            kind: ban.kind,
            until: ban.until,
            why: ban.why.as_deref().unwrap_or_default(),
            by: &ban.by,
            at: ban.at,
        });
        let of_page: Vec<ListedBanView<'_>> = of_page.collect();
        let reply = OperatorReply::Bans {
            bans: &of_page,
            total,
            page,
            pages,
            in_file,
        };
        answer(outbox, sender.client, reply)
    }

    /// Forgets bans that are past their time, or of accounts that are gone.
    pub(super) fn drop_past_bans(&mut self, now: Now, archive: &mut dyn Archive) {
        let accounts = &self.accounts;
        let is_gone = |target| matches!(target, BanTarget::Account(account) if accounts.get(account).is_none());
        for number in self.operators.bans.drop_past(now.unix_ms, is_gone) {
            // It is no loss if this is not kept: a ban past its time catches nobody after a restart, either.
            let _ = archive.change(Change::Unban { number });
        }
    }

    fn banned_of(&self, target: BanTarget) -> Banned {
        match target {
            BanTarget::Net(net) => Banned::Net { net, guest: None },
            BanTarget::Account(account) => Banned::Account(self.accounts.name_of(account)),
        }
    }
}

fn is_in(net: IpNet, peer: crate::chat::ids::Peer) -> bool {
    address_of(&peer).is_some_and(|address| net.contains(&address))
}

/// What kind of ban, for how long and why, as that is typed; keeping out goes without saying.
fn terms_of(command: &BanCommand<'_>) -> Option<Box<str>> {
    let terms = how_long_and_why(command.time, command.why);
    match (command.kind, terms) {
        (BanKind::Out, terms) => terms,
        (kind, Some(terms)) => Some(format!("{} {terms}", kind.word()).into()),
        (kind, None) => Some(kind.word().into()),
    }
}

fn whom_of(whom: Banned) -> String {
    match whom {
        Banned::Net { net, .. } => net.to_string(),
        Banned::Account(name) => name.map_or_else(String::new, |name| name.to_string()),
    }
}
