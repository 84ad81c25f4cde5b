//! `/friend`, `/unfriend`: who has asked whom, and news of friends.

use crate::chat::archive::{Archive, Change, NotKept, Relation};
use crate::chat::event::{Event, FriendNews, FriendState, FriendView, PeopleEvent, PeopleReply};
use crate::chat::ids::{AccountId, ClientId};
use crate::chat::name::Name;
use crate::chat::outbox::Outbox;
use crate::chat::people::effects::PeopleEffect;
use crate::chat::people::relations::FRIENDS_MAX;
use crate::chat::refusal::PeopleRefusal;
use crate::chat::time::Now;
use crate::chat::{Chat, Outcome, Sender, answer};

use super::NOT_KEPT;

impl Chat {
    /// `/friend`
    pub(super) fn list_friends<'a, O: Outbox>(
        &self,
        sender: &Sender,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let account = self.own_account(sender)?;
        let relations = &self.people.relations;
        let view = |other: &AccountId| {
            let user = self.accounts.user_of(*other);
            Some(FriendView {
                name: self.accounts.name_of(*other)?,
                here: user.is_some_and(|user| self.sees(sender.user, user)),
                mutual: relations.are_friends(account, *other),
            })
        };
        let asked = relations.asked(account).iter();
        let mut friends: Vec<FriendView> = asked.filter_map(view).collect();
        friends.sort_unstable_by_key(|friend| friend.name);
        let friends = &friends;
        answer(outbox, sender.client, PeopleReply::Friends { friends })
    }

    /// `/friend NAME`
    pub(super) fn befriend<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        typed: &'a str,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let account = self.own_account(sender)?;
        let (other, name) = self.find_account(typed)?;
        let relations = &self.people.relations;
        if other == account {
            return Err(PeopleRefusal::Oneself.into());
        }
        if relations.blocks(account, other) {
            return Err(PeopleRefusal::Blocked { name }.into());
        }
        if relations.has_asked(account, other) {
            return self.answer_friend(Some(sender.client), account, other, outbox);
        }
        if !relations.has_room(account, Relation::Friend) {
            let friends_max = FRIENDS_MAX;
            return Err(PeopleRefusal::TooManyFriends { friends_max }.into());
        }
        let relation = Relation::Friend;
        let change = Change::Relate {
            account,
            other,
            relation,
            at: now.unix_ms,
        };
        let ticket = Self::change_people(archive, change)?;
        self.people.relations.begin(account, relation);
        let effect = PeopleEffect::Related {
            account,
            other,
            relation,
        };
        Ok(self.once_people_kept(now, sender.client, ticket, effect))
    }

    fn answer_friend<'a, O: Outbox>(
        &self,
        client: Option<ClientId>,
        account: AccountId,
        other: AccountId,
        outbox: &mut O,
    ) -> Outcome<'a> {
        let mutual = self.people.relations.are_friends(account, other);
        self.answer_about(
            client,
            other,
            |name| PeopleReply::Friend { name, mutual },
            outbox,
        )
    }

    /// An account has asked another to be friends, and that is kept.
    pub(super) fn friend_asked<'a, O: Outbox>(
        &mut self,
        client: Option<ClientId>,
        account: AccountId,
        other: AccountId,
        outbox: &mut O,
    ) -> Outcome<'a> {
        // Blocked since, by another connection.
        if !self.people.relations.blocks(account, other) {
            self.people.relations.add_asked(account, other);
        }
        if !self.people.relations.blocks(other, account) {
            match self.accounts.user_of(other) {
                Some(_) => self.tell_of(other, account, outbox),
                None => self.people.relations.note_untold(other, account),
            }
        }
        if self.people.relations.are_friends(account, other) {
            self.unveil(account);
            self.unveil(other);
        }
        self.answer_friend(client, account, other, outbox)
    }

    /// `/unfriend NAME`: also of one who only asks. They are not told.
    pub(super) fn unfriend<'a, O: Outbox>(
        &mut self,
        now: Now,
        sender: &Sender,
        typed: &'a str,
        outbox: &mut O,
        archive: &mut dyn Archive,
    ) -> Outcome<'a> {
        let account = self.own_account(sender)?;
        let (other, name) = self.find_account(typed)?;
        let relation = Relation::Friend;
        let both = [(other, account), (account, other)];
        let mut last = None;
        for (account, other) in both {
            if self.people.relations.has_asked(account, other) {
                let change = Change::Unrelate {
                    account,
                    other,
                    relation,
                };
                last = Some(Self::change_people(archive, change)?);
            }
        }
        let Some(ticket) = last else {
            let name = &name;
            return answer(outbox, sender.client, PeopleReply::Unfriended { name });
        };
        let effect = PeopleEffect::Unfriended { account, other };
        Ok(self.once_people_kept(now, sender.client, ticket, effect))
    }

    /// Two are friends no longer, and that is kept.
    pub(super) fn unfriended<'a, O: Outbox>(
        &mut self,
        client: Option<ClientId>,
        account: AccountId,
        other: AccountId,
        kept: Result<(), NotKept>,
        outbox: &mut O,
    ) -> Outcome<'a> {
        kept.map_err(|_| NOT_KEPT)?;
        self.people.relations.drop_asked(account, other);
        self.people.relations.drop_asked(other, account);
        self.answer_about(
            client,
            other,
            |name| PeopleReply::Unfriended { name },
            outbox,
        )
    }

    /// Tells the friends of an account that it has come, or is gone.
    pub(in crate::chat) fn tell_friends<O: Outbox>(
        &self,
        account: AccountId,
        name: &Name,
        state: FriendState,
        outbox: &mut O,
    ) {
        for friend in self.people.relations.friends(account) {
            self.tell_friend(friend, name, FriendNews::State(state), outbox);
        }
    }

    /// Tells an account that has come who has asked it, or answered it, meanwhile.
    pub(in crate::chat) fn tell_untold<O: Outbox>(&mut self, account: AccountId, outbox: &mut O) {
        for other in self.people.relations.take_untold(account) {
            self.tell_of(account, other, outbox);
        }
    }

    /// Tells an account that is here that another has asked it, or is its friend now.
    fn tell_of<O: Outbox>(&self, to: AccountId, of: AccountId, outbox: &mut O) {
        let relations = &self.people.relations;
        let Some(name) = self.accounts.name_of(of) else {
            return;
        };
        let is_here = self.accounts.user_of(of).is_some();
        let news = match (relations.are_friends(to, of), is_here) {
            (true, here) => FriendNews::Mutual { here },
            (false, _) if relations.has_asked(of, to) => FriendNews::State(FriendState::Asked),
            (false, _) => return,
        };
        self.tell_friend(to, &name, news, outbox);
    }

    fn tell_friend<O: Outbox>(&self, to: AccountId, name: &Name, news: FriendNews, outbox: &mut O) {
        let user = self.accounts.user_of(to);
        let connections = user.into_iter();
        for id in connections.flat_map(|user| self.directory.connections_of(user)) {
            outbox.send(id, &Event::People(PeopleEvent::Friend { name, news }));
        }
    }
}
