//! Parsing the signed request of a login, and checking it against the configuration.

use divan::{Bencher, black_box};
use vault_plugin_auth_aws::entry::ClientConfig;
use vault_plugin_auth_aws::framework::{Field, FieldKind, Fields, HostFlavor, parse_data};
use vault_plugin_auth_aws::proof::signed_request::{FIELDS, SignedRequest};

use crate::mount::{LOGIN, SERVER_ID};

/// The fields of a login from its data, as the route of `login` converts them.
fn fields(data: &str) -> Fields {
    let mut data = parse_data(data, data.len()).unwrap();
    let mut fields = Fields::new();
    for name in FIELDS {
        let kind = if name == "iam_request_headers" { FieldKind::Header } else { FieldKind::String };
        let value = data.remove(name).unwrap();
        fields.insert(name, Field::new(name, kind, "").convert(value, HostFlavor::Vault).unwrap().unwrap());
    }
    fields
}

#[divan::bench]
fn fields_of_a_login() -> Fields {
    fields(black_box(LOGIN))
}

#[divan::bench]
fn parse_and_check(bencher: Bencher) {
    let fields = fields(LOGIN);
    let config = ClientConfig { iam_server_id_header_value: SERVER_ID.to_owned(), ..ClientConfig::default() };
    bencher.bench_local(|| {
        let request = SignedRequest::parse(black_box(&fields), HostFlavor::Vault).unwrap();
        request.check(&config).unwrap();
        request
    });
}
