//! `daymark control-plane`

use daymark::api::{ControlPlane, ControlPlaneHealth, GetControlPlaneRequest, WatchControlPlaneRequest};
use daymark::{Client, Error, Followed};
use tokio::time::{Instant, sleep_until};

use super::session;
use crate::args::{ControlPlane as Args, ControlPlaneFormat, Global};
use crate::control_plane::{self, ControlPlaneJson};
use crate::exit::{Exit, Failure};
use crate::live::Live;
use crate::printer::Printer;

/// Tells how the control plane is.
pub async fn run(global: &Global, args: &Args, printer: &mut Printer) -> Result<Exit, Failure> {
    printer.read_by(args.ci);
    let cluster = session::cluster(global).to_owned();
    let client = session::connect(global).await?;
    let mut telling = Telling { args, printer, live: Live::default(), told: None };
    if args.watch {
        return telling.watch(&client, cluster).await;
    }
    let told = client.control_plane(GetControlPlaneRequest { cluster }).await?.control_plane.unwrap_or_default();
    telling.tell_once(&told)?;
    match exit(&told) {
        Exit::Unreachable => Err(Failure::new(Exit::Unreachable, control_plane::headline(&told))),
        exit => Ok(exit),
    }
}

/// The exit code that stands for how it is.
fn exit(it: &ControlPlane) -> Exit {
    match it.health() {
        ControlPlaneHealth::Healthy => Exit::Passed,
        ControlPlaneHealth::Unhealthy => Exit::Failed,
        ControlPlaneHealth::Unreachable => Exit::Unreachable,
        ControlPlaneHealth::Unspecified => Exit::NotPermitted,
    }
}

/// Where it is told.
struct Telling<'a> {
    args: &'a Args,
    printer: &'a mut Printer,
    live: Live,
    /// What was told last.
    told: Option<ControlPlane>,
}

impl Telling<'_> {
    async fn watch(&mut self, client: &Client, cluster: String) -> Result<Exit, Failure> {
        let limit = self.args.timeout.filter(|limit| !limit.is_zero()).unwrap_or(session::FOREVER);
        let deadline = Instant::now() + limit;
        let interval = self.args.interval.try_into().ok();
        let mut watch = client.watch_control_plane(WatchControlPlaneRequest { cluster, interval });
        loop {
            tokio::select! {
                biased;
                event = watch.next() => match event? {
                    Followed::Told(told) => self.tell_again(told.control_plane.unwrap_or_default())?,
                    Followed::Lost(error) => {
                        self.live.clear(self.printer)?;
                        self.printer.problem(&session::lost(client, &error));
                    }
                    Followed::Restored => {}
                },
                () = sleep_until(deadline) => return self.end(watch.lost()),
            }
        }
    }

    /// The time is over: what was told last still holds, unless the daemon is lost.
    fn end(&self, lost: Option<&Error>) -> Result<Exit, Failure> {
        match (lost, &self.told) {
            (Some(error), _) => Err(session::timed_out(error)),
            (None, Some(told)) => Ok(exit(told)),
            (None, None) => Err(Failure::new(Exit::Unreachable, "timed out before the daemon answered")),
        }
    }

    fn tell_once(&mut self, it: &ControlPlane) -> Result<(), Failure> {
        match self.args.output {
            // It is what the problem says.
            ControlPlaneFormat::Text if it.health() == ControlPlaneHealth::Unreachable => {}
            ControlPlaneFormat::Text => self.lines(it)?,
            ControlPlaneFormat::Json => self.printer.json(&ControlPlaneJson::from(it))?,
        }
        Ok(self.printer.flush()?)
    }

    fn tell_again(&mut self, it: ControlPlane) -> Result<(), Failure> {
        let terminal = self.printer.on_terminal();
        match self.args.output {
            ControlPlaneFormat::Json => self.printer.json_line(&ControlPlaneJson::from(&it))?,
            ControlPlaneFormat::Text if terminal => self.live.draw(self.printer, None, control_plane::lines(&it))?,
            ControlPlaneFormat::Text => {
                if self.told.as_ref().is_none_or(|told| control_plane::differ(told, &it)) {
                    self.lines(&it)?;
                }
            }
        }
        self.told = Some(it);
        Ok(self.printer.flush()?)
    }

    fn lines(&mut self, it: &ControlPlane) -> Result<(), Failure> {
        for line in control_plane::lines(it) {
            let line = line.paint(self.printer);
            self.printer.line(&line)?;
        }
        Ok(())
    }
}
