//! Jobs and CronJobs.

use super::document::Document;
use super::read::{ago, counts, is_true, items, text, took};
use super::{Described, template};

/// What a Job has of its own.
pub fn add(it: &Described, document: &mut Document) {
    let object = &it.object;
    let section = document.section("Job");
    section.fact(
        "Pods",
        counts(
            object,
            &[
                ("/status/active", "active"),
                ("/status/ready", "ready"),
                ("/status/succeeded", "succeeded"),
                ("/status/failed", "failed"),
                ("/status/terminating", "terminating"),
            ],
        ),
    );
    section.fact("Completions", text(object, "/spec/completions"));
    section.fact("Parallelism", text(object, "/spec/parallelism"));
    section.fact("Completion mode", text(object, "/spec/completionMode"));
    section.fact("Completed indexes", text(object, "/status/completedIndexes"));
    section.fact("Failed indexes", text(object, "/status/failedIndexes"));
    section.fact("Backoff limit", text(object, "/spec/backoffLimit"));
    section.fact("Deadline", seconds(it, "/spec/activeDeadlineSeconds"));
    section.fact("Kept for", seconds(it, "/spec/ttlSecondsAfterFinished"));
    section.fact("Suspended", if is_true(object, "/spec/suspend") { "true" } else { "" });
    section.fact("Started", ago(object, "/status/startTime", it.now.as_ref()));
    section.fact("Completed", ago(object, "/status/completionTime", it.now.as_ref()));
    section.fact("Duration", took(object, ("/status/startTime", "/status/completionTime")));
    template::add(object, "/spec/template", document);
}

/// What a CronJob has of its own.
pub fn add_cron(it: &Described, document: &mut Document) {
    let object = &it.object;
    let section = document.section("CronJob");
    section.fact("Schedule", text(object, "/spec/schedule"));
    section.fact("Time zone", text(object, "/spec/timeZone"));
    section.fact("Suspended", if is_true(object, "/spec/suspend") { "true" } else { "" });
    section.fact("Concurrency", text(object, "/spec/concurrencyPolicy"));
    section.fact("Starting deadline", seconds(it, "/spec/startingDeadlineSeconds"));
    let kept = [("/spec/successfulJobsHistoryLimit", "successful"), ("/spec/failedJobsHistoryLimit", "failed")];
    section.fact("Kept Jobs", counts(object, &kept));
    section.fact("Last schedule", ago(object, "/status/lastScheduleTime", it.now.as_ref()));
    section.fact("Last success", ago(object, "/status/lastSuccessfulTime", it.now.as_ref()));
    section.facts("Active Jobs", items(object, "/status/active").map(|job| text(job, "/name")));
    template::add(object, "/spec/jobTemplate/spec/template", document);
}

fn seconds(it: &Described, path: &str) -> String {
    match text(&it.object, path) {
        seconds if seconds.is_empty() => seconds,
        seconds => format!("{seconds}s"),
    }
}
