//! The tests, tested: the source is broken in one way at a time, as real servers were broken, and the test that
//! the mutant names must fail. The mutants are in the TOML files beside this one.
//!
//! ```sh
//! cargo test --test mutants                        # whether each applies, and its test exists; part of `cargo test`
//! cargo test --test mutants -- --run               # all, which takes hours
//! cargo test --test mutants -- --run NAME NAME     # some
//! cargo test --test mutants -- --some 2            # as many, drawn anew each time
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    missing_docs
)]

mod finder;
mod mutant;
mod workshop;

use std::collections::{BTreeSet, HashSet};
use std::env;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use finder::Suites;
use mutant::Mutant;
use workshop::{Verdict, Workshop};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mutants = mutant::all();
    match arguments.as_slice() {
        ["--run"] => run(&mutants.iter().collect::<Vec<_>>()),
        ["--run", names @ ..] => {
            let find = |name: &&str| mutants.iter().find(|mutant| mutant.name == **name);
            match names.iter().find(|name| find(name).is_none()) {
                Some(unknown) => refuse(&format!("there is no mutant {unknown}")),
                None => run(&names.iter().filter_map(find).collect::<Vec<_>>()),
            }
        }
        ["--some", number] => match number.parse() {
            Ok(number) => run(&fastrand::choose_multiple(&mutants, number)),
            Err(_) => refuse(&format!("{number} is not a number")),
        },
        ["--some", ..] => refuse("--some needs a number"),
        // Any other argument is for the tests that `cargo test` runs together with this one.
        _ => check(&mutants),
    }
}

fn refuse(why: &str) -> ExitCode {
    eprintln!("{why}; usage: cargo test --test mutants [-- --run [NAME...] | -- --some NUMBER]");
    ExitCode::from(2)
}

/// Whether each mutant still applies, and the test that is to find it exists, without building anything.
fn check(mutants: &[Mutant]) -> ExitCode {
    let start = Instant::now();
    println!("\nrunning {} tests", mutants.len());
    let (mut names, mut suites) = (HashSet::new(), Suites::default());
    let mut failed = 0;
    for mutant in mutants {
        let problem = if !names.insert(&mutant.name) {
            Some("another has the same name".to_owned())
        } else if mutant.found_by.trim().is_empty() || mutant.what.trim().is_empty() {
            Some("it does not say what is wrong, or which test finds it".to_owned())
        } else if !suites.have(Path::new(ROOT), &mutant.found_by) {
            Some(format!("there is no test {}", mutant.found_by))
        } else {
            mutant.apply(Path::new(ROOT)).err()
        };
        if let Some(problem) = problem {
            println!("{}: {problem}", mutant.name);
            failed += 1;
        }
    }
    println!(
        "\ntest result: {}. {} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out; \
         finished in {:.2}s\n",
        if failed == 0 { "ok" } else { "FAILED" },
        mutants.len() - failed,
        start.elapsed().as_secs_f64()
    );
    ExitCode::from(if failed == 0 { 0 } else { 101 })
}

/// Applies each mutant to a copy of the source, and runs the test that must find it.
fn run(mutants: &[&Mutant]) -> ExitCode {
    let workshop = Workshop::open(Path::new(ROOT));
    // A test that fails anyway finds nothing.
    let tests: BTreeSet<&str> = mutants.iter().map(|mutant| &*mutant.found_by).collect();
    for test in tests {
        if let Err(log) = workshop.passes_unchanged(test) {
            eprintln!(
                "without any mutant, cargo test {test} fails; see {}",
                log.display()
            );
            return ExitCode::FAILURE;
        }
    }
    let mut found = 0;
    for mutant in mutants {
        let (name, test) = (&mutant.name, &mutant.found_by);
        match workshop.try_out(mutant) {
            Verdict::Found(by) => {
                found += 1;
                println!("{name:<50} found: {by}");
            }
            Verdict::NotFound => println!("{name:<50} NOT FOUND by {test}"),
            Verdict::NotApplied(problem) => println!("{name:<50} does not apply: {problem}"),
            Verdict::NotBuilt(log) => println!("{name:<50} does not build; see {}", log.display()),
        }
    }
    println!("{found} of {} found", mutants.len());
    ExitCode::from(u8::from(found < mutants.len()))
}
