//! A SOCKS5 proxy behind which every name is one address.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// A running proxy. It ends with the runtime of the test.
pub(super) struct SocksProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    user: String,
    password: String,
    target: Mutex<Option<SocketAddr>>,
    asked: Mutex<Vec<String>>,
}

impl SocksProxy {
    /// It admits one user.
    pub(super) async fn bind(user: &str, password: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free loopback port");
        let address = listener.local_addr().expect("a bound address");
        let (user, password) = (user.to_owned(), password.to_owned());
        let shared = Arc::new(Shared { user, password, target: Mutex::default(), asked: Mutex::default() });
        let serving = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        Self { address, shared }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on it connects to this address.
    pub(super) fn lead_to(&self, target: SocketAddr) {
        *self.shared.target.lock().unwrap() = Some(target);
    }

    /// The names and ports that were asked for so far.
    pub(super) fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap().clone()
    }
}

/// Nothing but a name is taken, after the right password.
async fn serve(mut stream: TcpStream, shared: Arc<Shared>) -> std::io::Result<()> {
    expect(&mut stream, &[5, 1, 2]).await?;
    stream.write_all(&[5, 2]).await?;
    expect(&mut stream, &[1]).await?;
    let known = [text(&mut stream).await?, text(&mut stream).await?];
    if known != [shared.user.as_str(), shared.password.as_str()] {
        return stream.write_all(&[1, 1]).await;
    }
    stream.write_all(&[1, 0]).await?;
    expect(&mut stream, &[5, 1, 0, 3]).await?;
    let name = text(&mut stream).await?;
    let port = stream.read_u16().await?;
    shared.asked.lock().unwrap().push(format!("{name}:{port}"));
    let target = *shared.target.lock().unwrap();
    let mut onward = TcpStream::connect(target.expect("a target")).await?;
    stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    copy_bidirectional(&mut stream, &mut onward).await.map(drop)
}

async fn expect(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    let mut read = vec![0; bytes.len()];
    stream.read_exact(&mut read).await?;
    if read == bytes { Ok(()) } else { Err(std::io::ErrorKind::InvalidData.into()) }
}

async fn text(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut bytes = vec![0; stream.read_u8().await?.into()];
    stream.read_exact(&mut bytes).await?;
    String::from_utf8(bytes).map_err(std::io::Error::other)
}
