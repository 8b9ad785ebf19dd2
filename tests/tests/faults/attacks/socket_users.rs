//! Other users of the machine, by a unix socket that is open to all of them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use daymark_tests::binaries;
use daymark_tests::process::{Finished, Process};
use daymarkd::access::socket_users::SocketUsers;
use daymarkd::args::serving::Serving;
use serde_json::json;
use tempfile::TempDir;

use super::serving;
use crate::Setup;

/// A user who is somebody to the cluster, and one who is nobody. They need no account.
const JANE: u32 = 64_001;
const NOBODY: u32 = 64_002;

/// The client, where every user can run it.
fn client() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::copy(&binaries::build().unwrap().daymark, folder.path().join("daymark")).unwrap();
    folder
}

/// What `daymark get pods` comes to for that user.
async fn get_pods_as(uid: u32, setup: &Setup, client: &TempDir) -> Finished {
    let id = uid.to_string();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]).arg(client.path().join("daymark"));
    command.args(["get", "pods", "-n", "n"]).env_clear().current_dir("/");
    command.env("HOME", client.path()).env("DAYMARK_ADDRESS", format!("unix:{}", setup.daemon.socket().display()));
    tokio::task::spawn_blocking(move || Process::start(&mut command).finish()).await.unwrap()
}

#[tokio::test]
async fn a_user_of_the_machine_is_who_they_are_mapped_to_or_nobody() {
    if !rustix::process::geteuid().is_root() {
        assert!(std::env::var_os("CI").is_none(), "with CI set nothing is skipped: only root can be another user");
        eprintln!("skipped: only root can be another user");
        return;
    }
    let named = SocketUsers::new(vec![format!("{JANE}=jane:dev").parse().unwrap()]);
    let setup = serving(Serving { socket_users: named, ..Serving::default() }).await;
    let client = client();

    let jane = get_pods_as(JANE, &setup, &client).await;
    assert_eq!(jane.code, Some(0), "{jane:?}");
    assert!(jane.stdout.lines().any(|line| line.starts_with("a ") && line.contains("Ready")), "{jane:?}");
    let asked = setup.cluster.reviews();
    assert!(!asked.is_empty());
    for review in asked {
        assert_eq!(review["spec"]["user"], "jane", "{review}");
        assert_eq!(review["spec"]["groups"], json!(["dev", "system:authenticated"]));
    }

    let nobody = get_pods_as(NOBODY, &setup, &client).await;
    assert_eq!((nobody.code, &*nobody.stdout), (Some(5), ""), "{nobody:?}");
    assert_eq!(nobody.stderr.lines().count(), 1, "{nobody:?}");
    assert!(nobody.stderr.contains(&format!("does not serve user {NOBODY}")), "{nobody:?}");
    setup.daemon.stop().await;
}
