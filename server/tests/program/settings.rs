//! How the program takes its settings: what it refuses, and what it shows of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::{PROGRAM, Process};

/// The program in a folder, with nothing of the caller's environment.
fn bare(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).current_dir(folder).env_clear();
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    bare(folder, arguments).output().expect("the program starts")
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn published_keys_are_refused_where_other_machines_reach_the_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = run(folder.path(), &["serve", "--bind=0.0.0.0", "--port=0"]);
    assert_eq!(refused.status.code(), Some(2));
    let said = complaint(&refused);
    for words in ["ADMIN_API_KEY", "BIND=127.0.0.1", "openssl rand -hex 24"] {
        assert!(said.contains(words), "{said}");
    }
    assert!(fs::read_dir(folder.path()).expect("it is there").next().is_none(), "a database was made");
}

#[test]
fn a_broken_line_of_the_env_file_is_told_without_its_value() {
    let folder = tempfile::tempdir().expect("a folder");
    for (line, named) in [
        ("USER_API_KEY=se cret'words", "line 2 (USER_API_KEY)"),
        ("USER_API_KEY='se cret words", "line 2 (USER_API_KEY)"),
        ("se cret words", "line 2 is"),
    ] {
        fs::write(folder.path().join(".env"), format!("PORT=0\n{line}\n")).expect("it is written");
        let refused = run(folder.path(), &["openapi"]);
        assert_eq!(refused.status.code(), Some(2), "{line}");
        let said = complaint(&refused);
        assert!(said.contains(".env") && said.contains(named), "{line}: {said}");
        assert!(!said.contains("cret") && !said.contains("words"), "{line}: {said}");
    }
}

#[test]
fn the_env_file_of_the_folder_counts_and_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let below = folder.path().join("below");
    fs::create_dir(&below).expect("it is made");
    fs::write(folder.path().join(".env"), "PORT=not-a-port\nADMIN_API_KEYS=x\n").expect("it is written");
    let above = run(folder.path(), &["healthcheck"]);
    assert_eq!(above.status.code(), Some(2));
    let said = complaint(&above);
    assert!(said.contains("PORT stands in ") && said.contains("/.env"), "{said}");
    let below = bare(&below, &["openapi"]).output().expect("the program starts");
    assert!(below.status.success() && below.stderr.is_empty(), "{below:?}");
}

#[actix_web::test]
async fn the_env_file_is_named_at_the_start_with_the_names_that_nothing_reads() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(".env"), "PORT=0\nADMIN_API_KEYS=oh-no-a-typo\nPOSTGRES_PASSWORD=x\n")
        .expect("it is written");
    let unread = complaint(&run(folder.path(), &["openapi"]));
    assert!(unread.contains("ADMIN_API_KEYS is not a setting") && !unread.contains("oh-no"), "{unread}");
    assert!(!unread.contains("POSTGRES_PASSWORD"), "{unread}");

    let server = Process::start_as(bare(folder.path(), &[]));
    let named = server.serving["env_file"].as_str().expect("it is named");
    assert!(Path::new(named).ends_with(".env"), "{named}");
    assert!(server.terminate(), "it stops well");
}

#[actix_web::test]
async fn the_start_is_one_line_that_shows_no_password() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Process::start_as(bare(folder.path(), &["serve", "--port=0", "--workers=1"]));
    let line = server.serving.clone();
    for (field, value) in [
        ("version", env!("CARGO_PKG_VERSION")),
        ("database", "sqlite://holdfast.db"),
        ("environment", "development"),
    ] {
        assert_eq!(line[field], value, "{line}");
    }
    assert_eq!(line["workers"], 1, "{line}");
    assert!(line["node"].as_str().is_some_and(|node| node.starts_with("http://")), "{line}");
    assert!(server.terminate(), "it stops well");
}

#[test]
fn a_setting_is_named_once_and_the_right_one() {
    let folder = tempfile::tempdir().expect("a folder");
    for (arguments, words, absent) in [
        (
            &["verify", "--database-url=mysql://x"][..],
            "holdfast: DATABASE_URL: must begin",
            "DATABASE_URL: DATABASE_URL",
        ),
        (
            &[
                "serve",
                "--bind=192.0.2.1",
                "--admin-api-key=0123456789abcdef",
                "--user-api-key=fedcba9876543210",
            ],
            "BIND: cannot listen on 192.0.2.1",
            "PORT:",
        ),
        (&["serve", "--bind=no.such.host.invalid"], "BIND: ", "PORT"),
    ] {
        let said = complaint(&run(folder.path(), arguments));
        let last = said.lines().last().unwrap_or_default();
        assert!(last.contains(words) && !last.contains(absent), "{arguments:?}: {said}");
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let said = complaint(&run(folder.path(), &["serve", "--port", &port]));
    assert!(said.contains("PORT: cannot listen on 127.0.0.1"), "{said}");
}

#[test]
fn the_example_has_every_setting_and_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let help = run(folder.path(), &["serve", "--help"]);
    let help = String::from_utf8(help.stdout).expect("text");
    let settings: BTreeSet<_> =
        help.split("[env: ").skip(1).filter_map(|rest| rest.split(['=', ']']).next()).collect();
    let example = include_str!("../../../.env.example");
    let lines = example.lines().map(|line| line.trim_start_matches("# "));
    let names = lines.filter_map(|line| line.split_once('=')).map(|(name, _)| name);
    let is_name = |name: &&str| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    assert_eq!(names.filter(is_name).collect::<BTreeSet<_>>(), settings);
}

#[actix_web::test]
async fn a_redis_url_that_is_none_is_named_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("--database-url={}", crate::postgres_database().await);
    let arguments =
        ["serve", "--port=0", &url, "--redis-url=nonsense", "--cluster-secret=of-these-nodes-alone"];
    let said = complaint(&run(folder.path(), &arguments));
    let last = said.lines().last().unwrap_or_default();
    assert!(last.starts_with("holdfast: REDIS_URL: ") && last.matches("REDIS_URL").count() == 1, "{said}");
}

#[actix_web::test]
async fn a_migration_behind_a_pooler_says_where_to_run_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("--database-url={}", crate::postgres_database().await);
    let refused = run(folder.path(), &["migrate", "--db-pooler=transaction", &url]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(complaint(&refused).contains("without DB_POOLER"), "{refused:?}");
}

#[test]
fn containers_run_with_secrets_of_their_own() {
    let image = include_str!("../../../Dockerfile");
    assert!(image.contains("ENV BIND=0.0.0.0 PORT=8080 ENVIRONMENT=production"));
    let compose = include_str!("../../../docker-compose.yml");
    for secret in ["ADMIN_API_KEY", "USER_API_KEY", "CLUSTER_SECRET", "POSTGRES_PASSWORD"] {
        let uses = compose.matches(&format!("${{{secret}")).count();
        assert!(
            uses > 0 && uses == compose.matches(&format!("${{{secret}:?")).count(),
            "{secret} has a default"
        );
    }
    let ports = compose.lines().filter(|line| line.trim_start().starts_with("ports:"));
    assert!(
        ports.clone().count() > 0 && ports.clone().all(|line| line.contains("\"127.0.0.1:")),
        "{compose}"
    );
}
