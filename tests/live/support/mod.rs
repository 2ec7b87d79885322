//! What the live tests stand on: private instances of the real servers, and the helpers around them.
//!
//! Everything lives under one temporary folder per run and is stopped when the run ends, however it ends; see
//! [`session`]. A component that is missing is a failure that names `scripts/install-components`, never a skip.

#![allow(dead_code, reason = "a toolbox: not every suite uses every tool")]

pub(crate) mod browser;
pub(crate) mod containers;
pub(crate) mod docker;
pub(crate) mod harden;
pub(crate) mod host;
pub(crate) mod pki;
pub(crate) mod postgres;
pub(crate) mod psql;
pub(crate) mod registry;
pub(crate) mod session;
pub(crate) mod shared;
pub(crate) mod slow;
pub(crate) mod sweep;
pub(crate) mod tls;
pub(crate) mod tools;
pub(crate) mod web;
pub(crate) mod wire;
