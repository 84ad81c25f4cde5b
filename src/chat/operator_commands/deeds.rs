//! What operators did: kept, told to the other operators, and shown to them.

use crate::chat::archive::{Answer, Archive, Change, Deed, Question, Ticket};
use crate::chat::event::{Event, OperatorEvent, OperatorReply};
use crate::chat::ids::ClientId;
use crate::chat::operators::deeds::past;
use crate::chat::operators::effects::OperatorStep;
use crate::chat::outbox::Outbox;
use crate::chat::pending::Response;
use crate::chat::refusal::{AccountRefusal, QueryRefusal, Refusal};
use crate::chat::time::Now;
use crate::chat::{Chat, Outcome, Sender, answer};

/// Deeds of a page: a screen.
pub const DEEDS_PAGE: usize = 20;

impl Chat {
    /// Has a deed kept. It is done already: that it cannot be kept undoes nothing.
    pub(in crate::chat) fn record_deed(
        &mut self,
        deed: Deed,
        archive: &mut dyn Archive,
    ) -> Option<Ticket> {
        if archive.is_open() {
            return archive.change(Change::Record(deed));
        }
        self.operators.deeds.push(deed);
        None
    }

    /// A deed of a command on the whole server.
    pub(super) fn server_deed(
        now: Now,
        sender: &Sender,
        what: &'static str,
        whom: Option<&str>,
        text: Option<Box<str>>,
    ) -> Deed {
        Deed {
            at: now.unix_ms,
            who: sender.name,
            what,
            whom: whom.map(Box::from),
            room: None,
            text,
        }
    }

    /// Tells the other operators of the server what one of them did.
    pub(super) fn tell_operators<O: Outbox>(&self, sender: &Sender, deed: &Deed, outbox: &mut O) {
        let deed = &past(deed);
        for id in self.directory.ids() {
            if self.directory.user_of(id) != Some(sender.user) && self.operates_server(id) {
                outbox.send(id, &Event::Operator(OperatorEvent::Deed { deed }));
            }
        }
    }

    /// `/deeds`
    pub(super) fn list_deeds<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        page: usize,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let skip = page.saturating_sub(1).saturating_mul(DEEDS_PAGE);
        if !archive.is_open() {
            let deeds = &self.operators.deeds;
            let (page_of, total) = (deeds.page(skip, DEEDS_PAGE), deeds.len());
            return show_deeds(sender.client, &page_of, total, page, outbox);
        }
        let ticket = archive.ask(Question::Deeds {
            skip: skip as u64,
            count: DEEDS_PAGE,
        });
        self.operator_then(now, sender.client, ticket, OperatorStep::DeedsRead { page })
    }

    /// A page of deeds was read.
    pub(super) fn deeds_read<O: Outbox>(
        id: ClientId,
        page: usize,
        response: Response,
        outbox: &mut O,
    ) -> Outcome<'static> {
        let Response::Answer(Answer::Deeds { deeds, total }) = response else {
            return Err(AccountRefusal::Busy.into());
        };
        let total = usize::try_from(total).unwrap_or(usize::MAX);
        show_deeds(id, &deeds, total, page, outbox)
    }
}

fn show_deeds<'a, O: Outbox>(
    id: ClientId,
    deeds: &[crate::chat::archive::PastDeed],
    total: usize,
    page: usize,
    outbox: &mut O,
) -> Outcome<'a> {
    let pages = total.div_ceil(DEEDS_PAGE).max(1);
    if page > pages {
        return Err(Refusal::Query(QueryRefusal::NoSuchPage { page, pages }));
    }
    let reply = OperatorReply::Deeds {
        deeds,
        total,
        page,
        pages,
    };
    answer(outbox, id, reply)
}
