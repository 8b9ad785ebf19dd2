//! The tunnels and the proxy of a daemon that plays a script.

use std::sync::{Arc, Mutex};

use daymark_proto::Encoded;
use daymark_proto::v1::proxy_service_server::ProxyService;
use daymark_proto::v1::tunnel_service_server::TunnelService;
use daymark_proto::v1::{
    FetchHead, FetchRequest, FetchResponse, ForwardEndpoint, ForwardRequest, ForwardResponse, ForwardTarget,
    HttpHeader, ObjectRef, ResolveRequest, ResolveResponse, TunnelPort, fetch_response, forward_request,
    forward_response,
};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use tonic::{Request, Response, Status, Streaming};

/// What a connection meets.
#[derive(Clone, Default)]
pub enum Carried {
    /// A pod that sends back what it is sent.
    #[default]
    Echo,
    /// A pod that sends this, and ends the connection.
    Says(&'static str),
    /// Nobody: the connection ends so.
    Fails(Status),
}

/// An answer of the API server: its status, a header besides, and its body.
pub type Page = (i32, (&'static str, &'static str), &'static str);

#[derive(Clone, Default)]
pub struct TunnelScript {
    /// The name and the target port of every port, and what connections to it meet.
    pub port: (&'static str, &'static str),
    pub carried: Carried,
    /// Why ports mean nothing.
    pub unresolved: Option<Status>,
    /// What is read, or why nothing is.
    pub page: Option<Result<Page, Status>>,
    /// What is read of a Service itself, if that is something else.
    pub service: Option<(i32, &'static str)>,
}

#[derive(Default)]
pub struct Tunnels {
    pub script: TunnelScript,
    pub resolved: Mutex<Vec<ResolveRequest>>,
    pub targets: Mutex<Vec<ForwardTarget>>,
    pub fetched: Mutex<Vec<FetchRequest>>,
}

pub struct Service(pub Arc<Tunnels>);

fn told(message: forward_response::Message) -> Result<Encoded<ForwardResponse>, Status> {
    Ok(Encoded::new(&ForwardResponse { message: Some(message) }))
}

#[tonic::async_trait]
impl TunnelService for Service {
    async fn resolve(&self, request: Request<ResolveRequest>) -> Result<Response<ResolveResponse>, Status> {
        let request = request.into_inner();
        self.0.resolved.lock().unwrap().push(request.clone());
        if let Some(status) = &self.0.script.unresolved {
            return Err(status.clone());
        }
        let object = request.r#ref.unwrap_or_default();
        let namespace = if object.namespace.is_empty() { "shop".to_owned() } else { object.namespace };
        let object = ObjectRef { cluster: "prod".to_owned(), resource: "services".to_owned(), namespace, ..object };
        let (name, target) = self.0.script.port;
        let port = |asked: &String| TunnelPort {
            port: asked.parse().unwrap_or(80),
            name: name.to_owned(),
            target: target.to_owned(),
            ready: 1,
        };
        Ok(Response::new(ResolveResponse { r#ref: Some(object), ports: request.ports.iter().map(port).collect() }))
    }

    type ForwardStream = BoxStream<'static, Result<Encoded<ForwardResponse>, Status>>;

    async fn forward(
        &self,
        request: Request<Streaming<ForwardRequest>>,
    ) -> Result<Response<Self::ForwardStream>, Status> {
        let mut requests = request.into_inner();
        let first = requests.message().await?.and_then(|first| first.message);
        let Some(forward_request::Message::Target(target)) = first else {
            return Err(Status::invalid_argument("no target"));
        };
        self.0.targets.lock().unwrap().push(target);
        let pod = ObjectRef { name: "web-1".to_owned(), ..ObjectRef::default() };
        let endpoint = ForwardEndpoint { pod: Some(pod), port: 8080, because: String::new() };
        let endpoint = stream::iter([told(forward_response::Message::Endpoint(endpoint))]);
        let rest = match self.0.script.carried.clone() {
            Carried::Fails(status) => return Err(status),
            Carried::Says(text) => stream::iter([told(forward_response::Message::Data(text.into()))]).boxed(),
            Carried::Echo => requests
                .map(|request| match request?.message {
                    Some(forward_request::Message::Data(data)) => told(forward_response::Message::Data(data)),
                    _ => Err(Status::invalid_argument("no data")),
                })
                .boxed(),
        };
        Ok(Response::new(endpoint.chain(rest).boxed()))
    }
}

#[tonic::async_trait]
impl ProxyService for Service {
    type FetchStream = BoxStream<'static, Result<Encoded<FetchResponse>, Status>>;

    async fn fetch(&self, request: Request<FetchRequest>) -> Result<Response<Self::FetchStream>, Status> {
        let request = request.into_inner();
        let is_service = request.path.contains("/services/") && !request.path.contains("/proxy/");
        self.0.fetched.lock().unwrap().push(request);
        let (status, (name, value), body) = match (&self.0.script.page, self.0.script.service) {
            (_, Some((status, service))) if is_service => (status, ("content-type", "application/json"), service),
            (None, _) => (200, ("content-type", "text/plain"), ""),
            (Some(page), _) => page.clone()?,
        };
        let headers = vec![HttpHeader { name: name.to_owned(), value: value.into() }];
        let head = fetch_response::Message::Head(FetchHead { status, headers });
        let body = (!body.is_empty()).then(|| fetch_response::Message::Data(body.into()));
        let messages = [Some(head), body].into_iter().flatten();
        let messages = messages.map(|message| Ok(Encoded::new(&FetchResponse { message: Some(message) })));
        Ok(Response::new(stream::iter(messages.collect::<Vec<_>>()).boxed()))
    }
}
