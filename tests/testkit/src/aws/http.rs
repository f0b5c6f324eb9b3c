//! HTTP/1.1 on the server's side, strict: what a careless client could get away with is refused.
//!
//! Written on the bare socket, because a test wants to see names and values exactly as they were
//! sent, and faults such as a body cut short need control over every byte.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Largest request head, in bytes.
const HEAD_LIMIT: usize = 64 * 1024;

/// Largest request body, in bytes.
const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// A request as it was sent.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Headers with the names' case, in order.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Request {
    /// Path without query.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// Query without `?`, empty if there is none.
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// All values of a header.
    pub fn header_values(&self, name: &str) -> Vec<&str> {
        let named = |(present, _): &&(String, String)| present.eq_ignore_ascii_case(name);
        self.headers.iter().filter(named).map(|(_, value)| value.as_str()).collect()
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.header_values(name).first().copied()
    }
}

/// Why a request could not be read.
#[derive(Debug)]
pub enum ReadError {
    /// The peer closed or broke the connection.
    Closed,
    /// Not a request that a strict server takes; the text says why.
    Malformed(String),
}

impl From<io::Error> for ReadError {
    fn from(_: io::Error) -> Self {
        Self::Closed
    }
}

/// A byte stream of one peer.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// One connection with the bytes that were read too far.
pub struct Connection {
    stream: Box<dyn Stream>,
    unread: Vec<u8>,
}

impl Connection {
    /// Over any byte stream.
    pub fn new(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), unread: Vec::new() }
    }

    /// The next request.
    pub async fn read(&mut self) -> Result<Request, ReadError> {
        let head_end = loop {
            if let Some(end) = find(&self.unread, b"\r\n\r\n") {
                break end;
            }
            if self.unread.len() > HEAD_LIMIT {
                return Err(malformed("head too long"));
            }
            self.fill().await?;
        };
        let head: Vec<u8> = self.unread.drain(..head_end + 4).take(head_end).collect();
        let head = String::from_utf8(head).map_err(|_| malformed("head is not UTF-8"))?;
        let mut request = parse_head(&head)?;
        request.body = match framing(&request)? {
            Framing::Length(length) => self.take(length).await?,
            Framing::Chunked => self.chunks().await?,
        };
        Ok(request)
    }

    /// Waits until the peer has closed; what it sends meanwhile is kept for the next request.
    pub async fn closed(&mut self) {
        while self.fill().await.is_ok() {}
    }

    /// Sends bytes.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Ends the connection in order.
    pub async fn shutdown(&mut self) {
        // The peer may be gone already; there is nobody to tell.
        let _ = self.stream.shutdown().await;
    }

    async fn fill(&mut self) -> Result<(), ReadError> {
        let mut piece = [0; 8192];
        match self.stream.read(&mut piece).await? {
            0 => Err(ReadError::Closed),
            read => {
                self.unread.extend_from_slice(&piece[..read]);
                Ok(())
            }
        }
    }

    async fn take(&mut self, length: usize) -> Result<Vec<u8>, ReadError> {
        if length > BODY_LIMIT {
            return Err(malformed("body too long"));
        }
        while self.unread.len() < length {
            self.fill().await?;
        }
        Ok(self.unread.drain(..length).collect())
    }

    async fn line(&mut self) -> Result<String, ReadError> {
        loop {
            if let Some(end) = find(&self.unread, b"\r\n") {
                let line: Vec<u8> = self.unread.drain(..end + 2).take(end).collect();
                return String::from_utf8(line).map_err(|_| malformed("chunk line is not UTF-8"));
            }
            if self.unread.len() > HEAD_LIMIT {
                return Err(malformed("chunk line too long"));
            }
            self.fill().await?;
        }
    }

    async fn chunks(&mut self) -> Result<Vec<u8>, ReadError> {
        let mut body = Vec::new();
        loop {
            let size = self.line().await?;
            let size = usize::from_str_radix(&size, 16).map_err(|_| malformed("bad chunk size"))?;
            if body.len() + size > BODY_LIMIT {
                return Err(malformed("body too long"));
            }
            body.extend(self.take(size).await?);
            if !self.line().await?.is_empty() {
                return Err(malformed("bad chunk end"));
            }
            if size == 0 {
                return Ok(body);
            }
        }
    }
}

enum Framing {
    Length(usize),
    Chunked,
}

fn framing(request: &Request) -> Result<Framing, ReadError> {
    let lengths = request.header_values("Content-Length");
    let encodings = request.header_values("Transfer-Encoding");
    match (lengths.as_slice(), encodings.as_slice()) {
        ([], []) => Ok(Framing::Length(0)),
        ([length], []) => {
            let digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
            let length = length.parse().ok().filter(|_| digits);
            length.map(Framing::Length).ok_or_else(|| malformed("bad Content-Length"))
        }
        ([], ["chunked"]) => Ok(Framing::Chunked),
        ([], _) => Err(malformed("unknown Transfer-Encoding")),
        (_, []) => Err(malformed("several Content-Length headers")),
        (_, _) => Err(malformed("both Content-Length and Transfer-Encoding")),
    }
}

fn parse_head(head: &str) -> Result<Request, ReadError> {
    let mut lines = head.split("\r\n");
    let parts: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let [method, target, "HTTP/1.1"] = parts.as_slice() else {
        return Err(malformed("bad request line"));
    };
    let visible = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !method.bytes().all(|byte| byte.is_ascii_uppercase()) || !visible(target) {
        return Err(malformed("bad request line"));
    }
    if *method != "CONNECT" && !target.starts_with('/') {
        return Err(malformed("target is not a path"));
    }
    let mut headers = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':').ok_or_else(|| malformed("header without colon"))?;
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(malformed("bad header name"));
        }
        if value.bytes().any(|byte| byte < b' ' && byte != b'\t') {
            return Err(malformed("control character in a header"));
        }
        headers.push((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()));
    }
    let request =
        Request { method: (*method).to_owned(), target: (*target).to_owned(), headers, body: Vec::new() };
    match request.header_values("Host").as_slice() {
        [host] if !host.is_empty() => Ok(request),
        _ => Err(malformed("not exactly one Host header")),
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn malformed(reason: &str) -> ReadError {
    ReadError::Malformed(reason.to_owned())
}

/// The head of an answer, with its empty line.
pub fn response_head(status: u16, headers: &[(String, String)]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} {}\r\n", reason_phrase(status));
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head.into_bytes()
}

/// A body as one chunk with its end.
pub fn chunked(body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    if !body.is_empty() {
        bytes.extend(chunk(body));
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

/// One chunk, more may follow.
pub fn chunk(piece: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{:x}\r\n", piece.len()).into_bytes();
    bytes.extend_from_slice(piece);
    bytes.extend_from_slice(b"\r\n");
    bytes
}

fn reason_phrase(status: u16) -> &'static str {
    http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Unknown")
}
