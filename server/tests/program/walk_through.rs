//! What the README and the greeting tell a newcomer to type: it must work as it stands there, again and
//! again.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use crate::{PROGRAM, Process, needs};

/// The shell code of the README's walk-through, for a server at another address.
fn walk_through(url: &str) -> String {
    let readme = include_str!("../../../README.md");
    let (_, section) = readme.split_once("## A walk-through").expect("the section");
    let (section, _) = section.split_once("\n## ").expect("another section");
    let blocks = section.split("```sh\n").skip(1).map(|rest| rest.split_once("```").expect("its end").0);
    let code: String = blocks.collect();
    assert!(code.matches("http://127.0.0.1:8080").count() == 1, "{code}");
    code.replace("http://127.0.0.1:8080", url)
}

/// Has a shell read the code as if it were pasted: interactive, where zsh takes `#` for a command.
fn paste(shell: &[&str], code: &str) -> Output {
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).current_dir(std::env::temp_dir()).env("PS1", "").env("TERM", "dumb");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the shell starts");
    child.stdin.take().expect("it is piped").write_all(code.as_bytes()).expect("the shell reads");
    child.wait_with_output().expect("it ends")
}

fn walk_through_twice(shell: &[&str]) {
    needs(shell[0], shell[0]);
    needs("curl", "curl");
    let folder = tempfile::tempdir().expect("a folder");
    let server = Process::start(&format!("sqlite://{}", folder.path().join("walk.db").display()), &[]);
    for turn in 1..=2 {
        let output = paste(shell, &walk_through(&server.url));
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        for word in
            ["not found", "no matches", "unknown file attribute", "parse error", "syntax error", "curl:"]
        {
            assert!(!errors.contains(word), "turn {turn}: {errors}");
        }
        let mut rest = &*said;
        for words in [
            "\"status\":\"available\"",
            "HTTP/1.1 201",
            "idempotent-replayed: true",
            "HTTP/1.1 409",
            "\"conflicts\":[",
            "\"status\":\"confirmed\"",
            "\"status\":\"cancelled\"",
            "\"status\":\"expired\"",
            "\"code\":\"reservation_expired\"",
        ] {
            let Some((_, after)) = rest.split_once(words) else {
                panic!("turn {turn}: no {words} in {rest}\n{errors}");
            };
            rest = after;
        }
    }
    assert!(server.terminate(), "it stops well");
}

#[actix_web::test]
async fn the_walk_through_works_again_and_again_in_bash() {
    walk_through_twice(&["bash", "--norc", "-i", "-s"]);
}

#[actix_web::test]
async fn the_walk_through_works_again_and_again_in_zsh() {
    walk_through_twice(&["zsh", "-f", "-i", "-s"]);
}

/// A server on a terminal; it hangs up when dropped.
struct OnTerminal {
    script: Child,
    greeting: Vec<String>,
}

impl OnTerminal {
    fn start(folder: &Path) -> Self {
        let line = format!("exec env --default-signal=HUP {PROGRAM} serve --port=0 --log-level=warn");
        let mut command = Command::new("script");
        command.args(["--quiet", "--command", &line, "/dev/null"]).current_dir(folder).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("SHELL", "/bin/sh");
        let mut script =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("there is script");
        let lines = BufReader::new(script.stdout.take().expect("it is piped")).lines();
        let mut greeting = Vec::new();
        for line in lines.map_while(Result::ok) {
            let line = line.trim_end_matches('\r').to_owned();
            let is_last = line.contains("-H 'Content-Type");
            greeting.push(line);
            if is_last {
                break;
            }
        }
        Self { script, greeting }
    }

    /// What stands behind "Try".
    fn to_try(&self) -> String {
        let lines = self.greeting.iter().skip_while(|line| !line.contains("  Try "));
        lines.map(|line| line.trim_start().trim_start_matches("Try ").to_owned() + "\n").collect()
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        let _ = self.script.kill();
        let _ = self.script.wait();
    }
}

#[test]
fn what_the_greeting_says_to_try_works_on_every_start() {
    needs("curl", "curl");
    let folder = tempfile::tempdir().expect("a folder");
    for start in 1..=3 {
        let server = OnTerminal::start(folder.path());
        let code = server.to_try();
        let output = Command::new("sh").args(["-c", &code]).output().expect("there is sh");
        let answer = String::from_utf8_lossy(&output.stdout);
        assert!(answer.contains("\"status\":\"pending\""), "start {start}: {code}: {answer}");
    }
}
