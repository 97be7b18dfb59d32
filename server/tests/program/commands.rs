//! What the program says to a person at a shell, and how it ends.

use std::fs::File;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};

use crate::{PROGRAM, Process, program, request};

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).current_dir(std::env::temp_dir()).env_clear().env("NO_COLOR", "1");
    command.output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn what_is_mistyped_gets_a_hint() {
    for (arguments, words) in [
        (&["--prot", "99"][..], "'--port'"),
        (&["serv"], "'serve'"),
        (&["--environment", "moon"], "development, test, staging, production"),
        (&["serve", "--port", "http"], "'--port <PORT>'"),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = text(&output.stderr);
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
}

#[test]
fn a_command_takes_its_own_options_only() {
    for (command, has, lacks) in [
        ("serve", "--rate-limit-per-s", "--json"),
        ("verify", "--database-url", "--port"),
        ("migrate", "--database-url", "--admin-api-key"),
        ("seed", "--database-url", "--redis-url"),
        ("healthcheck", "--port", "--database-url"),
        ("openapi", "--help", "--port"),
    ] {
        let help = text(&run(&[command, "--help"]).stdout);
        assert!(help.contains(has) && !help.contains(lacks), "{command}: {help}");
    }
    let help = text(&run(&["--help"]).stdout);
    assert!(help.contains("completions") && !help.contains("--port"), "{help}");
}

#[test]
fn completions_are_for_three_shells() {
    for (shell, words) in
        [("bash", "complete -F"), ("zsh", "#compdef holdfast"), ("fish", "complete -c holdfast")]
    {
        let output = run(&["completions", shell]);
        assert!(output.status.success() && text(&output.stdout).contains(words), "{shell}");
    }
    let output = run(&["completions", "dos"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_document_that_could_not_be_written_is_a_failure() {
    let full = File::options().write(true).open("/dev/full").expect("Linux has it");
    let status = Command::new(PROGRAM)
        .arg("openapi")
        .current_dir(std::env::temp_dir())
        .stdout(full)
        .stderr(Stdio::null())
        .status()
        .expect("the program starts");
    assert_eq!(status.code(), Some(1));
}

#[actix_web::test]
async fn verify_speaks_to_people_and_to_machines() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("verify.db");
    let url = format!("sqlite://{}", file.display());
    let server = Process::start(&url, &[]);
    let event_id = server.event(json!({"total_seats": 3})).await;
    let (_, seats) = server.get(&format!("/events/{event_id}/seats")).await;
    for (turn, seat) in (0..).zip(seats.as_array().expect("an array")) {
        let held = server.post("/reservations", &[], &request(&event_id, &seat["id"], 1, turn)).await;
        assert_eq!(held.expect("an answer").0, 201);
    }
    assert!(server.terminate(), "it stops well");
    let mut database = SqliteConnection::connect(&url).await.expect("it is there");
    sqlx::query("UPDATE reservations SET total_minor = 1, user_id = x'00000000000040008000000000000002'")
        .execute(&mut database)
        .await
        .expect("it is changed");
    database.close().await.expect("it closes");

    let words = program(&url).arg("verify").output().expect("the program starts");
    let said = text(&words.stdout);
    assert_eq!(words.status.code(), Some(1), "{said}");
    assert!(said.contains("total_minor is 1, the journal gives 5000"), "{said}");
    assert!(said.contains("6 violations in 4 events"), "{said}");
    // Values as the program holds them have such names.
    assert!(!["Reservation {", "Some(", "UserId("].iter().any(|debug| said.contains(debug)), "{said}");

    let document = program(&url).args(["verify", "--json"]).output().expect("the program starts");
    let document: Value = serde_json::from_slice(&document.stdout).expect("JSON");
    assert_eq!(document["violations"].as_array().map(Vec::len), Some(6), "{document}");
    assert_eq!(document["violations"][0]["event_id"], event_id);
}

/// What starts the program, with the settings that the tests give it.
fn with_settings(mut command: Command, url: &str) -> Command {
    let program = program(url);
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(program.get_current_dir().expect("it is set"));
    command
}

#[actix_web::test]
async fn a_hangup_stops_as_gracefully_as_a_termination() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("hangup.db").display());
    for signal in ["-HUP", "-INT", "-TERM"] {
        // Whatever the tests themselves were started with.
        let mut command = Command::new("env");
        command.args(["--default-signal=HUP", PROGRAM, "serve", "--port=0"]);
        let (ended_well, log) = Process::start_as(with_settings(command, &url)).stop(signal);
        assert!(ended_well, "{signal}");
        assert!(log.last().is_some_and(|line| line.contains("\"stopped\"")), "{signal}: {log:?}");
    }
}

/// As `nohup` starts it.
#[actix_web::test]
async fn a_hangup_that_was_ignored_before_stays_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("nohup.db").display());
    let mut command = Command::new("env");
    command.args(["--ignore-signal=HUP", PROGRAM, "serve", "--port=0"]);
    let server = Process::start_as(with_settings(command, &url));
    server.signal("-HUP");
    std::thread::sleep(Duration::from_millis(300));
    let readyz = server.client.get(format!("{}/readyz", server.url)).send().await.expect("an answer");
    assert_eq!(readyz.status(), 200);
    assert!(server.terminate(), "it stops well");
}

#[actix_web::test]
async fn a_second_interrupt_ends_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("twice.db").display());
    let server = Process::start(&url, &[("SHUTDOWN_GRACE_MS", "30000")]);
    server.signal("-INT");
    while server.client.get(format!("{}/readyz", server.url)).send().await.expect("an answer").status() == 200
    {
        std::thread::sleep(Duration::from_millis(10));
    }
    let begun = Instant::now();
    let (ended_well, _) = server.stop("-INT");
    assert!(!ended_well && begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

/// What the program shows on a terminal, of which it has its end in this test.
fn on_a_terminal(url: &str, settings: &[(&str, &str)]) -> String {
    let folder = std::env::temp_dir();
    let mut command = Command::new("script");
    let mut line = format!("exec timeout --signal=TERM --kill-after=20 3 {PROGRAM} serve");
    line += " 2>&1";
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]).current_dir(folder);
    command.env("DATABASE_URL", url).env("PORT", "0").env_remove("REDIS_URL").env("TERM", "xterm");
    let output = command.envs(settings.iter().copied()).stdin(Stdio::null()).output();
    text(&output.expect("there is script").stdout).replace('\r', "")
}

#[actix_web::test]
async fn the_greeting_is_for_a_terminal_and_shows_no_key_of_ones_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("greeting.db").display());
    let piped = program(&url).args(["serve", "--port=x"]).output().expect("the program starts");
    assert!(piped.stdout.is_empty(), "{piped:?}");

    let greeting = on_a_terminal(&url, &[("NO_COLOR", "1"), ("LOG_LEVEL", "trace")]);
    let lines: Vec<_> = greeting.lines().skip_while(|line| !line.starts_with("Holdfast ")).collect();
    let starts = ["Holdfast ", "  API ", "  Swagger UI ", "  Try ", "                -H "];
    for (line, start) in lines.iter().zip(starts) {
        assert!(line.starts_with(start), "{line} in {greeting}");
    }
    assert!(lines.len() > starts.len() && greeting.contains("dev-user-key-67890"), "{greeting}");
    assert!(!greeting.contains("\u{1b}["), "NO_COLOR: {greeting}");

    let own = [("USER_API_KEY", "a-key-of-my-own-4711"), ("LOG_LEVEL", "info")];
    let greeting = on_a_terminal(&url, &own);
    assert!(greeting.contains("$USER_API_KEY") && !greeting.contains("4711"), "{greeting}");
    assert!(greeting.contains("\u{1b}["), "a terminal has colours: {greeting}");
}
