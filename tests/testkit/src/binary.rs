/// The path of the plugin binary. Only the tests and benchmarks of the plugin's own package are told it
/// by cargo, so it is read where this is written.
#[macro_export]
macro_rules! binary {
    () => {
        env!("CARGO_BIN_EXE_vault-plugin-auth-aws")
    };
}
