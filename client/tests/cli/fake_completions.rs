//! The words of a daemon that plays a script.

use std::sync::{Arc, Mutex};

use daymark_proto::v1::completion_service_server::CompletionService;
use daymark_proto::v1::{CompleteRequest, CompleteResponse, Completion, Subject};
use tonic::{Request, Response, Status};

/// The words of each subject, whatever they are asked of.
pub type Words = Vec<(Subject, &'static [&'static str])>;

/// The words, and who asked.
#[derive(Default)]
pub struct Completions {
    pub words: Words,
    pub is_silent: bool,
    pub seen: Mutex<Vec<CompleteRequest>>,
}

pub struct Service(pub Arc<Completions>);

#[tonic::async_trait]
impl CompletionService for Service {
    async fn complete(&self, request: Request<CompleteRequest>) -> Result<Response<CompleteResponse>, Status> {
        let request = request.into_inner();
        self.0.seen.lock().unwrap().push(request.clone());
        if self.0.is_silent {
            std::future::pending::<()>().await;
        }
        let known = self.0.words.iter().find(|(subject, _)| *subject == request.subject());
        let words = known.ok_or_else(|| Status::internal("not in the script"))?.1;
        let begun = words.iter().filter(|word| word.starts_with(&request.prefix));
        let word = |text: &&str| Completion { text: (*text).to_owned(), description: String::new() };
        Ok(Response::new(CompleteResponse { completions: begun.map(word).collect(), truncated: false }))
    }
}
