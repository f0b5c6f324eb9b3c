//! Connections through a SOCKS5 proxy.

use std::future::{Ready, ready};
use std::io;
use std::task::{Context, Poll};

use http::Uri;
use hyper::rt::{Read, Write};
use hyper_util::client::legacy::connect::proxy::SocksV5;
use hyper_util::client::proxy::matcher::Intercept;
use tower_service::Service;

use super::error::BoxError;

/// Most bytes of user name, password and target host together: all that is said to a proxy has to fit
/// into one buffer of the library.
pub(super) const MAX_WORDS: usize = 249;

/// What the library says of a proxy that refuses the one method it is offered, whichever that is.
const NO_METHOD: &str = "SOCKS error: server does not support user/pass authentication";

/// Asks the proxy at the other end of `stream` for a connection to `target`. A name is left for the
/// proxy to resolve.
pub(super) async fn through<S>(stream: S, proxy: &Intercept, target: &Uri) -> Result<S, BoxError>
where
    S: Read + Write + Unpin + Send + 'static,
{
    let mut socks = SocksV5::new(proxy.uri().clone(), Open(Some(stream)));
    if let Some((user, password)) = proxy.raw_auth() {
        socks = socks.with_auth(user.to_owned(), password.to_owned());
    }
    socks.call(with_port(target)?).await.map_err(|error| {
        if proxy.raw_auth().is_none() && error.to_string() == NO_METHOD {
            return "SOCKS error: the proxy wants a user name and password".into();
        }
        error.into()
    })
}

/// Without a port, port 443 would be asked for.
fn with_port(target: &Uri) -> Result<Uri, http::Error> {
    if target.scheme_str() != Some("http") || target.port().is_some() {
        return Ok(target.clone());
    }
    let authority = format!("{}:80", target.host().unwrap_or_default());
    Uri::builder().scheme("http").authority(authority).path_and_query("/").build()
}

/// A connection that stands already. The library does not tell why one to the proxy fails.
struct Open<S>(Option<S>);

impl<S> Service<Uri> for Open<S> {
    type Response = S;
    type Error = io::Error;
    type Future = Ready<io::Result<S>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        ready(self.0.take().ok_or_else(|| io::ErrorKind::NotConnected.into()))
    }
}
