//! OpenSSH's configuration as OpenSSH understands it: `sshd_config` and `ssh_config` with their included files, which
//! line counts for which connection, and the defaults of each version. Opens no file itself (`format::source`).

pub mod algorithms;
pub mod client;
pub mod criteria;
pub mod effective;
pub mod keyword;
pub mod outcomes;
pub mod server;
pub mod setting;
pub mod source;
pub mod value;
pub mod version;
mod words;
