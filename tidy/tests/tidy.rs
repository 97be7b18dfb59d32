//! What `ARCHITECTURE.md` claims of the source.

use std::collections::{BTreeMap, BTreeSet};

use tidy::{PACKAGES, Source, circle, imports, long_functions, sources};

const MOST_LINES: usize = 500;
const MOST_LINES_OF_FUNCTION: usize = 70;
const MOST_COLUMNS_OF_COMMENT: usize = 110;

/// What decides, and could run anywhere.
const PURE_ROOMS: [&str; 3] = ["engine/src/words", "engine/src/event", "engine/src/owner"];

/// The one file of them that reads a clock, to hand it in.
const CLOCK: &str = "engine/src/words/clock.rs";

/// What has no place in the pure rooms.
const IMPURE: [&str; 10] = [
    "Instant",
    "SystemTime",
    "sleep",
    "rand::",
    "tokio",
    "actix",
    "async ",
    ".await",
    "tracing::",
    "std::fs",
];

#[track_caller]
fn assert_none(what: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

fn each_source(folder: &str) -> Vec<Source> {
    PACKAGES.iter().flat_map(|package| sources(&format!("{package}/{folder}"))).collect()
}

#[test]
fn no_modules_import_each_other_in_a_circle() {
    let circles = PACKAGES.iter().filter_map(|package| {
        circle(&imports(package)).map(|circle| format!("{package}: {}", circle.join(" -> ")))
    });
    assert_none("circles", circles.collect());
}

#[test]
fn no_rooms_import_each_other_in_a_circle() {
    let room = |module: &String| module.split("::").next().unwrap_or_default().to_owned();
    let mut circles = Vec::new();
    for package in PACKAGES {
        let mut rooms: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (module, targets) in imports(package) {
            let others = targets.iter().map(room).filter(|other| *other != room(&module));
            rooms.entry(room(&module)).or_default().extend(others);
        }
        circles.extend(circle(&rooms).map(|circle| format!("{package}: {}", circle.join(" -> "))));
    }
    assert_none("circles of rooms", circles);
}

#[test]
fn files_and_functions_are_short() {
    let mut found = Vec::new();
    for source in each_source("src") {
        let lines = source.production().len();
        if lines >= MOST_LINES {
            found.push(format!("{}: {lines} lines", source.path.display()));
        }
        for (name, lines) in long_functions(&source, MOST_LINES_OF_FUNCTION) {
            found.push(format!("{}: {name} has {lines} lines", source.path.display()));
        }
    }
    assert_none("too long", found);
}

#[test]
fn comments_are_as_narrow_as_the_code() {
    let mut found = Vec::new();
    for source in each_source("") {
        for (number, line) in (1..).zip(&source.lines) {
            if line.trim_start().starts_with("//") && line.chars().count() > MOST_COLUMNS_OF_COMMENT {
                found.push(format!("{}:{number}", source.path.display()));
            }
        }
    }
    assert_none("wider than 110 columns", found);
}

#[test]
fn the_engine_knows_actix_in_the_shell_only() {
    let is_shell = |source: &Source| source.path.starts_with("engine/src/actor");
    assert_none("actix", lines_with(&["actix"], sources("engine/src").into_iter().filter(|s| !is_shell(s))));
}

#[test]
fn pure_rooms_have_no_clock_no_dice_and_no_io() {
    let pure =
        PURE_ROOMS.iter().flat_map(|room| sources(room)).filter(|source| !source.path.ends_with(CLOCK));
    assert_none("impure", lines_with(&IMPURE, pure));
}

fn lines_with(words: &[&str], sources: impl Iterator<Item = Source>) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        for (number, line) in (1..).zip(source.production()) {
            let is_code = !line.trim_start().starts_with("//");
            if is_code && words.iter().any(|word| line.contains(word)) {
                found.push(format!("{}:{number}: {}", source.path.display(), line.trim()));
            }
        }
    }
    found
}

/// The names of metrics in a text: what follows `before`, up to `after`.
fn metrics_in(text: &str, before: &str, after: char) -> BTreeSet<String> {
    let names = text.split(before).skip(1).filter_map(|rest| rest.split_once(after)).map(|(name, _)| name);
    let is_name = |name: &&str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    names.filter(is_name).map(|name| format!("holdfast_{name}")).collect()
}

#[test]
fn the_page_of_metrics_has_every_one_and_no_other() {
    let page = std::fs::read_to_string(tidy::root().join("docs/metrics.md")).expect("the page is there");
    let mut registered = BTreeSet::new();
    for source in each_source("src") {
        registered.extend(metrics_in(&source.production().join("\n"), ": &str = \"holdfast_", '"'));
    }
    assert!(registered.len() > 10, "{registered:?}");
    assert_eq!(metrics_in(&page, "`holdfast_", '`'), registered);
}
