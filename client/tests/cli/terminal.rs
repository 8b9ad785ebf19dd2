//! What a terminal is shown.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::process::{Child, Command, Stdio};

use daymark_proto::v1::{Gate, Outcome, Standing, State};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::fake::{Fake, Script, Step};
use crate::fake_gates::GateStep;
use crate::objects::{changed, forbidden, found, pod, snapshot};
use crate::process::against;
use crate::wait::{ended, object, script, told};

/// A process with a terminal for its stdout.
pub struct Screen {
    child: Child,
    terminal: File,
    shown: String,
}

impl Screen {
    pub fn start(command: &mut Command, rows: u16, columns: u16) -> Self {
        let (terminal, slave) = open(rows, columns);
        let child = command.env("TERM", "xterm").stdout(slave).stderr(Stdio::null()).spawn().unwrap();
        // The command holds the terminal's other end, too, and would keep it open.
        command.stdout(Stdio::null());
        Self { child, terminal, shown: String::new() }
    }

    /// A process with a terminal for its stderr.
    pub fn of_notes(command: &mut Command) -> Self {
        let (terminal, slave) = open(24, 80);
        let child = command.env("TERM", "xterm").stdout(Stdio::null()).stderr(slave).spawn().unwrap();
        command.stderr(Stdio::null());
        Self { child, terminal, shown: String::new() }
    }

    /// Reads on until `part` is shown; without a part, to the end.
    pub fn read_until(&mut self, part: Option<&str>) -> String {
        let mut bytes = [0; 4096];
        while part.is_none_or(|part| !self.shown.contains(part)) {
            match self.terminal.read(&mut bytes) {
                Ok(count) if count > 0 => self.shown += &String::from_utf8_lossy(&bytes[..count]),
                // A terminal whose other end is closed ends with an error.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                _ => {
                    assert_eq!(part, None, "{}", self.shown);
                    break;
                }
            }
        }
        std::mem::take(&mut self.shown)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Both ends of a terminal.
pub fn open(rows: u16, columns: u16) -> (File, File) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let slave = File::options().read(true).write(true).open(path).unwrap();
    tcsetwinsize(&slave, Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    (File::from(master), slave)
}

/// `get.watch-terminal`
#[test]
fn the_table_is_redrawn_in_place() {
    let first = snapshot([pod("a", State::Ready), pod("b", State::Ready)]);
    let fake = Fake::new(Script { watches: [first].into(), ..Script::default() });
    let mut screen = Screen::start(&mut against(&fake, &["get", "pods", "-w"]), 24, 80);
    let shown = screen.read_until(Some("b "));
    assert!(shown.contains("NAME") && !shown.contains("\u{1b}[J"), "{shown:?}");
    fake.push(changed("2", pod("b", State::Failed)));
    let shown = screen.read_until(Some("Failed"));
    // Up three lines, and all below is emptied.
    assert!(shown.contains("\u{1b}[3F\u{1b}[J"), "{shown:?}");
    fake.push(Step::Fail(forbidden()));
    screen.read_until(None);
    assert_eq!(screen.child.wait().unwrap().code(), Some(5));
}

/// `get.watch-terminal-height`
#[test]
fn what_the_screen_has_no_room_for_is_counted() {
    let pods = (0..30).map(|index| pod(&format!("pod-{index}-{}", "x".repeat(100)), State::Ready));
    let mut steps = snapshot(pods);
    steps.push(Step::Fail(forbidden()));
    let fake = Fake::new(Script { watches: [steps].into(), ..Script::default() });
    let shown = Screen::start(&mut against(&fake, &["get", "pods", "-w"]), 10, 60).read_until(None);
    assert!(shown.contains("... and 23 more that this screen has no room for"), "{shown:?}");
    let first_picture = shown.split("\u{1b}[9F").next().unwrap();
    assert_eq!(first_picture.lines().count(), 9, "{shown:?}");
    assert!(first_picture.lines().skip(1).all(|line| line.len() <= 60), "{shown:?}");
}

/// `all.escaped-terminal` `all.no-colour`
#[test]
fn documents_cannot_act_on_a_terminal_and_colour_can_be_refused() {
    for (format, shown) in [("json", "\\u009b2J"), ("yaml", "2J"), ("table", "Ready")] {
        let mut status = pod("a", State::Ready);
        status.object = "{\"kind\":\"Pod\",\"text\":\"\u{9b}2J\\u001b\"}".to_owned().into();
        let fake = Fake::new(Script { objects: [found(status)].into(), ..Script::default() });
        let mut command = against(&fake, &["get", "pod", "a", "-o", format]);
        command.env("NO_COLOR", "1");
        let text = Screen::start(&mut command, 24, 80).read_until(None);
        assert!(text.contains(shown) && !text.contains(['\u{9b}', '\u{1b}']), "{text:?}");
    }
}

/// `get.expression-escaped`
#[test]
fn what_expressions_make_cannot_act_on_a_terminal() {
    let mut status = pod("a", State::Ready);
    status.object = r#"{"text":"a\t\u001b[31m\u202e"}"#.into();
    for output in ["jq=.text", "jsonpath={.text}", "go-template={{.text}}", "custom-columns=TEXT:.text"] {
        let fake = Fake::new(Script { objects: [found(status.clone())].into(), ..Script::default() });
        let words = ["get", "pod", "a", "-r", "-o", output];
        let words = if output.starts_with("jq") { &words[..] } else { &["get", "pod", "a", "-o", output][..] };
        let shown = Screen::start(&mut against(&fake, words), 24, 80).read_until(None);
        assert!(shown.contains("31m") && !shown.contains(['\u{1b}', '\u{202e}']), "{output}: {shown:?}");
    }
}

/// `all.colour`
#[test]
fn states_have_colours_on_a_terminal() {
    let fake = Fake::new(Script { objects: [found(pod("a", State::Ready))].into(), ..Script::default() });
    let text = Screen::start(&mut against(&fake, &["get", "pod", "a"]), 24, 80).read_until(None);
    assert!(text.contains("\u{1b}[32mReady\u{1b}[0m"), "{text:?}");
}

/// `wait.terminal`
#[test]
fn a_wait_is_a_table_until_its_verdict() {
    let waiting = || object(pod("a", State::InProgress), Standing::Waiting);
    let ready = || vec![object(pod("a", State::Ready), Standing::Met)];
    let steps = vec![
        told(Gate::default(), vec![waiting(), object(pod("b", State::Ready), Standing::Met)]),
        told(ended(Outcome::Passed, "Met", "all is well", &ready()), ready()),
        GateStep::End,
    ];
    let fake = Fake::new(script(vec![steps]));
    let mut screen = Screen::start(&mut against(&fake, &["wait", "pod", "a", "b"]), 24, 100);
    let shown = screen.read_until(None);
    assert!(shown.contains("STANDING") && shown.contains("waiting"), "{shown:?}");
    // The table is taken away before the verdict.
    let last = shown.rsplit("\u{1b}[3F\u{1b}[J").next().unwrap();
    assert!(last.starts_with("pod/a met: Because") && last.contains("passed: Met: all is well"), "{shown:?}");
    assert_eq!(screen.child.wait().unwrap().code(), Some(0));
}
