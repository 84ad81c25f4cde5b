//! `/block`, `/unblock`: whose words one does not want, now and later. They are not told.

use crate::chat::archive::{Archive, Change, NotKept, Relation};
use crate::chat::event::PeopleReply;
use crate::chat::ids::{AccountId, ClientId};
use crate::chat::name::Name;
use crate::chat::outbox::Outbox;
use crate::chat::people::effects::PeopleEffect;
use crate::chat::people::relations::BLOCKS_MAX;
use crate::chat::refusal::PeopleRefusal;
use crate::chat::time::Now;
use crate::chat::{Chat, Outcome, Sender, answer};

use super::NOT_KEPT;

impl Chat {
    pub(super) fn list_blocked<'a, O: Outbox>(
        &self,
        sender: &Sender,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let account = self.own_account(sender)?;
        let blocked = self.people.relations.blocked(account).iter();
        let names = blocked.filter_map(|other| self.accounts.name_of(*other));
        let mut names: Vec<Name> = names.collect();
        names.sort_unstable();
        let names = &names;
        answer(outbox, sender.client, PeopleReply::Blocked { names })
    }

    /// `/block NAME`: of one without an account it is `/ignore`, as there is nothing else to know them by.
    pub(super) fn block<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        typed: &'a str,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let account = self.own_account(sender)?;
        let Ok((other, name)) = self.find_account(typed) else {
            return self.ignore(sender, Some(typed), outbox);
        };
        if other == account {
            return Err(PeopleRefusal::Oneself.into());
        }
        if self.people.relations.blocks(account, other) {
            let name = &name;
            return answer(outbox, sender.client, PeopleReply::Blocking { name });
        }
        let relation = Relation::Block;
        if !self.people.relations.has_room(account, relation) {
            let blocks_max = BLOCKS_MAX;
            return Err(PeopleRefusal::TooManyBlocked { blocks_max }.into());
        }
        let change = Change::Relate {
            account,
            other,
            relation,
            at: now.unix_ms,
        };
        let ticket = Self::change_people(archive, change)?;
        let are_friends = self.people.relations.are_friends(account, other);
        let has_asked = self.people.relations.has_asked(account, other);
        // That the other has asked stays so, for they are not told.
        let ends = [(account, other, has_asked), (other, account, are_friends)];
        for (one, two, ends) in ends {
            if ends {
                // If it is not kept, the block ends it at the next start.
                let _ = archive.change(Change::Unrelate {
                    account: one,
                    other: two,
                    relation: Relation::Friend,
                });
            }
        }
        self.people.relations.begin(account, relation);
        let effect = PeopleEffect::Related {
            account,
            other,
            relation,
        };
        Ok(self.once_people_kept(now, sender.client, ticket, effect))
    }

    /// An account blocks another, and that is kept.
    pub(super) fn blocked<'a, O: Outbox>(
        &mut self,
        client: Option<ClientId>,
        account: AccountId,
        other: AccountId,
        outbox: &mut O,
    ) -> Outcome<'a> {
        self.people.relations.add_block(account, other);
        self.refresh_guard(account);
        self.answer_about(client, other, |name| PeopleReply::Blocking { name }, outbox)
    }

    /// `/unblock NAME`
    pub(super) fn unblock<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        typed: &'a str,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let account = self.own_account(sender)?;
        let Ok((other, name)) = self.find_account(typed) else {
            return self.unignore(sender, Some(typed), outbox);
        };
        if !self.people.relations.blocks(account, other) {
            return Err(PeopleRefusal::NotBlocked { name }.into());
        }
        let relation = Relation::Block;
        let change = Change::Unrelate {
            account,
            other,
            relation,
        };
        let ticket = Self::change_people(archive, change)?;
        let effect = PeopleEffect::Unblocked { account, other };
        Ok(self.once_people_kept(now, sender.client, ticket, effect))
    }

    /// An account blocks another no longer, and that is kept.
    pub(super) fn unblocked<'a, O: Outbox>(
        &mut self,
        client: Option<ClientId>,
        account: AccountId,
        other: AccountId,
        kept: Result<(), NotKept>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        kept.map_err(|_| NOT_KEPT)?;
        self.people.relations.drop_block(account, other);
        self.refresh_guard(account);
        self.unveil(account);
        self.answer_about(
            client,
            other,
            |name| PeopleReply::NotBlocking { name },
            outbox,
        )
    }
}
