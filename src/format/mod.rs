//! Readers of the files that other programs are configured by. Each takes text and gives what it says, with lines;
//! none touches the file system.

pub mod accounts;
pub mod debian;
pub mod dotenv;
mod keyed;
pub mod lookup;
pub mod sysctl;
mod tree;
pub mod unit;
