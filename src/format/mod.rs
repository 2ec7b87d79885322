//! Readers of the files that other programs are configured by. Each takes text and gives what it says, with lines;
//! none touches the file system.

pub mod dotenv;
mod keyed;
pub mod lookup;
pub mod nginx;
mod tree;
pub mod unit;
