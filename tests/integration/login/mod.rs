//! Logins of the iam type on the test host. The numbers are those of the method's login vectors.

mod clients;
mod forwarding;
mod refusals;
mod sts_answers;
