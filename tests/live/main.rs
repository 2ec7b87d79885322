//! The suites that need real servers, in one test binary: `cargo test --features live --test live`.
//!
//! It has its own `main` instead of the usual harness because the servers are shared between tests: they start when a
//! test first asks for them and must be stopped before the binary ends. Statics are never dropped, so somebody has to
//! know when the last test is over. Arguments are those of the usual harness.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::exit,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests end with a message where the program must not"
)]

use std::process::ExitCode;

/// Names each test function once; one that is left out is dead code, which the build refuses.
macro_rules! trials {
    ($($test:ident),* $(,)?) => {
        vec![$(libtest_mimic::Trial::test(
            concat!(module_path!(), "::", stringify!($test)),
            || { $test(); Ok(()) },
        )),*]
    };
}

mod cors;
mod docker;
mod docker_cli;
mod docker_rules;
mod dsn;
mod exposure;
mod firewall;
mod git;
mod harness;
mod hba;
mod host;
mod host_rules;
mod http;
mod manifests;
mod nginx;
mod postgres;
mod postgres_commands;
mod postgres_rules;
mod record;
mod schedule;
mod ssh_client;
mod sshd;
mod support;
mod system;
mod systems_nursery;
mod systems_ofelia;
mod systems_pullbase;
mod systems_pulumi;
mod systems_situation;
mod tls;
mod units;
mod x509;

fn main() -> ExitCode {
    if let Some(code) = support::session::guard_main() {
        return code;
    }
    let arguments = libtest_mimic::Arguments::from_args();
    let suites = [
        harness::trials(),
        host::trials(),
        exposure::trials(),
        system::trials(),
        systems_ofelia::trials(),
        systems_nursery::trials(),
        systems_pullbase::trials(),
        systems_pulumi::trials(),
        systems_situation::trials(),
        firewall::trials(),
        git::trials(),
        host_rules::trials(),
        docker::trials(),
        docker_rules::trials(),
        docker_cli::trials(),
        manifests::trials(),
        postgres::trials(),
        postgres_rules::trials(),
        postgres_commands::trials(),
        hba::trials(),
        nginx::trials(),
        dsn::trials(),
        units::trials(),
        x509::trials(),
        http::trials(),
        cors::trials(),
        record::trials(),
        schedule::trials(),
        ssh_client::trials(),
        sshd::trials(),
        tls::trials(),
    ];
    let conclusion = libtest_mimic::run(&arguments, suites.into_iter().flatten().collect());
    let tests = conclusion.exit_code();
    match support::session::end() {
        Ok(()) => tests,
        Err(left) => {
            eprintln!("the live tests could not clean up: {left}");
            ExitCode::FAILURE
        }
    }
}
