//! Random words of the kinds that objects are full of.

/// The letters of Kubernetes' random suffixes: no vowels, so no words.
const SUFFIX: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
const HEX: &[u8] = b"0123456789abcdef";
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

const TEAMS: &[&str] = &[
    "payments",
    "search",
    "checkout",
    "identity",
    "catalog",
    "shipping",
    "pricing",
    "media",
    "risk",
    "ledger",
    "analytics",
    "platform",
    "billing",
    "support",
    "mobile",
    "partner",
    "growth",
    "fraud",
    "content",
    "inventory",
];
const ROLES: &[&str] = &[
    "api",
    "worker",
    "gateway",
    "scheduler",
    "indexer",
    "consumer",
    "frontend",
    "cache",
    "exporter",
    "sync",
    "router",
    "store",
    "mailer",
    "webhook",
    "renderer",
    "importer",
    "proxy",
    "ranker",
    "aggregator",
    "notifier",
];
const SETTINGS: &[&str] = &[
    "DATABASE_URL",
    "REDIS_HOST",
    "KAFKA_BROKERS",
    "LOG_LEVEL",
    "FEATURE_FLAGS",
    "REGION",
    "SENTRY_DSN",
    "HTTP_PORT",
    "GRPC_PORT",
    "MAX_CONNECTIONS",
    "CACHE_TTL_SECONDS",
    "S3_BUCKET",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "GOMAXPROCS",
    "JAVA_OPTS",
    "WORKER_CONCURRENCY",
    "QUEUE_NAME",
    "UPSTREAM_TIMEOUT_MS",
    "TENANT",
    "API_BASE_URL",
];

/// One of some.
pub(super) fn one<'a>(rng: &mut fastrand::Rng, of: &[&'a str]) -> &'a str {
    of[rng.usize(..of.len())]
}

/// A team.
pub(super) fn team(rng: &mut fastrand::Rng) -> &'static str {
    one(rng, TEAMS)
}

/// What a program does.
pub(super) fn role(rng: &mut fastrand::Rng) -> &'static str {
    one(rng, ROLES)
}

/// The name of an environment variable, different for different places.
pub(super) fn setting(rng: &mut fastrand::Rng, place: usize) -> String {
    let name = one(rng, SETTINGS);
    if place < 3 { format!("{name}_{}", role(rng).to_ascii_uppercase()) } else { format!("{name}_{place}") }
}

/// A value of an environment variable: an address, a number, a token.
pub(super) fn value(rng: &mut fastrand::Rng) -> String {
    match rng.u8(..4) {
        0 => format!("https://{}-{}.internal.example.com:{}/v{}", team(rng), role(rng), rng.u16(1024..), rng.u8(1..4)),
        1 => rng.u32(..100_000).to_string(),
        2 => format!("{}.{}.svc.cluster.local", role(rng), team(rng)),
        _ => from(rng, BASE64, 24),
    }
}

/// A random suffix as in names that the API server or a controller makes.
pub(super) fn suffix(rng: &mut fastrand::Rng, length: usize) -> String {
    from(rng, SUFFIX, length)
}

/// Hexadecimal digits.
pub(super) fn hex(rng: &mut fastrand::Rng, length: usize) -> String {
    from(rng, HEX, length)
}

/// A UUID.
pub(super) fn uuid(rng: &mut fastrand::Rng) -> String {
    let digits = hex(rng, 32);
    format!("{}-{}-4{}-a{}-{}", &digits[..8], &digits[8..12], &digits[13..16], &digits[17..20], &digits[20..])
}

/// A time as Kubernetes writes it, from seconds since 1970.
pub(super) fn time(seconds: i64) -> String {
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days since 0000-03-01, in eras of 400 years.
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, year) = if month < 10 { (month + 3, year) } else { (month - 9, year + 1) };
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", year + era * 400)
}

fn from(rng: &mut fastrand::Rng, letters: &[u8], length: usize) -> String {
    (0..length).map(|_| char::from(letters[rng.usize(..letters.len())])).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(super::time(0), "1970-01-01T00:00:00Z");
        assert_eq!(super::time(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(super::time(1_790_000_000), "2026-09-21T14:13:20Z");
    }
}
