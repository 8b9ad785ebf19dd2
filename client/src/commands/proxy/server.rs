//! A server of HTTP on this machine, whose requests go to the API server by the daemon.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use daymark::api::{FetchRequest, HttpHeader};
use daymark::{Client, Error, Fetched};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tonic::Code;

use super::admission::admit;
use crate::commands::tunnel::listening::accept;
use crate::sanitize;

/// Connections at a time; further ones wait to be taken.
const MOST: usize = 200;
/// Bytes of a request's head, and how long it may take.
const HEAD: (usize, Duration) = (64 << 10, Duration::from_secs(30));

type Answer = Response<UnsyncBoxBody<Bytes, Error>>;

/// Serves what is below a path of the API server.
pub struct Server {
    client: Client,
    root: String,
    /// Whether the API itself is there as well as what applications send.
    has_api: bool,
}

impl Server {
    pub fn new(client: Client, root: String, has_api: bool) -> Self {
        Self { client, root, has_api }
    }

    /// Takes what connects.
    pub async fn serve(self, listener: TcpListener) {
        let server = Arc::new(self);
        let talk = |connection| Arc::clone(&server).talk(connection);
        // Who is not taken asks again.
        accept(listener, Arc::new(Semaphore::new(MOST)), talk, drop).await;
    }

    async fn talk(self: Arc<Self>, connection: TcpStream) {
        let service = service_fn(|request| {
            let server = Arc::clone(&self);
            async move { Ok::<_, Infallible>(server.answer(request).await) }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD.1).max_buf_size(HEAD.0);
        // Whoever breaks off is told nothing.
        let _broken = http.serve_connection(TokioIo::new(connection), service).await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        if let Err((status, text)) = admit(request.method(), request.uri(), request.headers()) {
            return refusal(status, &text);
        }
        let below = request.uri().path_and_query().map_or("/", |it| it.as_str());
        let headers = request.headers().iter().map(|(name, value)| HttpHeader {
            name: name.as_str().to_owned(),
            value: Bytes::copy_from_slice(value.as_bytes()),
        });
        let asked = FetchRequest {
            path: format!("{}{below}", self.root),
            head: request.method() == Method::HEAD,
            headers: headers.collect(),
        };
        match self.client.fetch(asked).await {
            Ok(fetched) => self.passed(fetched, request.uri().path()),
            Err(error) => refusal(status_of(&error), &error.to_string()),
        }
    }

    fn passed(&self, fetched: Fetched, path: &str) -> Answer {
        let status = u16::try_from(fetched.head.status).ok().and_then(|status| StatusCode::from_u16(status).ok());
        let Some(status) = status.filter(|status| !status.is_informational()) else {
            return refusal(StatusCode::BAD_GATEWAY, "the API server answered in another protocol");
        };
        let mut answer = Response::new(());
        *answer.status_mut() = status;
        for HttpHeader { name, value } in &fetched.head.headers {
            let header = HeaderName::from_bytes(name.as_bytes()).ok().zip(HeaderValue::from_bytes(value).ok());
            if let Some((name, value)) = header {
                answer.headers_mut().append(name, value);
            }
        }
        if self.has_api && path.split('/').any(|part| part == "proxy") {
            // An application's page would be of the same origin as the API, and could read that.
            let sandbox = HeaderValue::from_static("sandbox allow-forms allow-popups allow-scripts");
            answer.headers_mut().append(header::CONTENT_SECURITY_POLICY, sandbox);
        }
        answer.map(|()| Passed::new(fetched).boxed_unsync())
    }
}

/// A refusal that is this program's own, in a line.
fn refusal(status: StatusCode, text: &str) -> Answer {
    let text = format!("daymark: {}\n", sanitize::line(text));
    let mut answer = Response::new(Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync());
    *answer.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, plain);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    answer
}

/// What stands for an error between here and the API server.
fn status_of(error: &Error) -> StatusCode {
    match error {
        Error::Rpc(error) => match error.code {
            Code::InvalidArgument => StatusCode::BAD_REQUEST,
            Code::PermissionDenied => StatusCode::FORBIDDEN,
            Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
            Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
            Code::Unavailable | Code::Unauthenticated | Code::FailedPrecondition => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_GATEWAY,
        },
        Error::TimedOut { .. } => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    }
}

type Next = Pin<Box<dyn Future<Output = (Result<Option<Bytes>, Error>, Fetched)> + Send>>;

/// The body of an answer, as it comes.
struct Passed {
    next: Option<Next>,
}

impl Passed {
    fn new(fetched: Fetched) -> Self {
        Self { next: Some(next(fetched)) }
    }
}

fn next(mut fetched: Fetched) -> Next {
    Box::pin(async move { (fetched.next().await, fetched) })
}

impl Body for Passed {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(waiting) = &mut self.next else { return Poll::Ready(None) };
        let (came, fetched) = std::task::ready!(waiting.as_mut().poll(context));
        match came {
            Ok(Some(data)) => {
                self.next = Some(next(fetched));
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            Ok(None) => {
                self.next = None;
                Poll::Ready(None)
            }
            Err(error) => {
                self.next = None;
                Poll::Ready(Some(Err(error)))
            }
        }
    }
}
