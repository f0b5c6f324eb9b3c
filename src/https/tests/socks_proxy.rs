//! A proxy that speaks SOCKS5 and connects to one address, whatever it is asked for.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// What a client wanted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// User name and password, if the proxy wants them.
    pub(super) user: Option<(String, String)>,
    /// The name; an address is told as `address …`.
    pub(super) host: String,
    pub(super) port: u16,
}

/// Answers of the proxy.
#[derive(Clone, Copy)]
pub(super) struct Conduct {
    /// Whether it wants a user name and password.
    pub(super) wants_user: bool,
    /// What it says to them, and to the wish for a connection; zero admits.
    pub(super) replies: [u8; 2],
}

pub(super) const OPEN: Conduct = Conduct { wants_user: false, replies: [0, 0] };

/// A running proxy; it ends with the test's runtime.
pub(super) struct SocksProxy {
    pub(super) address: SocketAddr,
    asked: mpsc::UnboundedReceiver<Asked>,
}

impl SocksProxy {
    pub(super) async fn start(target: SocketAddr, conduct: Conduct) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, asked) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, target, conduct, sender.clone()));
            }
        });
        Self { address, asked }
    }

    pub(super) fn asked_so_far(&mut self) -> Vec<Asked> {
        std::iter::from_fn(|| self.asked.try_recv().ok()).collect()
    }
}

async fn serve(
    mut stream: TcpStream,
    target: SocketAddr,
    conduct: Conduct,
    sender: mpsc::UnboundedSender<Asked>,
) -> Option<()> {
    const VERSION: u8 = 5;
    assert_eq!(stream.read_u8().await.ok()?, VERSION);
    let methods = words(&mut stream).await?;
    let method = if conduct.wants_user { 2 } else { 0 };
    let method = if methods.contains(&method) { method } else { 0xff };
    stream.write_all(&[VERSION, method]).await.ok()?;
    let mut user = None;
    if method == 2 {
        assert_eq!(stream.read_u8().await.ok()?, 1);
        let (name, password) = (text(&mut stream).await?, text(&mut stream).await?);
        user = Some((name, password));
        stream.write_all(&[1, conduct.replies[0]]).await.ok()?;
    }
    let mut head = [0; 4];
    stream.read_exact(&mut head).await.ok()?;
    assert_eq!(head[..3], [VERSION, 1, 0]);
    let host = match head[3] {
        3 => text(&mut stream).await?,
        1 => format!("address {}", std::net::Ipv4Addr::from(stream.read_u32().await.ok()?)),
        4 => format!("address {}", std::net::Ipv6Addr::from(stream.read_u128().await.ok()?)),
        other => panic!("{other} is no type of an address"),
    };
    let port = stream.read_u16().await.ok()?;
    // The test may have ended.
    let _ = sender.send(Asked { user, host, port });
    let mut onward = TcpStream::connect(target).await.unwrap();
    stream.write_all(&[VERSION, conduct.replies[1], 0, 1, 0, 0, 0, 0, 0, 0]).await.ok()?;
    copy_bidirectional(&mut stream, &mut onward).await.ok()?;
    Some(())
}

/// Bytes after their number.
async fn words(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = vec![0; stream.read_u8().await.ok()?.into()];
    stream.read_exact(&mut bytes).await.ok()?;
    Some(bytes)
}

async fn text(stream: &mut TcpStream) -> Option<String> {
    Some(String::from_utf8(words(stream).await?).unwrap())
}
