//! Roles with many principals: how they are looked up in AWS when the role is written.

mod side_by_side;
mod written;
