//! Compiles what a configuration says of claims.

use serde_saphyr::Spanned;

use super::claims::{ClaimRule, Mapped, Mapping, Rule};
use super::configuration::{ClaimRuleText, ExtraText, Jwt, MappedText, UserRuleText};
use crate::expression::{Compiler, Program};

/// The longest expression in bytes.
const LONGEST: usize = 4096;
/// How deeply it may be nested: it is evaluated on the stack of whoever serves.
const DEEPEST: usize = 24;

/// What is wrong, and in which line.
pub(super) type Wrong = (u64, String);

/// What an issuer's part of the configuration says of claims.
///
/// # Errors
/// The first thing that is wrong with it.
pub(super) fn compile(jwt: &Jwt) -> Result<Mapping, Wrong> {
    let compiler = |variables| Compiler::new(variables).map_err(|_| (1, "CEL is not available".to_owned()));
    let (claims, user) = (compiler(&["claims"])?, compiler(&["user"])?);
    let mappings = &jwt.claim_mappings;
    let optional = |name, text: &Option<Spanned<MappedText>>, prefixed| {
        text.as_ref().map(|text| mapped(&claims, name, text, prefixed)).transpose()
    };
    let mapping = Mapping {
        claim_rules: jwt
            .claim_validation_rules
            .iter()
            .map(|rule| claim_rule(&claims, rule))
            .collect::<Result<_, _>>()?,
        username: mapped(&claims, "username", &mappings.username, true)?,
        groups: optional("groups", &mappings.groups, true)?,
        uid: optional("uid", &mappings.uid, false)?,
        extra: extra(&claims, &mappings.extra)?,
        user_rules: jwt.user_validation_rules.iter().map(|rule| user_rule(&user, rule)).collect::<Result<_, _>>()?,
        compiler: claims,
    };
    verified_email(jwt)?;
    Ok(mapping)
}

fn program(compiler: &Compiler, at: u64, what: &str, expression: &str) -> Result<Program, Wrong> {
    let wrong = |problem: String| (at, format!("{what}: {problem}"));
    if expression.len() > LONGEST {
        return Err(wrong(format!("longer than {LONGEST} bytes")));
    }
    let program = compiler.compile(expression).map_err(wrong)?;
    if program.depth() > DEEPEST {
        return Err(wrong("nested too deeply".into()));
    }
    Ok(program)
}

fn mapped(compiler: &Compiler, name: &str, text: &Spanned<MappedText>, prefixed: bool) -> Result<Mapped, Wrong> {
    let at = text.referenced.line();
    let wrong = |problem: &str| (at, format!("{name}: {problem}"));
    let MappedText { claim, prefix, expression } = &text.value;
    match (claim.as_deref().filter(|claim| !claim.is_empty()), expression) {
        (Some(_), None) if prefix.is_none() && prefixed => {
            Err(wrong("a claim needs a prefix, which may be \"\": others may have the same names"))
        }
        (Some(claim), None) => {
            Ok(Mapped::Claim { claim: claim.to_owned(), prefix: prefix.clone().unwrap_or_default() })
        }
        (None, Some(_)) if prefix.is_some() => Err(wrong("a prefix goes with a claim, not with an expression")),
        (None, Some(text)) => program(compiler, at, &format!("{name}: expression"), text).map(Mapped::Expression),
        _ => Err(wrong("give either a claim or an expression")),
    }
}

fn claim_rule(compiler: &Compiler, text: &Spanned<ClaimRuleText>) -> Result<ClaimRule, Wrong> {
    let at = text.referenced.line();
    let ClaimRuleText { claim, required_value, expression, message } = &text.value;
    match (claim, expression) {
        (Some(claim), None) if message.is_none() => {
            Ok(ClaimRule::Claim { claim: claim.clone(), value: required_value.clone().unwrap_or_default() })
        }
        (None, Some(expression)) if required_value.is_none() => {
            rule(compiler, at, "claimValidationRules", expression, message.as_ref()).map(ClaimRule::Expression)
        }
        _ => Err((at, "claimValidationRules: give either claim and requiredValue or expression and message".into())),
    }
}

fn user_rule(compiler: &Compiler, text: &Spanned<UserRuleText>) -> Result<Rule, Wrong> {
    let UserRuleText { expression, message } = &text.value;
    rule(compiler, text.referenced.line(), "userValidationRules", expression, message.as_ref())
}

fn rule(compiler: &Compiler, at: u64, what: &str, text: &str, message: Option<&String>) -> Result<Rule, Wrong> {
    let message = message.filter(|message| !message.is_empty()).cloned();
    let program = program(compiler, at, &format!("{what}: expression"), text)?;
    Ok(Rule { program, message: message.unwrap_or_else(|| format!("{text} is not true")) })
}

fn extra(compiler: &Compiler, texts: &[Spanned<ExtraText>]) -> Result<Vec<(String, Program)>, Wrong> {
    let mut extra: Vec<(String, Program)> = Vec::new();
    for text in texts {
        let (at, ExtraText { key, value_expression }) = (text.referenced.line(), &text.value);
        let domain = key.split_once('/').map_or("", |(domain, _)| domain);
        let reserved = ["kubernetes.io", "k8s.io"];
        let reserved =
            reserved.iter().any(|it| domain.strip_suffix(it).is_some_and(|sub| sub.is_empty() || sub.ends_with('.')));
        if domain.is_empty() || reserved || key.chars().any(|c| c.is_uppercase()) {
            return Err((
                at,
                format!(
                    "extra: {key:?} is not of the form example.com/name in lower case, outside of kubernetes.io and k8s.io"
                ),
            ));
        }
        if extra.iter().any(|(other, _)| other == key) {
            return Err((at, format!("extra: {key:?} is there twice")));
        }
        extra.push((key.clone(), program(compiler, at, "extra: valueExpression", value_expression)?));
    }
    Ok(extra)
}

/// Who names users by an email asks whether it is verified, as kube-apiserver demands.
fn verified_email(jwt: &Jwt) -> Result<(), Wrong> {
    let says = |text: Option<&str>, word: &str| text.is_some_and(|text| text.contains(word));
    let username = &jwt.claim_mappings.username;
    let expression = username.value.expression.as_deref();
    let rules = jwt.claim_validation_rules.iter().map(|rule| rule.value.expression.as_deref());
    let extra = jwt.claim_mappings.extra.iter().map(|extra| Some(extra.value.value_expression.as_str()));
    let mut all = [expression].into_iter().chain(rules).chain(extra);
    if says(expression, "claims.email") && !all.any(|text| says(text, "email_verified")) {
        let problem = "username: claims.email needs claims.email_verified, there or in claimValidationRules";
        return Err((username.referenced.line(), problem.into()));
    }
    Ok(())
}
