//! What git keeps beside a work tree, read as git reads it: the index, patterns of ignored files, `.git/config`; and what
//! looks like a secret in a file. Nothing here opens a file or runs git.

pub mod config;
pub mod ignore;
pub mod index;
pub mod secrets;
