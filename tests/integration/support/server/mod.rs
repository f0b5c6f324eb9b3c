//! Real servers as child processes: OpenBao, Vault when present, moto.
