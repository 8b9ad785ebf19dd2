//! A job of a CI system outside the cluster, which has the client and nothing else.

use daymark_tests::process::{Finished, Process};

use super::installed::{HOST, Installed};
use super::place::Place;
use crate::issuer::Issuer;

/// A job.
pub(crate) struct Job {
    place: Place,
    env: Vec<(&'static str, String)>,
}

impl Job {
    /// One that knows where the daemon is, whom to trust there, and the way out.
    pub(crate) fn new(installed: &Installed) -> Self {
        let place = Place::of("daymark");
        let ca = place.write("ca.pem", &installed.authority());
        let proxy = format!("http://127.0.0.1:{}", installed.proxy.port);
        let env = vec![("DAYMARK_ADDRESS", format!("https://{HOST}")), ("DAYMARK_CA_FILE", ca), ("HTTPS_PROXY", proxy)];
        Self { place, env }
    }

    /// The same with a variable of its environment set.
    pub(crate) fn env(mut self, name: &'static str, value: &str) -> Self {
        self.env.push((name, value.to_owned()));
        self
    }

    /// The same, to which that endpoint gives tokens as GitHub's does.
    pub(crate) fn of_github(self, endpoint: &Issuer) -> Self {
        let roots = self.place.write("roots.pem", &endpoint.authority);
        self.env("DAYMARK_GITHUB_OIDC_AUDIENCE", "daymark")
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", &format!("{}/token?api-version=2.0", endpoint.url))
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of-this-job")
            .env("SSL_CERT_FILE", &roots)
    }

    /// Starts `daymark` with arguments that are separated by white space.
    pub(crate) fn start(&self, args: &str) -> Process {
        let env = self.env.iter().map(|(name, value)| (name, value));
        Process::start(self.place.command().args(args.split_whitespace()).envs(env))
    }

    /// Runs `daymark` with arguments that are separated by white space.
    pub(crate) fn run(&self, args: &str) -> Finished {
        self.start(args).finish()
    }
}
