//! Passwords and tokens: how they are made, and checked.
//!
//! A password is hashed by Argon2id at OWASP's first choice of cost; what a hash cost stands in it, so that
//! it can be raised later. A token has 128 random bits: nobody guesses those, so that a quick hash is enough.

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::{Argon2, Params, PasswordHasher, PasswordVerifier};
use blake2::{Blake2s256, Digest};
use zeroize::Zeroizing;

use crate::chat::archive::{PasswordHash, TokenHash};
use crate::chat::secret::Secret;

/// What a token begins with.
pub(super) const TOKEN_PREFIX: &str = "cw_";

/// What a code for one new password begins with.
pub(super) const CODE_PREFIX: &str = "cw1_";

/// 128 bits.
const TOKEN_BYTES: usize = 16;

const SALT_BYTES: usize = 16;

/// Letters and digits that are not taken for one another.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// What hashing a password costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// How often it is gone through.
    pub passes: u32,
}

impl Default for PasswordCost {
    /// OWASP's: 19 MiB, twice.
    fn default() -> Self {
        Self {
            memory_kib: Params::DEFAULT_M_COST,
            passes: Params::DEFAULT_T_COST,
        }
    }
}

/// Makes and checks hashes of passwords.
#[derive(Debug)]
pub(super) struct Hasher {
    argon2: Argon2<'static>,
    params: Params,
    /// The hash of nobody's password: for names that are no account's, which must cost as much.
    dummy: Option<PasswordHash>,
}

impl Hasher {
    pub(super) fn new(cost: PasswordCost) -> Self {
        let params = Params::new(cost.memory_kib, cost.passes, Params::DEFAULT_P_COST, None)
            .unwrap_or_default();
        Self {
            argon2: Argon2::from(&params),
            params,
            dummy: None,
        }
    }

    /// Hashes a password; `None` if the kernel has no random bytes, or no memory is left.
    pub(super) fn make(&self, password: &Secret) -> Option<PasswordHash> {
        let salt = random::<SALT_BYTES>()?;
        let hash = self
            .argon2
            .hash_password_with_salt(password.expose().as_bytes(), salt.as_slice());
        Some(PasswordHash(hash.ok()?.to_string().into()))
    }

    /// Whether a password is the one that was hashed. Without a hash it takes as long, and is not.
    pub(super) fn check(&mut self, password: &Secret, hash: Option<&PasswordHash>) -> bool {
        let Some(hash) = hash else {
            self.check_nothing(password);
            return false;
        };
        let Ok(hash) = Phc::new(&hash.0) else {
            return false;
        };
        let password = password.expose().as_bytes();
        self.argon2.verify_password(password, &hash).is_ok()
    }

    fn check_nothing(&mut self, password: &Secret) {
        if self.dummy.is_none() {
            self.dummy = self.make(&Secret::new("nobody's"));
        }
        if let Some(dummy) = self
            .dummy
            .as_ref()
            .and_then(|dummy| Phc::new(&dummy.0).ok())
        {
            let password = password.expose().as_bytes();
            let _ = self.argon2.verify_password(password, &dummy);
        }
    }

    /// Whether a hash cost less than one does today.
    pub(super) fn is_outdated(&self, hash: &PasswordHash) -> bool {
        let params = Phc::new(&hash.0).map(|hash| Params::try_from(&hash));
        let Ok(Ok(params)) = params else {
            return true;
        };
        params.m_cost() < self.params.m_cost() || params.t_cost() < self.params.t_cost()
    }
}

/// A new token, and its hash.
pub(super) fn make_token() -> Option<(Secret, TokenHash)> {
    make_word(TOKEN_PREFIX)
}

/// A new code for one new password, and its hash.
pub(super) fn make_code() -> Option<(Secret, TokenHash)> {
    make_word(CODE_PREFIX)
}

fn make_word(prefix: &str) -> Option<(Secret, TokenHash)> {
    let secret = random_word::<TOKEN_BYTES>()?;
    let text = Zeroizing::new(format!("{prefix}{}", secret.expose()));
    let token = Secret::new(&text);
    let hash = token_hash(&token);
    Some((token, hash))
}

/// The hash of a token or a code, by which it is looked up.
pub(super) fn token_hash(token: &Secret) -> TokenHash {
    TokenHash(Blake2s256::digest(token.expose().as_bytes()).into())
}

/// A new password, for one who has lost the old one.
pub(super) fn make_password() -> Option<Secret> {
    random_word::<10>()
}

/// Random bytes as letters and digits, five bits each.
fn random_word<const BYTES: usize>() -> Option<Secret> {
    let bytes = random::<BYTES>()?;
    let mut text = Zeroizing::new(String::with_capacity(BYTES * 8 / 5 + 1));
    let (mut bits, mut count) = (0_u32, 0);
    for byte in bytes.iter() {
        bits = bits << 8 | u32::from(*byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            text.push(letter(bits >> count));
        }
        bits &= (1 << count) - 1;
    }
    if count > 0 {
        text.push(letter(bits << (5 - count)));
    }
    Some(Secret::new(&text))
}

fn letter(bits: u32) -> char {
    let place = (bits & 31) as usize;
    ALPHABET.get(place).copied().map_or('a', char::from)
}

fn random<const BYTES: usize>() -> Option<Zeroizing<[u8; BYTES]>> {
    let mut bytes = Zeroizing::new([0; BYTES]);
    getrandom::fill(bytes.as_mut_slice()).ok()?;
    Some(bytes)
}

/// A cost that tests can afford.
#[cfg(test)]
pub(super) const CHEAP: PasswordCost = PasswordCost {
    memory_kib: 8,
    passes: 1,
};

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn right_password_is_right_and_any_other_wrong() {
        let mut hasher = Hasher::new(CHEAP);
        let password = Secret::new(" pass word ü");
        let hash = hasher.make(&password).unwrap();
        assert_ne!(Some(&hash), hasher.make(&password).as_ref(), "salted");
        assert!(hasher.check(&password, Some(&hash)));
        for wrong in ["", "pass word ü", " pass word ü ", "x"] {
            assert!(!hasher.check(&Secret::new(wrong), Some(&hash)), "{wrong}");
        }
        assert!(!hasher.check(&password, None));
        assert!(
            !hasher.check(&Secret::new("nobody's"), None),
            "the dummy's own"
        );
        assert!(!hasher.check(&password, Some(&PasswordHash("x".into()))));
    }

    #[test]
    fn hash_has_its_cost_in_it_and_is_outdated_once_that_is_raised() {
        let cheap = Hasher::new(CHEAP);
        let hash = cheap.make(&Secret::new("x")).unwrap();
        assert!(
            hash.0.starts_with("$argon2id$v=19$m=8,t=1,p=1$"),
            "{}",
            hash.0
        );
        assert!(!cheap.is_outdated(&hash));
        for (memory_kib, passes, is_outdated) in [(8, 1, false), (16, 1, true), (8, 2, true)] {
            let mut hasher = Hasher::new(PasswordCost { memory_kib, passes });
            assert_eq!(hasher.is_outdated(&hash), is_outdated);
            assert!(
                hasher.check(&Secret::new("x"), Some(&hash)),
                "by its own cost"
            );
        }
        assert!(Hasher::new(CHEAP).is_outdated(&PasswordHash("x".into())));
        let cost = PasswordCost::default();
        assert_eq!((cost.memory_kib, cost.passes), (19 << 10, 2));
    }

    #[test]
    fn tokens_are_long_enough_and_never_alike() {
        let tokens: Vec<_> = (0..50).map(|_| make_token().unwrap()).collect();
        let codes: Vec<_> = (0..50).map(|_| make_code().unwrap()).collect();
        assert!(
            tokens
                .iter()
                .all(|(token, _)| token.expose().starts_with("cw_"))
        );
        assert!(
            codes
                .iter()
                .all(|(code, _)| code.expose().starts_with("cw1_"))
        );
        let tokens = [tokens, codes].concat();
        let texts: HashSet<_> = tokens.iter().map(|(token, _)| token.expose()).collect();
        let hashes: HashSet<_> = tokens.iter().map(|(_, hash)| hash.0).collect();
        assert_eq!((texts.len(), hashes.len()), (100, 100));
        for (token, hash) in &tokens {
            let (_, word) = token.expose().split_once('_').unwrap();
            assert_eq!(word.len(), 26, "5 bits each");
            assert_eq!(token_hash(token), *hash);
        }
        assert_eq!(make_password().unwrap().expose().len(), 16);
    }
}
