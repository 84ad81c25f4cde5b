//! Who plays.

/// What the two worlds differ by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// The person hides, from everybody but friends and who shares a room.
    Hidden,
    /// The person hides not, and blocks one.
    Block,
}

/// What somebody is to the person whom only one world has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The person.
    Person,
    /// May know of the person from the start: what they get is not compared.
    Insider,
    /// May know nothing.
    Outsider,
}

/// One of the cast.
#[derive(Clone, Copy, Debug)]
pub struct Actor {
    pub name: &'static str,
    pub has_account: bool,
    pub role: Role,
}

/// The person's place in the cast.
pub const PERSON: usize = 0;

/// The person's friend.
pub const FRIEND: usize = 1;

/// Whom the person blocks, if it is that.
pub const BLOCKED: usize = 3;

const CAST: [(&str, bool, Role); 7] = [
    ("heidi", true, Role::Person),
    ("ida", true, Role::Insider),
    ("ivan", true, Role::Insider),
    ("olga", true, Role::Outsider),
    ("otto", true, Role::Outsider),
    ("mia", false, Role::Outsider),
    ("max", false, Role::Outsider),
];

/// Everybody, with the roles that they have in a scenario.
pub fn cast(scenario: Scenario) -> Vec<Actor> {
    let all = CAST.iter().enumerate();
    let all = all.map(|(index, (name, has_account, role))| Actor {
        name,
        has_account: *has_account,
        role: match (scenario, role) {
            (Scenario::Block, Role::Outsider) if index != BLOCKED => Role::Insider,
            _ => *role,
        },
    });
    all.collect()
}

/// The password of an account.
pub fn password(name: &str) -> String {
    format!("pass-{name}-word")
}

/// Rooms that everybody goes to.
pub const PUBLIC: [&str; 3] = ["lobby", "dev", "tea"];

/// Rooms that the person goes to, and who is told of them.
pub const SECLUDED: [&str; 2] = ["den", "nest"];
