//! The endpoints of a run: only those that were named.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use secrecy::SecretString;
use tokio::sync::Semaphore;

use super::{Look, Opened, is_name};
use crate::config;
use crate::error::Error;
use crate::facts::Access;
use crate::target::endpoint::{Address, Endpoint, MAX_CONNECTIONS, Options};
use crate::target::{Door, Kind};

/// Endpoints of a run; each is connected to at the start.
const MAX_ENDPOINTS: usize = 500;

impl Look<'_> {
    /// Opens the endpoints that the arguments name, else those of the configuration.
    pub(super) async fn endpoints(&self, opened: &mut Opened) -> Result<(), Error> {
        let named = self.named_endpoints()?;
        if named.is_empty() {
            opened.absent(Kind::Endpoint, "no endpoint is named (--endpoint, or `targets.endpoints` in harden.toml)");
            return Ok(());
        }
        if named.len() > MAX_ENDPOINTS {
            return Err(Error::usage(format!("a run looks at {MAX_ENDPOINTS} endpoints at most")));
        }
        let mut places = BTreeMap::new();
        let mut endpoints: Vec<Endpoint> = Vec::new();
        for named in named {
            let name = named.name.clone().unwrap_or_else(|| default_name(&named.url));
            opened.refuse_twin(&name, "--endpoint NAME=URL")?;
            if endpoints.iter().any(|endpoint| endpoint.name() == name) {
                let error = Error::usage(format!("two targets are called `{name}`"));
                return Err(error.help("give each a name: --endpoint NAME=URL"));
            }
            endpoints.push(self.endpoint(name, named, &mut places)?);
        }
        let reached = join_all(endpoints.iter().map(Endpoint::reach)).await;
        for (endpoint, reached) in endpoints.into_iter().zip(reached) {
            let (name, address) = (endpoint.name().to_owned(), endpoint.address().to_string());
            let (access, door) = match reached {
                // Nobody is expected to get through to it: that it is silent is an answer.
                Err(_) if endpoint.admitted() == Some(false) => {
                    (Access::Audited, Some(Door::Endpoint(Box::new(endpoint))))
                }
                Ok(()) => (Access::Audited, Some(Door::Endpoint(Box::new(endpoint)))),
                Err(failure) => (Access::Unreachable(failure.to_string()), None),
            };
            opened.add(&name, Kind::Endpoint, address, access, door);
        }
        Ok(())
    }

    fn named_endpoints(&self) -> Result<Vec<config::Endpoint>, Error> {
        if self.args.endpoint.is_empty() {
            return Ok(self.config.endpoints.clone());
        }
        self.args.endpoint.iter().map(|text| argument(text)).collect()
    }

    fn endpoint(
        &self,
        name: String,
        named: config::Endpoint,
        places: &mut BTreeMap<(String, u16), Arc<Semaphore>>,
    ) -> Result<Endpoint, Error> {
        let header = |(header, place): &(String, String)| {
            let value = super::super::dsn::read(place).map_err(|error| match error {
                Error::Usage { message, help } => {
                    Error::Usage { message: format!("the header {header} of the endpoint `{name}`: {message}"), help }
                }
                other => other,
            })?;
            Ok((header.clone(), SecretString::from(value)))
        };
        let headers = named.headers.iter().map(header).collect::<Result<_, Error>>()?;
        let via = named.connect.as_ref();
        let server = (
            via.map_or(&named.url.host, |via| &via.host).clone(),
            via.and_then(|via| via.port).unwrap_or(named.url.port),
        );
        let places = places.entry(server).or_insert_with(|| Arc::new(Semaphore::new(MAX_CONNECTIONS)));
        let (connect, ca, server_name, origins) = (named.connect, named.ca, named.server_name, named.origins);
        let (insecure, admitted, control) = (named.insecure, named.admitted, named.control);
        let options = Options { connect, ca, server_name, origins, headers, insecure, admitted, control };
        Ok(Endpoint::new(name, named.url, options, self.limit, Arc::clone(&self.salt), Arc::clone(places)))
    }
}

/// `NAME=URL`: the part before the first `=` is a name unless it belongs to the URL.
fn argument(text: &str) -> Result<config::Endpoint, Error> {
    let (name, url) = match text.split_once('=') {
        Some((name, url)) if is_name(name) => (Some(name.to_owned()), url),
        Some(_) | None => (None, text),
    };
    let url = Address::parse(url)
        .map_err(|what| Error::usage(format!("`--endpoint`: this is {what}")).help("write --endpoint https://host"))?;
    Ok(config::Endpoint::new(name, url))
}

/// What a person calls an endpoint that has no name: where it is.
fn default_name(url: &Address) -> String {
    let host = if url.host.contains(':') { format!("[{}]", url.host) } else { url.host.clone() };
    let path = if url.path == "/" { "" } else { &url.path };
    format!("{host}:{}{path}", url.port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_before_the_url() {
        let read = |text: &str| {
            let endpoint = argument(text).unwrap();
            (endpoint.name.clone(), endpoint.url.to_string(), default_name(&endpoint.url))
        };
        assert_eq!(read("web=https://h/"), (Some("web".into()), "https://h/".into(), "h:443".into()));
        assert_eq!(read("https://h/?a=b"), (None, "https://h/?***".into(), "h:443".into()));
        assert_eq!(read("https://[::1]:8/x").2, "[::1]:8/x");
        assert!(argument("https://u:hunter2@h").is_err_and(|error| !format!("{error:?}").contains("hunter2")));
    }
}
