//! Completion in the shells themselves, which have a terminal and somebody who presses the tab key.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::completion::{patient, script};
use crate::fake::Fake;
use crate::process::{command, finish};

/// How long a shell may take to show something.
const PATIENCE: Duration = Duration::from_secs(60);
const BASH_COMPLETION: &str = "/usr/share/bash-completion/bash_completion";

/// A shell in a terminal. Dropping it kills it.
struct Shell {
    child: Child,
    keys: File,
    shown: Receiver<Vec<u8>>,
    /// What was shown since the last key.
    text: String,
    _home: tempfile::TempDir,
}

impl Shell {
    /// A shell with those words that has a home of its own, with these files, and finds `daymark`.
    fn start(words: &[&str], fake: &Fake, files: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(home.path().join(name), text).unwrap();
        }
        let (master, slave) = terminal();
        let mut shell = Command::new("setsid");
        shell.arg("--ctty").args(words).env_clear().current_dir(home.path());
        shell.env("PATH", search_path()).env("HOME", home.path()).env("TERM", "xterm").env("LC_ALL", "C.UTF-8");
        patient(&mut shell).env("DAYMARK_ADDRESS", fake.address());
        shell.stdin(slave.try_clone().unwrap()).stdout(slave.try_clone().unwrap()).stderr(slave);
        let child = shell.spawn().unwrap();
        drop(shell);
        let mut reader = master.try_clone().unwrap();
        let (sender, shown) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { child, keys: master, shown, text: String::new(), _home: home }
    }

    fn press(&mut self, keys: &str) {
        self.text.clear();
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Runs a line, and waits for its end.
    fn run(&mut self, line: &str) {
        self.press(line);
        self.end(";");
    }

    /// Ends a line with a command that says so.
    fn end(&mut self, before: &str) {
        // What is echoed has the quotes, too.
        self.press(&format!("{before} echo do''ne\r"));
        self.expect("done");
    }

    fn expect(&mut self, part: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.text.contains(part) {
            let left = deadline.saturating_duration_since(Instant::now());
            let bytes = self.shown.recv_timeout(left);
            assert!(bytes.is_ok(), "no {part:?} in {:?}", self.text);
            self.text += &String::from_utf8_lossy(&bytes.unwrap());
        }
    }

    /// Types a line up to the tab key: `part` is to be shown; then takes it back.
    fn complete(&mut self, typed: &str, part: &str) {
        assert!(!typed.contains(part), "{part:?} would be shown anyway");
        self.press(&format!("{typed}\t"));
        self.expect(part);
        // Kills the line.
        self.end("\u{15}");
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn terminal() -> (File, File) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let slave = File::options().read(true).write(true).open(path).unwrap();
    tcsetwinsize(&slave, Winsize { ws_row: 40, ws_col: 200, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    (File::from(master), slave)
}

fn search_path() -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_daymark")).parent().unwrap().display();
    format!("{binary}:{}", std::env::var("PATH").unwrap())
}

/// Whether a shell is there. CI has them all.
fn is_there(shell: &str) -> bool {
    let found = std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).map(|folder| folder.join(shell)).any(|file: PathBuf| file.exists())
    });
    assert!(found || std::env::var_os("CI").is_none(), "CI needs {shell}");
    found
}

/// What is to be completed in every shell.
fn completes(shell: &mut Shell, names: &[&str]) {
    for name in names {
        for (typed, part) in [
            ("vers", "version"),
            ("get --state=fa", "failed"),
            ("get deployments --fie", "--field-selector"),
            ("get deploym", "deployments"),
            ("get pods,deploym", "pods,deployments"),
            ("get pods web-1 d", "db:0"),
            ("get pod/d", "pod/db:0"),
        ] {
            shell.complete(&format!("{name} {typed}"), part);
        }
    }
}

/// `completion.bash` `completion.alias`
#[test]
fn bash_completes() {
    let fake = Fake::new(script());
    let bash = ["bash", "--noprofile", "--norc", "-i"];
    let mut shell = Shell::start(&bash, &fake, &[]);
    shell.run("set -u; source <(daymark completion bash --name k)");
    completes(&mut shell, &["daymark", "k"]);
    // An alias of which the script was not told, where bash looks for such.
    shell.run("alias dm=daymark; shopt -s progcomp_alias");
    shell.complete("dm get pods web-1 d", "db:0");
    // As bash 3.2 needs it; and from the file that is read at the start.
    let mut shell = Shell::start(&["bash", "-i"], &fake, &[(".bashrc", "eval \"$(daymark completion bash)\"\n")]);
    completes(&mut shell, &["daymark"]);
    // With bash-completion, which is not needed.
    if Path::new(BASH_COMPLETION).exists() {
        let mut shell = Shell::start(&bash, &fake, &[]);
        shell.run(&format!("source {BASH_COMPLETION}; source <(daymark completion bash)"));
        completes(&mut shell, &["daymark"]);
    }
}

/// `completion.bash`
#[test]
fn bash_completes_files_itself() {
    let fake = Fake::new(script());
    let files = [("a certificate.pem", ""), ("other.pem", "")];
    let mut shell = Shell::start(&["bash", "--noprofile", "--norc", "-i"], &fake, &files);
    shell.run("source <(daymark completion bash)");
    shell.complete("daymark get --ca-file oth", "other.pem");
    shell.complete("daymark get --ca-file=a", "a\\ certificate.pem");
}

/// What is in bash's own variables, without a terminal.
///
/// `completion.bash`
#[test]
fn bash_is_told_no_more_than_it_is_to_insert() {
    let fake = Fake::new(script());
    let script = finish(&mut command(&["completion", "bash"])).out;
    for (line, replies) in [
        ("daymark get --state=fa", "[failed ]"),
        ("daymark get pods db:", "[0 ]"),
        ("daymark get pods web", "[web-1 ][web-2 ]"),
        ("daymark wait x --for cond", "[condition=]"),
        ("daymark get pods x", ""),
    ] {
        let typed = format!(
            "{script}\nCOMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}; _daymark_complete daymark '' ''\n\
             ((${{#COMPREPLY[@]}})) && printf '[%s]' \"${{COMPREPLY[@]}}\"; :"
        );
        let mut bash = Command::new("bash");
        bash.args(["--noprofile", "--norc", "-uc", &typed]).env_clear().env("PATH", search_path());
        finish(patient(&mut bash).env("DAYMARK_ADDRESS", fake.address())).expect(0, replies, "");
    }
}

/// `completion.zsh` `completion.alias`
#[test]
fn zsh_completes() {
    if !is_there("zsh") {
        return;
    }
    let fake = Fake::new(script());
    // Nobody has called compinit.
    let mut shell = Shell::start(&["zsh", "-f", "-i"], &fake, &[]);
    shell.run("source <(daymark completion zsh --name k)");
    completes(&mut shell, &["daymark", "k"]);
    shell.run("alias dm=daymark");
    shell.complete("dm get pods web-1 d", "db:0");
    // It is called later, and earlier.
    let source = "source <(daymark completion zsh)";
    let compinit = "autoload -Uz compinit && compinit -i";
    for file in [format!("{source}\n{compinit}\n"), format!("{compinit}\n{source}\n")] {
        let files = [(".zshrc", file.as_str()), ("other.pem", "")];
        let mut shell = Shell::start(&["zsh", "-d", "-i"], &fake, &files);
        completes(&mut shell, &["daymark"]);
        shell.complete("daymark get --ca-file=oth", "other.pem");
    }
}

/// A folder of functions, as packages use it.
///
/// `completion.zsh`
#[test]
fn zsh_finds_the_script_by_itself() {
    if !is_there("zsh") {
        return;
    }
    let fake = Fake::new(script());
    let function = finish(&mut command(&["completion", "zsh"])).out;
    let files = [(".zshrc", "fpath=(~ $fpath); autoload -Uz compinit && compinit -i\n"), ("_daymark", &function)];
    let mut shell = Shell::start(&["zsh", "-d", "-i"], &fake, &files);
    completes(&mut shell, &["daymark"]);
}

/// `completion.fish` `completion.alias`
#[test]
fn fish_completes() {
    if !is_there("fish") {
        return;
    }
    let fake = Fake::new(script());
    let mut shell = Shell::start(&["fish", "--no-config", "-i"], &fake, &[("other.pem", "")]);
    shell.run("daymark completion fish --name k | source");
    completes(&mut shell, &["daymark", "k"]);
    shell.complete("daymark get --ca-file=oth", "other.pem");
    shell.complete("daymark get --ca-file oth", "other.pem");
}
