//! All accounts there are, small enough to be decided with: by number, and by what their names look like.

use std::collections::{HashMap, HashSet};

use ahash::RandomState;
use hashbrown::HashTable;

use crate::chat::archive::{Label, Restored, UnixMs};
use crate::chat::ids::{AccountId, ClientId, UserId};
use crate::chat::name::Name;
use crate::chat::people::privacy::PrivacySettings;

use super::skeleton::Skeleton;

/// Account numbers fit in 31 bits, so that the number of a conversation, made of two, is one that the archive
/// can hold.
const ACCOUNT_NUMBER_MAX: u32 = i32::MAX.unsigned_abs();

/// One account.
#[derive(Debug)]
pub struct Account {
    name: Name,
    made_at: UnixMs,
    seen_at: UnixMs,
    /// The tokens it has.
    tokens: u32,
    settings: PrivacySettings,
    versions: Versions,
    /// Whoever is here by it.
    user: Option<UserId>,
    /// It is about to be gone, or to have another password, once that is kept.
    is_changing: bool,
}

/// How often the secrets of an account were changed. What was checked before such a change says nothing after
/// it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Versions {
    /// Of its password, which ends its tokens, too.
    pub password: u32,
    /// Of its tokens: none was dropped since.
    pub tokens: u32,
}

impl Account {
    pub fn name(&self) -> &Name {
        &self.name
    }

    pub fn made_at(&self) -> UnixMs {
        self.made_at
    }

    pub fn seen_at(&self) -> UnixMs {
        self.seen_at
    }

    pub fn tokens(&self) -> u32 {
        self.tokens
    }

    pub fn settings(&self) -> PrivacySettings {
        self.settings
    }

    pub fn versions(&self) -> Versions {
        self.versions
    }

    pub fn user(&self) -> Option<UserId> {
        self.user
    }

    pub fn is_changing(&self) -> bool {
        self.is_changing
    }
}

/// All accounts, and the names that nobody else may have.
///
/// Invariants: `by_skeleton` holds exactly the accounts, each under what its name looks like, and no two look
/// alike; an account's user is one who is here, and whose account it is.
#[derive(Debug)]
pub struct Accounts {
    by_number: HashMap<AccountId, Account, RandomState>,
    /// Numbers only: the name is in the record, which is read next anyway.
    by_skeleton: HashTable<AccountId>,
    hasher: RandomState,
    /// Names of accounts that are gone, and until when nobody else gets them.
    held: HashMap<Skeleton, UnixMs, RandomState>,
    /// Names that nobody may have.
    denied: HashSet<Skeleton, RandomState>,
    /// The number given last. None is given twice, even if nothing came of the account.
    last: u32,
    claimed_names: Claims<Skeleton>,
    claimed_labels: Claims<(AccountId, Label)>,
}

impl Accounts {
    pub fn new(denied: &[String], hasher: RandomState) -> Self {
        let mut denied_skeletons = HashSet::with_hasher(hasher.clone());
        for name in denied {
            denied_skeletons.extend(Skeleton::of_text(name));
        }
        Self {
            by_number: HashMap::with_hasher(hasher.clone()),
            by_skeleton: HashTable::new(),
            held: HashMap::with_hasher(hasher.clone()),
            denied: denied_skeletons,
            last: 0,
            claimed_names: Claims::new(hasher.clone()),
            claimed_labels: Claims::new(hasher.clone()),
            hasher,
        }
    }

    /// Takes in what was kept before the server started.
    pub fn restore(&mut self, restored: &Restored) {
        self.last = self.last.max(restored.last_account);
        for (name, until) in &restored.held_names {
            self.hold(name, *until);
        }
        for kept in &restored.accounts {
            self.insert(kept.account, kept.name, kept.made_at);
            if let Some(account) = self.by_number.get_mut(&kept.account) {
                account.seen_at = kept.seen_at;
                account.tokens = kept.tokens;
                account.settings = PrivacySettings::from_bits(kept.settings);
            }
        }
    }

    pub fn get(&self, id: AccountId) -> Option<&Account> {
        self.by_number.get(&id)
    }

    /// The account of exactly this name, case aside.
    pub fn find(&self, name: &Name) -> Option<AccountId> {
        let owner = self.owner(name)?;
        (self.get(owner)?.name == *name).then_some(owner)
    }

    /// The account whose name looks like this one.
    pub fn owner(&self, name: &Name) -> Option<AccountId> {
        if self.by_skeleton.is_empty() {
            return None;
        }
        let skeleton = Skeleton::of(name);
        let is_alike = |id: &AccountId| {
            (self.by_number.get(id)).is_some_and(|account| Skeleton::of(&account.name) == skeleton)
        };
        let hash = self.hasher.hash_one(&skeleton);
        self.by_skeleton.find(hash, is_alike).copied()
    }

    /// The user of an account, if they are here.
    pub fn user_of(&self, id: AccountId) -> Option<UserId> {
        self.get(id)?.user
    }

    /// The name of an account, as its owner spells it.
    pub fn name_of(&self, id: AccountId) -> Option<Name> {
        Some(self.get(id)?.name)
    }

    /// Whether there is no account, and no name that is held.
    pub fn is_empty(&self) -> bool {
        self.by_number.is_empty() && self.held.is_empty()
    }

    /// Accounts, names that are held as if there was one, and those that are about to be.
    pub fn names_used(&self) -> usize {
        self.by_number.len() + self.held.len() + self.claimed_names.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = (AccountId, &Account)> {
        self.by_number.iter().map(|(id, account)| (*id, account))
    }

    /// A number for a new account; `None` once there are no more.
    pub fn mint(&mut self) -> Option<AccountId> {
        if self.last >= ACCOUNT_NUMBER_MAX {
            return None;
        }
        self.last += 1;
        AccountId::new(self.last)
    }

    /// Adds an account whose name nobody else has. It is no longer held or claimed.
    pub fn insert(&mut self, id: AccountId, name: Name, at: UnixMs) {
        debug_assert_eq!(self.owner(&name), None, "a name is refused before this");
        let skeleton = Skeleton::of(&name);
        self.held.remove(&skeleton);
        self.claimed_names.release(&skeleton);
        let account = Account {
            name,
            made_at: at,
            seen_at: at,
            tokens: 0,
            settings: PrivacySettings::default(),
            versions: Versions::default(),
            user: None,
            is_changing: false,
        };
        self.by_number.insert(id, account);
        let Self {
            by_number,
            by_skeleton,
            hasher,
            ..
        } = self;
        // Each number in the table has an account: the default is never used.
        let hash_of = |id: &AccountId| {
            let name = by_number.get(id).map(|account| account.name);
            name.map_or(0, |name| hasher.hash_one(Skeleton::of(&name)))
        };
        by_skeleton.insert_unique(hasher.hash_one(&skeleton), id, hash_of);
    }

    /// Takes out an account that is gone. Its name is held.
    pub fn remove(&mut self, id: AccountId, held_until: UnixMs) -> Option<Account> {
        let account = self.by_number.remove(&id)?;
        let hash = self.hasher.hash_one(Skeleton::of(&account.name));
        if let Ok(entry) = self.by_skeleton.find_entry(hash, |other| *other == id) {
            entry.remove();
        }
        self.hold(&account.name, held_until);
        Some(account)
    }

    fn hold(&mut self, name: &Name, until: UnixMs) {
        let held = self.held.entry(Skeleton::of(name)).or_default();
        *held = until.max(*held);
    }

    /// Whether a name is held for one who had it, or about to be had.
    pub fn is_held(&self, name: &Name) -> bool {
        if self.held.is_empty() && self.claimed_names.is_empty() {
            return false;
        }
        let skeleton = Skeleton::of(name);
        self.held.contains_key(&skeleton) || self.claimed_names.is_claimed(&skeleton)
    }

    /// Whether nobody may have a name.
    pub fn is_denied(&self, name: &Name) -> bool {
        !self.denied.is_empty() && self.denied.contains(&Skeleton::of(name))
    }

    /// Gives back the names that were held until now.
    pub fn release_held(&mut self, unix_ms: UnixMs) {
        self.held.retain(|_, until| *until > unix_ms);
    }

    /// The account is that of a user from now on, or of none.
    pub fn set_user(&mut self, id: AccountId, user: Option<UserId>) {
        if let Some(account) = self.by_number.get_mut(&id) {
            account.user = user;
        }
    }

    /// What the owner of an account shows; of one that is gone, what all do at first.
    pub fn settings_of(&self, id: AccountId) -> PrivacySettings {
        self.get(id).map(Account::settings).unwrap_or_default()
    }

    pub fn set_settings(&mut self, id: AccountId, settings: PrivacySettings) {
        if let Some(account) = self.by_number.get_mut(&id) {
            account.settings = settings;
        }
    }

    /// A secret of the account is about to change, or is not any more.
    pub fn set_changing(&mut self, id: AccountId, is_changing: bool) {
        if let Some(account) = self.by_number.get_mut(&id) {
            account.is_changing = is_changing;
        }
    }

    /// The account has another password, and no tokens.
    pub fn set_password(&mut self, id: AccountId) {
        if let Some(account) = self.by_number.get_mut(&id) {
            account.versions.password += 1;
            account.tokens = 0;
            account.is_changing = false;
        }
    }

    /// The account's name is spelt in another way.
    pub fn spell(&mut self, id: AccountId, name: Name) {
        if let Some(account) = self.by_number.get_mut(&id) {
            debug_assert_eq!(account.name, name, "only the case changes");
            account.name = name;
        }
    }

    /// Notes that the account is used. Returns whether that is to be kept: once a day is enough.
    pub fn note_use(&mut self, id: AccountId, unix_ms: UnixMs, day: UnixMs) -> bool {
        let Some(account) = self.by_number.get_mut(&id) else {
            return false;
        };
        let is_due = unix_ms.saturating_sub(account.seen_at) >= day;
        if is_due {
            account.seen_at = unix_ms;
        }
        is_due
    }

    /// The account has one token more.
    pub fn add_token(&mut self, id: AccountId) {
        if let Some(account) = self.by_number.get_mut(&id) {
            account.tokens += 1;
        }
    }

    /// The account has one token less, unless a new password has ended all since.
    pub fn drop_token(&mut self, id: AccountId, versions: Versions) {
        let account = self.by_number.get_mut(&id);
        if let Some(account) = account.filter(|a| a.versions.password == versions.password) {
            account.tokens = account.tokens.saturating_sub(1);
            account.versions.tokens += 1;
        }
    }

    /// Claims a name, for an account that `client` makes. Returns false if somebody else has.
    pub fn claim_name(&mut self, name: &Name, client: ClientId) -> bool {
        self.claimed_names.claim(Skeleton::of(name), client)
    }

    /// The claim of a name outlasts who made it: the account is on its way.
    pub fn keep_name(&mut self, name: &Name) {
        self.claimed_names.keep(&Skeleton::of(name));
    }

    pub fn release_name(&mut self, name: &Name) {
        self.claimed_names.release(&Skeleton::of(name));
    }

    /// Claims a label of an account's tokens, for `client`. Returns false if another connection has.
    pub fn claim_label(&mut self, id: AccountId, label: Label, client: ClientId) -> bool {
        self.claimed_labels.claim((id, label), client)
    }

    /// The claim of a label outlasts who made it: the change is on its way.
    pub fn keep_label(&mut self, id: AccountId, label: Label) {
        self.claimed_labels.keep(&(id, label));
    }

    pub fn release_label(&mut self, id: AccountId, label: Label) {
        self.claimed_labels.release(&(id, label));
    }

    /// New labels that an account is about to have, or old ones to lose.
    pub fn labels_claimed(&self, id: AccountId) -> usize {
        let claims = self.claimed_labels.0.keys();
        claims.filter(|(account, _)| *account == id).count()
    }

    /// Forgets what a connection that has ended was about to claim.
    pub fn forget(&mut self, client: ClientId) {
        self.claimed_names.forget(client);
        self.claimed_labels.forget(client);
    }

    /// Panics if the tables disagree.
    pub fn check_invariants(&self) {
        assert_eq!(self.by_number.len(), self.by_skeleton.len());
        for (id, account) in self.iter() {
            assert_eq!(self.owner(&account.name), Some(id), "no two look alike");
            assert!(id.get() <= self.last);
        }
    }
}

/// What is about to be somebody's, and by which connection; by none, once the archive decides.
#[derive(Debug)]
struct Claims<K>(HashMap<K, Option<ClientId>, RandomState>);

impl<K: Eq + std::hash::Hash> Claims<K> {
    fn new(hasher: RandomState) -> Self {
        Self(HashMap::with_hasher(hasher))
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn is_claimed(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }

    fn claim(&mut self, key: K, client: ClientId) -> bool {
        if self.0.contains_key(&key) {
            return false;
        }
        self.0.insert(key, Some(client));
        true
    }

    fn keep(&mut self, key: &K) {
        if let Some(by) = self.0.get_mut(key) {
            *by = None;
        }
    }

    fn release(&mut self, key: &K) {
        self.0.remove(key);
    }

    fn forget(&mut self, client: ClientId) {
        if !self.0.is_empty() {
            self.0.retain(|_, by| *by != Some(client));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn accounts() -> Accounts {
        Accounts::new(&["nazgul".to_owned()], RandomState::with_seeds(1, 2, 3, 4))
    }

    fn add(accounts: &mut Accounts, text: &str) -> AccountId {
        let id = accounts.mint().unwrap();
        accounts.insert(id, name(text), 1000);
        accounts.check_invariants();
        id
    }

    #[test]
    fn account_is_found_by_its_name_and_owned_by_what_looks_like_it() {
        let mut accounts = accounts();
        assert_eq!(accounts.owner(&name("alice")), None);
        let alice = add(&mut accounts, "Alice");
        let mom = add(&mut accounts, "mom");
        assert_eq!(accounts.find(&name("aLICE")), Some(alice));
        assert_eq!(accounts.find(&name("a1ice")), None);
        assert_eq!(accounts.owner(&name("a1-ice")), Some(alice));
        assert_eq!(accounts.owner(&name("rnorn")), Some(mom));
        assert_eq!(accounts.owner(&name("bob")), None);
        assert!(accounts.is_denied(&name("NAZ-gu1")));
        assert!(!accounts.is_denied(&name("alice")));
    }

    #[test]
    fn name_of_an_account_that_is_gone_is_held() {
        let mut accounts = accounts();
        let alice = add(&mut accounts, "alice");
        assert!(!accounts.is_held(&name("alice")));
        accounts.remove(alice, 5000).unwrap();
        accounts.check_invariants();
        assert_eq!(accounts.owner(&name("alice")), None);
        assert!(accounts.is_held(&name("AL1CE")));
        accounts.release_held(4999);
        assert!(accounts.is_held(&name("alice")));
        accounts.release_held(5000);
        assert!(!accounts.is_held(&name("alice")));
        let again = add(&mut accounts, "alice");
        assert_ne!(again, alice, "no number is given twice");
    }

    #[test]
    fn claim_is_forgotten_with_its_client_until_it_is_on_its_way() {
        let mut accounts = accounts();
        let client = |slot| ClientId {
            slot,
            generation: 1,
        };
        assert!(accounts.claim_name(&name("alice"), client(1)));
        assert!(!accounts.claim_name(&name("a1ice"), client(2)));
        assert!(accounts.is_held(&name("alice")));
        accounts.forget(client(2));
        assert!(accounts.is_held(&name("alice")));
        accounts.forget(client(1));
        assert!(!accounts.is_held(&name("alice")));
        assert!(accounts.claim_name(&name("a1ice"), client(2)));
        accounts.keep_name(&name("alice"));
        accounts.forget(client(2));
        assert!(accounts.is_held(&name("alice")));
        accounts.release_name(&name("alice"));
        assert!(!accounts.is_held(&name("alice")));
    }

    #[test]
    fn account_takes_about_120_bytes() {
        let record = size_of::<(AccountId, Account)>() + size_of::<AccountId>() + 2;
        assert!(record <= 104, "{record} bytes, at seven eighths of a table");
    }
}
