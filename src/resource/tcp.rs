//! `tcp`: whether a server takes connections from where harden runs.

use super::{Field, Resource, field};
use crate::facts::{Basis, Listing, Subject};
use crate::target::endpoint::{Endpoint, Failure, FailureKind};
use crate::target::{Door, Kind};
use crate::value::types::{Dialect, word};
use crate::value::vocabulary::Vocabulary;
use crate::value::{Observed, Reason, Type};

const BOOL: Type = Type::Bool(Dialect::Plain);

static OUTCOME: Vocabulary =
    Vocabulary { name: "tcp_outcome", words: &["taken", "refused", "silent", "unresolved"], ordered: false };

const FIELDS: &[Field] = &[
    field("port", Type::Integer, "", "the port of the endpoint's URL"),
    field(
        "outcome",
        Type::Word(&OUTCOME),
        "",
        "`taken`; `refused` by the host or something before it; `silent` when nothing came back, or that nothing gets there; `unresolved` when its name has no address",
    ),
    field(
        "reachable",
        BOOL,
        "",
        "whether it takes connections from here. Silence is an answer only where the `control` of the configuration takes one at the same time: it might be the network",
    ),
    field(
        "admitted",
        BOOL,
        "",
        "whether it is meant to, as `admitted` of the configuration says; unknown when that says nothing",
    ),
];

pub(super) static TCP: Resource = Resource {
    name: "tcp",
    about: "Whether a server takes TCP connections from where harden runs. It hangs up at once.",
    privilege: "none",
    params: &[],
    fields: FIELDS,
    can_be_absent: false,
    target: |_| Kind::Endpoint,
    observe: |door, _| Box::pin(observe(door)),
};

async fn observe(door: &Door) -> Listing {
    let Door::Endpoint(endpoint) = door else {
        return Listing::failed(Reason::new("connections are made to an endpoint"));
    };
    let address = endpoint.address();
    let mut subject = Subject::new(&TCP, address.authority(), address.to_string(), Basis::Live);
    let reached = endpoint.reach().await;
    let fields = &mut subject.fields;
    fields.set("port", i64::from(address.port));
    fields.set(
        "admitted",
        match endpoint.admitted() {
            Some(admitted) => admitted.into(),
            None => Observed::Unknown(
                Reason::new("nobody said whether it is meant to take connections from here")
                    .with_grant("set `admitted` of the endpoint in harden.toml"),
            ),
        },
    );
    fields.set("outcome", word(&OUTCOME, outcome(&reached)));
    fields.set("reachable", reachable(endpoint, reached).await);
    Listing::complete(vec![subject])
}

fn outcome(reached: &Result<(), Failure>) -> &'static str {
    match reached.as_ref().map_err(|failure| failure.kind) {
        Ok(()) => "taken",
        Err(FailureKind::Refused | FailureKind::Reset | FailureKind::Closed) => "refused",
        Err(FailureKind::Unresolved) => "unresolved",
        Err(FailureKind::TimedOut | FailureKind::Unreachable | FailureKind::Protocol | FailureKind::Untrusted) => {
            "silent"
        }
    }
}

async fn reachable(endpoint: &Endpoint, reached: Result<(), Failure>) -> Observed {
    let failure = match reached {
        Ok(()) => return true.into(),
        Err(failure) => failure,
    };
    match outcome(&Err(failure.clone())) {
        "refused" => return false.into(),
        "unresolved" => return Observed::Unknown(failure.reason),
        _ => {}
    }
    match endpoint.reach_control().await {
        Some(Ok(())) => false.into(),
        Some(Err(control)) => Observed::Unknown(Reason::new(format!(
            "it is silent ({}), and so is its `control` ({}): it may be the network",
            failure.reason, control.reason
        ))),
        None => Observed::Unknown(
            Reason::new(format!("it is silent ({}), which may be the network", failure.reason))
                .with_grant("name a server that takes connections from everywhere as `control` of the endpoint"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::net::{TcpListener, TcpSocket, TcpStream};
    use tokio::sync::Semaphore;

    use super::*;
    use crate::target::endpoint::{Address, Options, Via};
    use crate::value::secret::Salt;

    async fn ask(url: &str, admitted: Option<bool>, control: Option<&str>) -> String {
        let options =
            Options { admitted, control: control.map(|text| Via::parse(text).unwrap()), ..Options::default() };
        let salt = Arc::new(Salt::random().unwrap());
        let limit = Duration::from_millis(300);
        let endpoint =
            Endpoint::new("e", Address::parse(url).unwrap(), options, limit, salt, Arc::new(Semaphore::new(5)));
        let listing = observe(&Door::Endpoint(Box::new(endpoint))).await;
        let shown = FIELDS.iter().map(|field| listing.subjects[0].fields.get(field.name).unwrap().to_string());
        shown.skip(1).collect::<Vec<_>>().join(" | ")
    }

    #[tokio::test]
    async fn what_takes_connections_and_what_does_not() {
        let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = open.local_addr().unwrap().to_string();
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
        assert_eq!(ask(&format!("tls://{open}"), Some(false), None).await, "taken | true | false");
        assert_eq!(ask(&format!("tls://{closed}"), Some(false), None).await, "refused | false | false");
        assert!(ask(&format!("tls://{closed}"), None, None).await.contains("nobody said"));
        assert!(ask("tls://no-such-host.invalid:1", Some(false), None).await.starts_with("unresolved | unknown"));
    }

    /// A socket whose queue is full takes no more: nothing comes back.
    async fn silent() -> (TcpListener, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut held = Vec::new();
        while let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_millis(100), TcpStream::connect(address)).await {
            held.push(stream);
        }
        (listener, held)
    }

    #[tokio::test]
    async fn silence_is_an_answer_beside_a_control_alone() {
        let (listener, _held) = silent().await;
        let silent = format!("tls://{}", listener.local_addr().unwrap());
        let silent = silent.as_str();
        let control = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let control = control.local_addr().unwrap().to_string();
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
        assert!(ask(silent, Some(false), None).await.contains("may be the network"));
        assert!(ask(silent, Some(false), Some(&closed)).await.contains("and so is its `control`"));
        assert_eq!(ask(silent, Some(false), Some(&control)).await, "silent | false | false");
    }
}
