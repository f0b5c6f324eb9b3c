//! That this server's clock is off that of AWS, which decides how old a signed request is.

use super::Mount;

impl Mount {
    /// Says so in the log, if answers of STS have shown it and it was not said yet. To be called about once a
    /// minute.
    pub(crate) fn warn_of_clock(&self) {
        let Some(seconds) = self.clients().calls().clock_offset().to_be_told() else { return };
        tracing::warn!(
            mount = self.id(),
            aws_ahead_seconds = seconds,
            "the clock of this server is off that of AWS: keep it by NTP; iam_request_max_age and iam_request_single_use go by it"
        );
    }
}
