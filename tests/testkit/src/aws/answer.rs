//! Answers on their way to bytes: the shape each service gives them, and what faults do to it.

use super::document::{Element, node, text};
use super::endpoint::Service;
use super::fault::{Fault, RawAnswer, reshape};
use super::http::{chunked, response_head};
use super::refusal::Refusal;

/// An answer with everything that decides its bytes.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    chunked: bool,
}

/// How an answer is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// Whole; the connection stays.
    Whole,
    /// Whole; the connection is closed without a word.
    ThenClose,
    /// Half of the announced body, then the connection is closed.
    Truncated,
    /// The body never ends.
    Endless,
    /// Nothing at all.
    Hang,
    /// The connection is closed at once.
    Close,
}

/// What the real answer is made of.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    service: Service,
    status: u16,
    root: Element,
    is_error: bool,
    json: bool,
    request_id: String,
}

impl Draft {
    /// The result of an operation. EC2 has no element for it, and names the request first.
    pub(super) fn result(service: Service, action: &str, result: Option<Element>, request_id: &str) -> Self {
        if service == Service::Organizations {
            let root = result.expect("every operation has one");
            let request_id = request_id.to_owned();
            return Self { service, status: 200, root, is_error: false, json: true, request_id };
        }
        let name = format!("{action}Response");
        let root = if service == Service::Ec2 {
            node(&name, [text("requestId", request_id)].into_iter().chain(result))
        } else {
            let metadata = node("ResponseMetadata", [text("RequestId", request_id)]);
            node(&name, result.into_iter().chain([metadata]))
        };
        Self { service, status: 200, root, is_error: false, json: false, request_id: request_id.to_owned() }
    }

    /// An error.
    pub(super) fn refusal(service: Service, refusal: &Refusal, request_id: &str) -> Self {
        let code = text("Code", &refusal.code);
        let message = text("Message", &refusal.message);
        let root = if service == Service::Ec2 {
            let errors = node("Errors", [node("Error", [code, message])]);
            node("Response", [errors, text("RequestID", request_id)])
        } else if service == Service::Organizations {
            node("Error", [text("__type", &refusal.code), text("Message", &refusal.message)])
        } else {
            let kind = if refusal.status < 500 { "Sender" } else { "Receiver" };
            let error = node("Error", [text("Type", kind), code, message]);
            node("ErrorResponse", [error, text("RequestId", request_id)])
        };
        let status = refusal.status;
        let json = service == Service::Organizations;
        Self { service, status, root, is_error: true, json, request_id: request_id.to_owned() }
    }

    /// As JSON, which STS gives to whoever asks for it.
    #[must_use]
    pub(super) fn json(mut self) -> Self {
        self.json = true;
        self
    }

    /// The answer, reshaped by faults.
    pub(super) fn finish(mut self, faults: &[Fault], mut further_headers: Vec<(String, String)>) -> Answer {
        let mut content_type = self.content_type().to_owned();
        let mut leading = String::new();
        let mut trailing = String::new();
        for fault in faults {
            match fault {
                Fault::ContentType(value) => content_type.clone_from(value),
                Fault::Header(name, value) => further_headers.push((name.clone(), value.clone())),
                _ if self.is_error => {}
                Fault::Leading(content) => leading.push_str(content),
                Fault::Trailing(content) => trailing.push_str(content),
                Fault::Oversized(bytes) => leading.push_str(&format!("<!--{}-->", "x".repeat(*bytes))),
                change => reshape(&mut self.root, change),
            }
        }
        let mut headers = vec![(self.request_id_header().to_owned(), self.request_id.clone())];
        headers.push(("Content-Type".to_owned(), content_type));
        headers.append(&mut further_headers);
        let body = self.body(&leading, &trailing).into_bytes();
        Answer { status: self.status, headers, body, chunked: self.service == Service::Ec2 }
    }

    fn body(&self, leading: &str, trailing: &str) -> String {
        if self.json {
            let with_root = !self.is_error && self.service != Service::Organizations;
            return format!("{leading}{}{trailing}", self.root.to_json(with_root));
        }
        let namespace = self.service.namespace();
        match self.service {
            Service::Ec2 => {
                let namespace = (!self.is_error).then_some(namespace);
                let xml = self.root.to_xml(namespace, false);
                format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{leading}{xml}{trailing}")
            }
            _ => format!("{leading}{}{trailing}", self.root.to_xml(Some(namespace), true)),
        }
    }

    fn content_type(&self) -> &'static str {
        match self.service {
            Service::Organizations => "application/x-amz-json-1.1",
            _ if self.json => "application/json",
            Service::Ec2 => "text/xml;charset=UTF-8",
            _ => "text/xml",
        }
    }

    fn request_id_header(&self) -> &'static str {
        if self.service == Service::Ec2 { "x-amzn-requestid" } else { "x-amzn-RequestId" }
    }
}

impl Answer {
    /// Exactly what a fault says.
    pub(super) fn raw(raw: &RawAnswer) -> Self {
        let content_type = raw.content_type.iter().map(|value| ("Content-Type".to_owned(), value.clone()));
        let headers = content_type.chain(raw.headers.clone()).collect();
        Self { status: raw.status, headers, body: raw.body.clone(), chunked: false }
    }

    /// Status.
    pub(super) fn status(&self) -> u16 {
        self.status
    }

    /// Head and body as they are sent first; an endless body goes on from there.
    pub(super) fn bytes(&self, delivery: Delivery) -> Vec<u8> {
        let mut headers = self.headers.clone();
        let in_chunks = delivery == Delivery::Endless || (self.chunked && delivery != Delivery::Truncated);
        if in_chunks {
            headers.push(("Transfer-Encoding".to_owned(), "chunked".to_owned()));
        } else {
            headers.push(("Content-Length".to_owned(), self.body.len().to_string()));
        }
        let mut bytes = response_head(self.status, &headers);
        match delivery {
            Delivery::Truncated => bytes.extend_from_slice(&self.body[..self.body.len() / 2]),
            Delivery::Endless => {}
            _ if in_chunks => bytes.extend(chunked(&self.body)),
            _ => bytes.extend_from_slice(&self.body),
        }
        bytes
    }
}
