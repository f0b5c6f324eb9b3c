//! What the plugin asks of AWS and of the machine it runs on: how long it waits, how often it tries,
//! which way the request goes, whose keys sign it, and which answers it takes.

mod answers;
mod credentials;
mod hanging_endpoint;
mod proxies;
mod retries;
mod socks_proxy;
mod timeouts;
mod unsendable_credentials;
