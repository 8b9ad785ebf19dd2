//! `KIND,KIND`, `KIND NAME NAME` and `KIND/NAME`.

use super::answer::Candidate;
use super::live::Live;

/// The command whose words are pods where they name no kind.
const OF_PODS: &str = "logs";

/// What the words before say the next one is.
#[derive(Debug, PartialEq, Eq)]
enum Form<'a> {
    /// Kinds, behind those that were named.
    Kinds {
        /// With the comma behind them.
        done: &'a str,
        /// What was typed of the next one.
        typed: &'a str,
        /// Whether only `KIND/NAME` can follow.
        is_slashed: bool,
    },
    /// A name of one of the kinds.
    Name {
        /// Of these kinds.
        kinds: &'a str,
        /// What belongs to the same word.
        before: &'a str,
        /// What was typed of the name.
        typed: &'a str,
    },
}

fn form<'a>(before: &'a [String], typed: &'a str) -> Form<'a> {
    let is_slashed = before.iter().any(|word| word.contains('/'));
    match (before.first(), typed.split_once('/')) {
        (_, Some((kinds, name))) => Form::Name { kinds, before: &typed[..=kinds.len()], typed: name },
        (Some(kinds), None) if !is_slashed => Form::Name { kinds, before: "", typed },
        _ => {
            let (done, typed) = typed.split_at(typed.rfind(',').map_or(0, |comma| comma + 1));
            Form::Kinds { done, typed, is_slashed }
        }
    }
}

/// What a word that names kinds or objects can be completed to.
pub async fn complete(live: &Live<'_>, typed: &str) -> Vec<Candidate> {
    let place = live.place;
    match form(&place.words, typed) {
        Form::Name { kinds, before, typed } => {
            let named = |word: &Candidate| place.words.iter().any(|said| *said == format!("{before}{}", word.text));
            let words = live.names(kinds, typed).await.into_iter().filter(|word| !named(word));
            words.map(|word| word.behind(before)).collect()
        }
        Form::Kinds { done, typed, is_slashed } => {
            let mut words = live.kinds(typed).await;
            words.retain(|word| !done.split(',').any(|said| said == word.text));
            if is_slashed {
                words = words.into_iter().map(|word| Candidate { text: word.text + "/", ..word }.open()).collect();
            }
            if place.command.get_name() == OF_PODS && done.is_empty() && !is_slashed {
                words.extend(live.names("pods", typed).await);
            }
            words.into_iter().map(|word| word.behind(done)).collect()
        }
    }
}

/// The kinds that the words name, such as `pods` and `svc`.
pub fn kinds(words: &[String]) -> Vec<String> {
    let slashed = words.iter().filter_map(|word| word.split_once('/')).map(|(kind, _)| kind.to_owned());
    let slashed: Vec<_> = slashed.collect();
    match words.first() {
        Some(kinds) if slashed.is_empty() => kinds.split(',').map(str::to_owned).collect(),
        _ => slashed,
    }
}

/// The one object that the words name first, by kind and name: `pod/a`, `pod a`, or `a`, which is a pod's name.
pub fn object(words: &[String]) -> Option<(String, String)> {
    let owned = |kind: &str, name: &str| Some((kind.to_owned(), name.to_owned()));
    match words {
        [first, ..] if first.contains('/') => first.split_once('/').and_then(|(kind, name)| owned(kind, name)),
        [kind, name, ..] if !kind.contains(',') => owned(kind, name),
        [name] => owned("pods", name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn each_form_goes_on_as_it_began() {
        let kinds = |done, typed, is_slashed| Form::Kinds { done, typed, is_slashed };
        let name = |kinds, before, typed| Form::Name { kinds, before, typed };
        for (before, typed, expected) in [
            ("", "po", kinds("", "po", false)),
            ("", "pods,de", kinds("pods,", "de", false)),
            ("", "pod/we", name("pod", "pod/", "we")),
            ("pods", "we", name("pods", "", "we")),
            ("pods,svc web", "", name("pods,svc", "", "")),
            ("pod/a", "de", kinds("", "de", true)),
            ("pod/a", "svc/", name("svc", "svc/", "")),
        ] {
            assert_eq!(form(&words(before), typed), expected, "{before} {typed}");
        }
    }

    #[test]
    fn kinds_and_the_object_are_those_of_the_words() {
        for (text, of_kinds, of_object) in [
            ("", "", None),
            ("pods", "pods", Some("pods pods")),
            ("pods,svc", "pods svc", Some("pods pods,svc")),
            ("deploy web x", "deploy", Some("deploy web")),
            ("deploy/web pod/a", "deploy pod", Some("deploy web")),
            ("pods,svc web", "pods svc", None),
        ] {
            let words = words(text);
            assert_eq!(kinds(&words).join(" "), of_kinds, "{text}");
            let object = object(&words).map(|(kind, name)| format!("{kind} {name}"));
            assert_eq!(object.as_deref(), of_object, "{text}");
        }
    }
}
