//! Signs requests and wraps them as login data, in the shapes the clients in use send.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::encoding::build_form;
use super::sigv4::{ALGORITHM, Credentials, Scope, Signable, canonical_request, signature, string_to_sign};
use super::verify::amz_date;

/// The body of every login.
pub const GET_CALLER_IDENTITY: &str = "Action=GetCallerIdentity&Version=2011-06-15";

const FORM_CONTENT_TYPE: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// Method and place of the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestForm {
    /// POST, signature in the Authorization header.
    Post,
    /// GET, signature in the Authorization header.
    Get,
    /// GET, signature in the query.
    PresignedGet,
}

/// How `iam_request_headers` is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderEncoding {
    /// Base64 of a JSON object.
    Base64Json,
    /// The text of a JSON object.
    JsonText,
    /// A JSON object.
    Object,
    /// A list of `name:value`.
    NameValueList,
}

/// How the values in `iam_request_headers` are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderValues {
    /// Lists of strings.
    List,
    /// Strings.
    Text,
    /// Strings, but Content-Length is a number.
    TextAndNumber,
}

/// The field `role`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleField {
    /// Not sent.
    Absent,
    /// JSON null.
    Null,
    /// A name, possibly empty.
    Name(String),
}

/// What is signed, and how it is wrapped. The constructors have the shapes of the clients in use.
#[derive(Clone, Debug)]
pub struct LoginOptions {
    /// URL; the query of a GET is added to it.
    pub url: String,
    /// Method and place of the signature.
    pub form: RequestForm,
    /// Parameters: the body of a POST, the query of a GET.
    pub parameters: String,
    /// Region of the scope.
    pub region: String,
    /// Service of the scope.
    pub service: String,
    /// Signed date; `None` is now.
    pub date: Option<OffsetDateTime>,
    /// Value of the server id header, signed.
    pub server_id: Option<String>,
    /// Name of that header, in the client's spelling.
    pub server_id_name: String,
    /// Further headers, signed.
    pub signed_headers: Vec<(String, String)>,
    /// Further headers, not signed.
    pub unsigned_headers: Vec<(String, String)>,
    /// Content-Length of a POST is among the headers, signed.
    pub content_length: bool,
    /// Host is among the headers of the login. It is always signed.
    pub host_entry: bool,
    /// `X-Amz-Expires` of a presigned request.
    pub expires: Option<u32>,
    /// How `iam_request_headers` is written.
    pub encoding: HeaderEncoding,
    /// How its values are written.
    pub values: HeaderValues,
    /// The field `role`.
    pub role: RoleField,
}

impl LoginOptions {
    /// `vault login -method=aws`: base64 of lists, no Host, an empty role if none is given.
    pub fn vault_cli() -> Self {
        Self {
            url: "https://sts.amazonaws.com/".to_owned(),
            form: RequestForm::Post,
            parameters: GET_CALLER_IDENTITY.to_owned(),
            region: "us-east-1".to_owned(),
            service: "sts".to_owned(),
            date: None,
            server_id: None,
            server_id_name: "X-Vault-Aws-Iam-Server-Id".to_owned(),
            signed_headers: Vec::new(),
            unsigned_headers: vec![header("User-Agent", "aws-sdk-go/1.55.6 (go1.23.3; linux; amd64)")],
            content_length: true,
            host_entry: false,
            expires: None,
            encoding: HeaderEncoding::Base64Json,
            values: HeaderValues::List,
            role: RoleField::Name(String::new()),
        }
    }

    /// hvac: as the CLI, with Host, without User-Agent, role null if none is given.
    pub fn hvac() -> Self {
        Self {
            server_id_name: "X-Vault-AWS-IAM-Server-ID".to_owned(),
            unsigned_headers: Vec::new(),
            host_entry: true,
            role: RoleField::Null,
            ..Self::vault_cli()
        }
    }

    /// A script on botocore: base64 of plain strings, neither Host nor Content-Length, no role.
    pub fn boto3() -> Self {
        Self {
            server_id_name: "X-Vault-AWS-IAM-Server-ID".to_owned(),
            unsigned_headers: vec![header("User-Agent", "Boto3/1.35.0 Botocore/1.35.0")],
            content_length: false,
            values: HeaderValues::Text,
            role: RoleField::Absent,
            ..Self::vault_cli()
        }
    }

    /// A JSON object with plain strings.
    pub fn plain_object() -> Self {
        Self { encoding: HeaderEncoding::Object, host_entry: true, ..Self::boto3() }
    }

    /// A presigned GET. Host stays among the headers: a login without any is refused.
    pub fn presigned_get() -> Self {
        Self {
            form: RequestForm::PresignedGet,
            host_entry: true,
            unsigned_headers: Vec::new(),
            ..Self::vault_cli()
        }
    }

    /// `curl --aws-sigv4` on a URL: a GET, signed in the Authorization header.
    pub fn curl_get() -> Self {
        Self {
            form: RequestForm::Get,
            unsigned_headers: vec![header("User-Agent", "curl/8.5.0")],
            content_length: false,
            values: HeaderValues::Text,
            ..Self::vault_cli()
        }
    }

    /// Any call of a service, for [`sign`]. Parameters as a form, with `Action` and `Version`.
    pub fn call(service: &str, region: &str, parameters: &str) -> Self {
        let host = if matches!(service, "iam") { service.to_owned() } else { format!("{service}.{region}") };
        let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        Self {
            url: format!("https://{host}.{domain}/"),
            parameters: parameters.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            ..Self::vault_cli()
        }
    }

    /// With a role.
    #[must_use]
    pub fn role(self, name: &str) -> Self {
        Self { role: RoleField::Name(name.to_owned()), ..self }
    }

    /// With a server id.
    #[must_use]
    pub fn server_id(self, value: &str) -> Self {
        Self { server_id: Some(value.to_owned()), ..self }
    }

    /// Signed at that time.
    #[must_use]
    pub fn date(self, date: OffsetDateTime) -> Self {
        Self { date: Some(date), ..self }
    }

    /// With another region in the scope; the URL stays.
    #[must_use]
    pub fn region(self, region: &str) -> Self {
        Self { region: region.to_owned(), ..self }
    }

    /// For another URL.
    #[must_use]
    pub fn url(self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self }
    }

    /// With other parameters.
    #[must_use]
    pub fn parameters(self, parameters: &str) -> Self {
        Self { parameters: parameters.to_owned(), ..self }
    }

    /// With a header more, signed.
    #[must_use]
    pub fn signed_header(mut self, name: &str, value: &str) -> Self {
        self.signed_headers.push(header(name, value));
        self
    }

    /// With a header more, not signed.
    #[must_use]
    pub fn unsigned_header(mut self, name: &str, value: &str) -> Self {
        self.unsigned_headers.push(header(name, value));
        self
    }
}

impl Default for LoginOptions {
    fn default() -> Self {
        Self::vault_cli()
    }
}

/// A request ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRequest {
    /// Method.
    pub method: String,
    /// URL with query.
    pub url: String,
    /// Headers, with Host.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: String,
}

impl SignedRequest {
    /// Host and port of the URL.
    pub fn host(&self) -> &str {
        split_url(&self.url).0
    }

    /// Path and query of the URL.
    pub fn target(&self) -> &str {
        split_url(&self.url).1
    }
}

/// Signs a request.
pub fn sign(credentials: &Credentials, options: &LoginOptions) -> SignedRequest {
    let date = amz_date(options.date.unwrap_or_else(OffsetDateTime::now_utc));
    let scope = Scope {
        date: date[..8].to_owned(),
        region: options.region.clone(),
        service: options.service.clone(),
    };
    let credential = format!("{}/{}", credentials.access_key_id, scope.text());
    let token = credentials.session_token.as_deref();
    let post = options.form == RequestForm::Post;
    let presigned = options.form == RequestForm::PresignedGet;
    let body = if post { options.parameters.clone() } else { String::new() };

    let mut headers = Vec::new();
    if post {
        if options.content_length {
            headers.push(header("Content-Length", &body.len().to_string()));
        }
        if options.signed_headers.iter().all(|(name, _)| name != "Content-Type") {
            headers.push(header("Content-Type", FORM_CONTENT_TYPE));
        }
    }
    headers.push(header("Host", split_url(&options.url).0));
    if !presigned {
        headers.push(header("X-Amz-Date", &date));
        headers.extend(token.map(|token| header("X-Amz-Security-Token", token)));
    }
    headers.extend(options.server_id.as_ref().map(|value| header(&options.server_id_name, value)));
    headers.extend(options.signed_headers.clone());
    let mut names: Vec<String> = headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort();
    names.dedup();

    let mut url = options.url.clone();
    if !post {
        add_query(&mut url, &options.parameters);
    }
    if presigned {
        let expires = options.expires.map(|seconds| seconds.to_string());
        let mut parameters =
            vec![("X-Amz-Algorithm", ALGORITHM), ("X-Amz-Credential", &credential), ("X-Amz-Date", &date)];
        let names = names.join(";");
        parameters.extend(expires.as_ref().map(|expires| ("X-Amz-Expires", expires.as_str())));
        parameters.extend(token.map(|token| ("X-Amz-Security-Token", token)));
        parameters.push(("X-Amz-SignedHeaders", &names));
        add_query(&mut url, &build_form(parameters));
    }

    let target = split_url(&url).1;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let method = if post { "POST" } else { "GET" };
    let canonical = canonical_request(&Signable {
        method,
        path,
        query,
        headers: &headers,
        signed_headers: &names,
        body: body.as_bytes(),
        presigned,
    });
    let to_sign = string_to_sign(&date, &scope, &canonical);
    let signature = signature(&credentials.secret_access_key, &scope, &to_sign);
    if presigned {
        add_query(&mut url, &format!("X-Amz-Signature={signature}"));
    } else {
        let authorization = format!(
            "{ALGORITHM} Credential={credential}, SignedHeaders={}, Signature={signature}",
            names.join(";")
        );
        headers.push(header("Authorization", &authorization));
    }
    headers.extend(options.unsigned_headers.clone());
    SignedRequest { method: method.to_owned(), url, headers, body }
}

/// The data of a login with a request signed by these credentials.
pub fn sign_login(credentials: &Credentials, options: &LoginOptions) -> Value {
    let request = sign(credentials, options);
    let mut headers: Vec<(String, Vec<String>)> = Vec::new();
    for (name, value) in &request.headers {
        if name == "Host" && !options.host_entry {
            continue;
        }
        match headers.iter_mut().find(|(present, _)| present == name) {
            Some((_, values)) => values.push(value.clone()),
            None => headers.push((name.clone(), vec![value.clone()])),
        }
    }
    let mut data = json!({
        "iam_http_request_method": request.method,
        "iam_request_url": STANDARD.encode(&request.url),
        "iam_request_headers": encode_headers(&headers, options.encoding, options.values),
    });
    if options.form == RequestForm::Post {
        data["iam_request_body"] = STANDARD.encode(&request.body).into();
    }
    match &options.role {
        RoleField::Absent => {}
        RoleField::Null => data["role"] = Value::Null,
        RoleField::Name(name) => data["role"] = name.as_str().into(),
    }
    data
}

/// The headers of a login, whatever way they are written.
pub fn login_headers(login: &Value) -> Vec<(String, Vec<String>)> {
    decode_headers(&login["iam_request_headers"]).0
}

/// Changes the headers of a login and writes them back the way they were written.
pub fn edit_headers(login: &mut Value, edit: impl FnOnce(&mut Vec<(String, Vec<String>)>)) {
    let (mut headers, encoding, values) = decode_headers(&login["iam_request_headers"]);
    edit(&mut headers);
    login["iam_request_headers"] = encode_headers(&headers, encoding, values);
}

fn encode_headers(
    headers: &[(String, Vec<String>)],
    encoding: HeaderEncoding,
    values: HeaderValues,
) -> Value {
    if encoding == HeaderEncoding::NameValueList {
        let pairs =
            headers.iter().flat_map(|(name, all)| all.iter().map(move |value| format!("{name}:{value}")));
        return pairs.collect();
    }
    let mut object = Map::new();
    for (name, all) in headers {
        let value = match values {
            HeaderValues::List => json!(all),
            HeaderValues::TextAndNumber if name == "Content-Length" => {
                json!(all.concat().parse::<u64>().expect("a length is a number"))
            }
            _ => json!(all.join(",")),
        };
        object.insert(name.clone(), value);
    }
    let object = Value::Object(object);
    match encoding {
        HeaderEncoding::Object => object,
        HeaderEncoding::JsonText => object.to_string().into(),
        _ => STANDARD.encode(object.to_string()).into(),
    }
}

type DecodedHeaders = (Vec<(String, Vec<String>)>, HeaderEncoding, HeaderValues);

fn decode_headers(written: &Value) -> DecodedHeaders {
    let (object, encoding) = match written {
        Value::Array(pairs) => {
            let pairs = pairs.iter().map(|pair| pair.as_str().expect("`name:value`").split_once(':'));
            let headers = pairs.map(|pair| pair.expect("a colon")).map(|(name, value)| header(name, value));
            let headers = headers.map(|(name, value)| (name, vec![value])).collect();
            return (headers, HeaderEncoding::NameValueList, HeaderValues::Text);
        }
        Value::String(text) if text.starts_with('{') => {
            (serde_json::from_str(text).expect("JSON"), HeaderEncoding::JsonText)
        }
        Value::String(text) => {
            let json = STANDARD.decode(text).expect("base64");
            (serde_json::from_slice(&json).expect("JSON"), HeaderEncoding::Base64Json)
        }
        object => (object.clone(), HeaderEncoding::Object),
    };
    let object = object.as_object().expect("an object");
    let mut values = HeaderValues::Text;
    let headers = object.iter().map(|(name, value)| match value {
        Value::Array(all) => {
            values = HeaderValues::List;
            (name.clone(), all.iter().map(|value| value.as_str().expect("a string").to_owned()).collect())
        }
        Value::Number(number) => {
            values = HeaderValues::TextAndNumber;
            (name.clone(), vec![number.to_string()])
        }
        value => (name.clone(), vec![value.as_str().expect("a string").to_owned()]),
    });
    (headers.collect(), encoding, values)
}

fn header(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn add_query(url: &mut String, query: &str) {
    url.push(if url.contains('?') { '&' } else { '?' });
    url.push_str(query);
}

/// Host with port, and path with query.
fn split_url(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    match rest.find(['/', '?']) {
        Some(at) if rest[at..].starts_with('/') => rest.split_at(at),
        Some(at) => (&rest[..at], "/"),
        None => (rest, "/"),
    }
}
