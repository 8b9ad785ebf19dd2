//! Whether something answers at an address, as seen from here: what the API server
//! knows does not prove that.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout_at};

/// How long a connection may take.
const CONNECTING: Duration = Duration::from_secs(5);
/// Before it is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// Tries the addresses, `HOST:PORT`, one after another, until each has taken a
/// connection; or each once.
///
/// # Errors
/// In a sentence, what was wrong with one of them at the deadline.
pub async fn until_all_answer(addresses: &[String], deadline: Instant, once: bool) -> Result<(), String> {
    for address in addresses {
        until_it_answers(address, deadline, once).await?;
    }
    Ok(())
}

async fn until_it_answers(address: &str, deadline: Instant, once: bool) -> Result<(), String> {
    loop {
        let until = deadline.min(Instant::now() + CONNECTING);
        let problem = match timeout_at(until, TcpStream::connect(address)).await {
            Ok(Ok(_connection)) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        let again = Instant::now() + TRY_AGAIN;
        if once || again >= deadline {
            return Err(format!("{address} accepts no connections: {problem}"));
        }
        sleep_until(again).await;
    }
}
