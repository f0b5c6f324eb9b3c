//! The books of one mount about its calls to AWS.
//!
//! There is a line for each account, region and API action, with what was counted of it. The server's
//! own calls also have a budget there: each attempt takes a token from it and waits for one while there
//! is none. So when many instances start at once, logins wait a little instead of using up what AWS
//! grants the whole account, and what happens in one account, region or action delays no other. Calls that are made for one caller take turns
//! with those of others, and few of them can wait: nobody uses up what all share.
//!
//! A forwarded `GetCallerIdentity` is signed and paid by the client, so it has no budget. Whose it was
//! is known only from the answer, and anybody in the world can cause one about an account of their own.
//! So an account gets a line only when a login of it was admitted; before, and for answers that name
//! nobody, calls stand in one line without account and region. Forwarded calls have a table of their
//! own: nobody from outside makes the server forget its own lines and budgets.
//!
//! So do the other requests that clients sign, each under its own action.
//!
//! Look-ups of role writes have lines and budgets of their own beside the others: an operator may write a
//! role with hundreds of principals at once, and no login has to wait behind them.
//!
//! The own `GetCallerIdentity` stands in a line without account as well, because it is the call that
//! tells the account. `AssumeRole` stands under the account of the role, although AWS counts it in the
//! account that calls: so many sessions of one account do not hold up those of another.

mod api;
mod books;
mod bucket;
mod clock_offset;
mod fair_turns;
mod figures;
mod meter;
mod own_line;
mod table;

pub use api::{Allowance, Api, Purpose};
pub use books::{Calls, LineStatus};
pub use clock_offset::ClockOffset;
pub use fair_turns::Waiter;
pub use figures::{Counts, Latency, Outcome};
pub use meter::{Attempt, ForwardedAnswer, Meter};
pub use own_line::{Budget, BudgetUsedUp, OwnLine, Token};
