//! A bare HTTP client that sends exactly what it is told.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::aws::http::Stream;
use crate::aws::{Aws, SignedRequest};

/// An answer, as far as it came.
#[derive(Clone, Debug, Default)]
pub(super) struct Response {
    /// Status.
    pub(super) status: u16,
    /// Headers, names in lower case.
    pub(super) headers: Vec<(String, String)>,
    /// Body without transfer encoding.
    pub(super) body: String,
    /// False if the connection ended before the body did.
    pub(super) complete: bool,
}

impl Response {
    /// First value of a header; the name in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(present, _)| present == name).map(|(_, value)| value.as_str())
    }

    /// Text of the first element of that name.
    pub(super) fn text(&self, element: &str) -> Option<&str> {
        let (_, rest) = self.body.split_once(&format!("<{element}>"))?;
        rest.split_once(&format!("</{element}>")).map(|(text, _)| text)
    }

    /// How often an element of that name begins.
    pub(super) fn elements(&self, name: &str) -> usize {
        [format!("<{name}>"), format!("<{name}/>")].iter().map(|tag| self.body.matches(tag).count()).sum()
    }

    /// Status and error code.
    pub(super) fn error(&self) -> (u16, &str) {
        (self.status, self.text("Code").unwrap_or_default())
    }
}

/// A connection.
pub(super) struct Client {
    stream: Box<dyn Stream>,
    read: Vec<u8>,
}

impl Client {
    /// Over TCP.
    pub(super) async fn connect(aws: &Aws) -> Self {
        Self::over(TcpStream::connect(aws.address()).await.unwrap())
    }

    /// Over any stream.
    pub(super) fn over(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), read: Vec::new() }
    }

    /// Sends bytes.
    pub(super) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Sends a request.
    pub(super) async fn request(&mut self, request: &SignedRequest) {
        self.write(&bytes(request)).await;
    }

    /// Sends a request and reads the answer.
    pub(super) async fn exchange(&mut self, request: &SignedRequest) -> Response {
        self.request(request).await;
        self.answer().await.expect("an answer")
    }

    /// Reads an answer; `None` if the connection ends before its head does.
    pub(super) async fn answer(&mut self) -> Option<Response> {
        let head = loop {
            if let Some(end) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break self.read.drain(..end + 4).collect::<Vec<u8>>();
            }
            if !self.fill().await {
                return None;
            }
        };
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| line.split_once(": ").unwrap());
        let headers: Vec<_> =
            headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        let mut response = Response { status, headers, ..Response::default() };
        let body = match response.header("content-length") {
            Some(length) => self.take(length.parse().unwrap()).await,
            None => self.chunks().await,
        };
        response.complete = body.is_ok();
        response.body = String::from_utf8(body.unwrap_or_else(|partial| partial)).unwrap();
        Some(response)
    }

    /// Whether the peer ends the connection without sending anything more.
    pub(super) async fn ended(&mut self) -> bool {
        self.read.is_empty() && !self.fill().await
    }

    /// Reads more; false at the end.
    pub(super) async fn fill(&mut self) -> bool {
        let mut piece = [0; 4096];
        let read = self.stream.read(&mut piece).await.unwrap_or_default();
        self.read.extend_from_slice(&piece[..read]);
        read > 0
    }

    /// How many bytes were read and not used.
    pub(super) fn unused(&self) -> usize {
        self.read.len()
    }

    async fn take(&mut self, length: usize) -> Result<Vec<u8>, Vec<u8>> {
        while self.read.len() < length {
            if !self.fill().await {
                return Err(std::mem::take(&mut self.read));
            }
        }
        Ok(self.read.drain(..length).collect())
    }

    async fn chunks(&mut self) -> Result<Vec<u8>, Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = loop {
                if let Some(end) = self.read.windows(2).position(|window| window == b"\r\n") {
                    break self.read.drain(..end + 2).take(end).collect::<Vec<u8>>();
                }
                if !self.fill().await {
                    return Err(body);
                }
            };
            let size = usize::from_str_radix(std::str::from_utf8(&line).unwrap(), 16).unwrap();
            let chunk = self.take(size + 2).await?;
            body.extend_from_slice(&chunk[..size]);
            if size == 0 {
                return Ok(body);
            }
        }
    }
}

/// The bytes of a request; a length is added where the headers have none.
fn bytes(request: &SignedRequest) -> Vec<u8> {
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.target());
    for (name, value) in &request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let length = request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("Content-Length"));
    if !length && !request.body.is_empty() {
        head.push_str(&format!("content-length: {}\r\n", request.body.len()));
    }
    format!("{head}\r\n{}", request.body).into_bytes()
}

/// Sends a request over a new connection and reads the answer.
pub(super) async fn send(aws: &Aws, request: &SignedRequest) -> Response {
    Client::connect(aws).await.exchange(request).await
}
