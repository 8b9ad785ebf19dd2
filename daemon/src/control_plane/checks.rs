//! What an API server says of itself at `/livez?verbose` and `/readyz?verbose`.

/// Checks that are kept: API servers have some 60.
const MOST: usize = 500;
/// The longest line that is a check.
const LONGEST: usize = 1024;

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its name, such as `etcd`.
    pub name: String,
    /// Whether it passed.
    pub passed: bool,
    /// What is said of it besides `ok` or `failed`; empty if nothing is.
    pub message: String,
}

/// What one place says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// Whether all is well.
    pub passed: bool,
    /// The checks, in their order; none where they are not told.
    pub checks: Vec<Check>,
    /// Why it did not pass, if no check says so.
    pub message: String,
}

impl Endpoint {
    /// What an answer says, which is a success or is not.
    #[must_use]
    pub fn read(is_success: bool, text: &str) -> Self {
        let checks = checks(text);
        let passed = is_success && checks.iter().all(|check| check.passed);
        let is_explained = passed || checks.iter().any(|check| !check.passed);
        let message = match is_explained {
            true => String::new(),
            false => text.lines().next_back().unwrap_or_default().chars().take(LONGEST).collect(),
        };
        Self { passed, checks, message }
    }

    /// One that did not say that all is well, because of that.
    #[must_use]
    pub fn failed(message: String) -> Self {
        Self { passed: false, checks: Vec::new(), message }
    }
}

/// The checks of a text: a line each, `[+]NAME ok` or `[-]NAME failed: reason withheld`
/// (k8s.io/apiserver `pkg/server/healthz/healthz.go`, `handleRootHealth`). Names hold no blanks.
fn checks(text: &str) -> Vec<Check> {
    text.lines().filter(|line| line.len() <= LONGEST).filter_map(check).take(MOST).collect()
}

fn check(line: &str) -> Option<Check> {
    let (rest, passed) = match (line.strip_prefix("[+]"), line.strip_prefix("[-]")) {
        (Some(rest), _) => (rest, true),
        (None, Some(rest)) => (rest, false),
        (None, None) => return None,
    };
    let (name, said) = rest.split_once(' ').unwrap_or((rest, ""));
    let word = if passed { "ok" } else { "failed" };
    let message = said.strip_prefix(word).unwrap_or(said).trim_start_matches([':', ' ']).trim_end();
    (!name.is_empty()).then(|| Check { name: name.to_owned(), passed, message: message.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, passed: bool, message: &str) -> Check {
        Check { name: name.into(), passed, message: message.into() }
    }

    #[test]
    fn checks_are_told_by_name() {
        let text = "[+]ping ok\n[-]etcd failed: reason withheld\n[+]informer-sync excluded: ok\n\
                    warn: some health checks cannot be excluded\nreadyz check failed\n";
        let told = Endpoint::read(false, text);
        let checks = [
            named("ping", true, ""),
            named("etcd", false, "reason withheld"),
            named("informer-sync", true, "excluded: ok"),
        ];
        assert_eq!((told.passed, &told.checks[..], told.message.as_str()), (false, &checks[..], ""));
    }

    #[test]
    fn what_says_no_checks_is_still_an_answer() {
        assert_eq!(Endpoint::read(true, "ok"), Endpoint { passed: true, ..Endpoint::default() });
        assert_eq!(Endpoint::read(false, "<html>\nnot now"), Endpoint::failed("not now".into()));
        assert_eq!(Endpoint::read(false, ""), Endpoint::failed(String::new()));
        // A success is not believed against its own checks.
        assert!(!Endpoint::read(true, "[-]etcd failed: x").passed);
    }

    #[test]
    fn there_are_never_too_many() {
        let text = "[+]a ok\n".repeat(3 * MOST) + "[+]" + &"b".repeat(2 * LONGEST) + " ok\n[+] ok\n";
        assert_eq!(Endpoint::read(true, &text).checks.len(), MOST);
        assert_eq!(Endpoint::read(true, &text[8 * 3 * MOST..]).checks, []);
    }
}
