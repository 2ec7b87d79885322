//! The command line as clap sees it. No logic.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::render::Color;
use crate::rule::{Phase, Severity};

/// Audits a host, a Docker daemon and its PostgreSQL servers by declarative rules: pass or fail, with evidence, and
/// "unknown" for what could not be seen.
#[derive(Debug, Parser)]
#[command(name = "harden", version, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = "\
Exit codes:
  0  passed: nothing at or above the gate failed or was unknown
  1  failed: something at or above the gate failed
  2  harden could not run: arguments, configuration, a rule that does not compile
  3  inconclusive: no such fail, but something at or above the gate could not be seen

Examples:
  harden check                                   audit this machine, and what runs on it
  harden check --format json --output report.json
  harden check --postgres main=env:DATABASE_URL --fail-on high
  harden collect -o facts.json                   look now, judge elsewhere:
  harden check --facts facts.json --at 2027-01-01")]
pub struct Cli {
    /// When to colour the output; NO_COLOR turns `auto` off.
    #[arg(long, value_enum, default_value_t = Color::Auto, global = true, value_name = "WHEN", help_heading = "Output")]
    pub color: Color,

    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Look at the targets and judge them by the rules.
    #[command(after_help = "\
Without arguments this machine is audited, Docker if its socket is there, PostgreSQL if DATABASE_URL \
or a PG* variable names one or a local socket is there. A target that is named and cannot be reached \
is unknown; one that was merely looked for is not applicable. Where manifests are named and no other \
target is, nothing else is looked at.

Examples:
  harden check --fail-on high --allow-unknown
  harden check --root /mnt/image --profile host
  harden check --profile compose --compose compose.yaml compose.prod.yaml
  harden check --profile kubernetes --manifest deploy/
  harden check --docker tcp://10.0.0.5:2376 --docker-cert-path ~/.docker
  PGPASSWORD=… harden check --postgres 'host=db user=audit dbname=postgres sslmode=verify-full'
  harden check --endpoint https://app.example.org --endpoint smtp://mx.example.org
  harden check --rule 'docker-container-*' --verbose")]
    Check(Check),
    /// Look at the targets and write down, item by item, what holds, who must act and what to do.
    #[command(after_help = "\
The same run as `harden check`, as a checklist to release by: every rule of the profiles with its state, by phase and \
severity. With --phase the verdict, and with it the exit code, is that on the items of this phase; what contradicts an \
attestation counts whatever its phase.

Examples:
  harden checklist --phase pre
  harden checklist --profile default --profile people --format html --output checklist.html
  harden checklist --facts facts.json --format markdown")]
    Checklist(Checklist),
    /// Look at the targets and write down what was seen, to judge it elsewhere or later.
    Collect(Collect),
    /// State, as a person, what no machine can see: that a restore was tried, that access was reviewed.
    #[command(after_help = "\
An attestation is kept in attestations.jsonl beside harden.toml (in the current folder without one), one entry a line, \
and is meant to be committed with it. It counts from when it is stated until its term is over, for as long as the rule \
allows; bound to a scope, only for that value. A rule that fails and shows otherwise contradicts it.

Examples:
  harden attest manual-backup-restore --by 'Ann Lee' --evidence 'restore log OPS-214, 18,402 rows, 6 min'
  harden attest manual-upgrade-process --by 'Ann Lee' --evidence OPS-220 --scope ghcr.io/acme/app:1.4.0
  harden attest --list                            all of them, with their state
  harden rules list --profile people              what there is to attest")]
    Attest(Attest),
    /// Write down what was seen with names, addresses and ids replaced, for a bug report or for a rule's tests.
    #[command(after_help = "\
Every name, address and id is replaced, the same one by the same one wherever it stands: \
`container-1`, `host-2.example`, an address by one of the same class in the same network. What every \
installation has stays (root, /etc/passwd, the words of settings), and so do numbers, sizes, times, \
modes and versions: rules judge by them. They say the same as before; those that do not are named on \
standard error. Read the result before you give it away.

Examples:
  harden record -o facts.json                    look now; attach the file to a bug report:
  harden check --facts facts.json                says there what it says here
  harden record --facts collected.json --rule 'postgres-hba-*'
  harden record --rule docker-container-privileged --format cases")]
    Record(Record),
    /// List the rules, or show one.
    #[command(subcommand)]
    Rules(Rules),
    /// List what rules can look at, or tell everything about one: its parameters, its fields and the matchers that fit.
    #[command(after_help = "\
Examples:
  harden resources
  harden resources file
  harden resources container --format json")]
    Resources(Resources),
    /// List the profiles, or show what one selects, sets and overrides.
    #[command(subcommand)]
    Profiles(Profiles),
    /// Say what a PostgreSQL connection string means for the client that uses it.
    #[command(after_help = "\
Examples:
  harden dsn 'postgres://app@db/app?sslmode=require'
  harden dsn env:DATABASE_URL --client pgx --format json")]
    Dsn(Dsn),
    /// Answer who can connect by a pg_hba.conf, as PostgreSQL decides it.
    #[command(after_help = "\
Examples:
  harden pg-access --hba pg_hba.conf --role app --database app --address 10.1.2.3 --tls
  harden pg-access --postgres env:DATABASE_URL --role postgres --replication --local --format json")]
    PgAccess(PgAccess),
    /// Print the JSON Schema of a document.
    Schema(Schema),
}

#[derive(Debug, Args)]
pub struct Targets {
    /// Audit this directory as the root of a host: a mounted image, a chroot. Links never lead out of it.
    #[arg(long, value_name = "DIR", help_heading = "Targets")]
    pub root: Option<PathBuf>,

    /// The Docker daemon, as `unix:///path` or `tcp://host:port`; DOCKER_HOST, DOCKER_TLS_VERIFY and
    /// DOCKER_CERT_PATH count as for the docker command.
    #[arg(long, value_name = "URL", help_heading = "Targets")]
    pub docker: Option<String>,

    /// Speak TLS with the Docker daemon, by the ca.pem, cert.pem and key.pem of this directory.
    #[arg(long, value_name = "DIR", help_heading = "Targets")]
    pub docker_cert_path: Option<PathBuf>,

    /// A PostgreSQL server: a connection string, `env:NAME` or `file:PATH` that holds one, or `NAME=` before any of
    /// these. May be given more than once.
    #[arg(long, value_name = "DSN", help_heading = "Targets")]
    pub postgres: Vec<String>,

    /// The postgresql.conf of a server that is not asked, by its path on the host or below `--root`; with its included
    /// files, postgresql.auto.conf and pg_hba.conf. May be given more than once; with `--root` those in the usual places
    /// are found
    #[arg(long, value_name = "FILE", help_heading = "Targets")]
    pub postgres_files: Vec<String>,

    /// A server on the network, as `https://host`, `tls://host:port`, `postgres://host`, `smtp://host` …, or `NAME=` before
    /// it. harden connects to it without logging in. May be given more than once.
    #[arg(long, value_name = "URL", help_heading = "Targets")]
    pub endpoint: Vec<String>,

    /// The files of a Compose project, each laid over those before it, or its directory.
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Targets")]
    pub compose: Vec<PathBuf>,

    /// A file of variables for `--compose`, in place of the project's `.env`; may be given more than once.
    #[arg(long, value_name = "FILE", help_heading = "Targets")]
    pub compose_env: Vec<PathBuf>,

    /// Start this profile of the Compose project, or `*` for all; may be given more than once.
    #[arg(long, value_name = "NAME", help_heading = "Targets")]
    pub compose_profile: Vec<String>,

    /// Let the variables that harden was started with go before those of files, as Compose does.
    #[arg(long, help_heading = "Targets")]
    pub compose_own_env: bool,

    /// Kubernetes manifests: files, or directories of them.
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Targets")]
    pub manifest: Vec<PathBuf>,

    /// Seconds that one query may take.
    #[arg(long, value_name = "SECONDS", help_heading = "Targets", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: Option<u64>,

    /// Seconds that all queries together may take; what was not reached by then is unknown [default: 300].
    #[arg(long, value_name = "SECONDS", help_heading = "Targets", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub total_timeout: Option<u64>,
}

#[derive(Debug, Clone, Args)]
pub struct Selection {
    /// Judge by the rules of this profile; may be given more than once. `default` when none is.
    #[arg(long, value_name = "NAME", help_heading = "Rules")]
    pub profile: Vec<String>,

    /// Judge only by this rule, or by those that a glob matches; may be given more than once.
    #[arg(long = "rule", value_name = "ID-OR-GLOB", help_heading = "Rules")]
    pub rule: Vec<String>,

    #[command(flatten)]
    pub sources: Sources,
}

/// Where rules and profiles come from.
#[derive(Debug, Clone, Args)]
pub struct Sources {
    /// Also load the rules and profiles of this directory; may be given more than once.
    #[arg(long = "rules", value_name = "DIR", help_heading = "Rules")]
    pub rules: Vec<PathBuf>,

    /// Set an input of the rules; may be given more than once. A list is written with commas. The variable
    /// HARDEN_INPUT_NAME sets the input `name` too.
    #[arg(long = "input", value_name = "KEY=VALUE", help_heading = "Rules")]
    pub input: Vec<String>,

    /// Read targets, profiles, inputs and the gate from this file; `./harden.toml` is read when it is there.
    #[arg(long, value_name = "FILE", help_heading = "Rules")]
    pub config: Option<PathBuf>,
}

/// What is judged, by what, and as of when.
#[derive(Debug, Args)]
pub struct Judging {
    #[command(flatten)]
    pub targets: Targets,

    #[command(flatten)]
    pub selection: Selection,

    /// Judge these collected facts instead of looking; `-` for standard input.
    #[arg(long, value_name = "FILE", help_heading = "Judging", conflicts_with_all = ["root", "docker", "docker_cert_path", "postgres", "postgres_files", "endpoint"])]
    pub facts: Option<PathBuf>,

    /// Judge as of this time (RFC 3339 or a date) instead of now: what will have expired by then?
    #[arg(long, value_name = "TIME", help_heading = "Judging")]
    pub at: Option<String>,

    /// The file of attestations [default: attestations.jsonl beside harden.toml].
    #[arg(long, value_name = "FILE", help_heading = "Judging")]
    pub attestations: Option<PathBuf>,

    /// The gate: fails and unknowns of this severity or a higher one decide the exit code [default: low].
    #[arg(long, value_enum, value_name = "SEVERITY", help_heading = "Judging")]
    pub fail_on: Option<Severity>,

    /// Unknowns do not decide the exit code.
    #[arg(long, help_heading = "Judging")]
    pub allow_unknown: bool,
}

#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    pub judging: Judging,

    #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT", help_heading = "Output")]
    pub format: Format,

    /// Write the report to this file, replaced as a whole.
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// Show passes, rules that do not apply, and every subject.
    #[arg(long, short, help_heading = "Output", conflicts_with = "quiet")]
    pub verbose: bool,

    /// Show only the verdict.
    #[arg(long, short, help_heading = "Output")]
    pub quiet: bool,
}

#[derive(Debug, Args)]
pub struct Checklist {
    #[command(flatten)]
    pub judging: Judging,

    /// Only the items of this phase, and the verdict on them: pre (files are enough), post (needs the running service),
    /// ongoing (bound to an age).
    #[arg(long, value_enum, value_name = "PHASE", help_heading = "Judging")]
    pub phase: Option<Phase>,

    #[arg(long, value_enum, default_value_t = ChecklistFormat::Table, value_name = "FORMAT", help_heading = "Output")]
    pub format: ChecklistFormat,

    /// Write the checklist to this file, replaced as a whole.
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
}

/// How a checklist is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ChecklistFormat {
    /// For a person at a terminal.
    Table,
    /// For an issue or a wiki.
    Markdown,
    /// One page by itself, to read, print and archive.
    Html,
    /// For a program.
    Json,
}

#[derive(Debug, Args)]
pub struct Attest {
    /// The rule whose statement is made.
    #[arg(value_name = "RULE", required_unless_present = "list", conflicts_with = "list")]
    pub rule: Option<String>,

    /// Who states it: a person, by the name that others know.
    #[arg(
        long,
        value_name = "WHO",
        required_unless_present = "list",
        conflicts_with = "list",
        help_heading = "Statement"
    )]
    pub by: Option<String>,

    /// What shows it: a ticket, a link, what was measured. No secrets: the file is read by others.
    #[arg(
        long,
        value_name = "TEXT",
        required_unless_present = "list",
        conflicts_with = "list",
        help_heading = "Statement"
    )]
    pub evidence: Option<String>,

    /// The value that it is bound to, for a rule that binds it: an image with its tag.
    #[arg(long, value_name = "VALUE", conflicts_with = "list", help_heading = "Statement")]
    pub scope: Option<String>,

    /// When it was so (RFC 3339 or a date), where that is not now.
    #[arg(long, value_name = "DATE", conflicts_with = "list", help_heading = "Statement")]
    pub on: Option<String>,

    /// Until when it holds, where that is sooner than the rule allows; must be given where the term ends with an event.
    #[arg(long, value_name = "DATE", conflicts_with = "list", help_heading = "Statement")]
    pub until: Option<String>,

    /// Show all attestations with their state.
    #[arg(long, help_heading = "Output")]
    pub list: bool,

    /// The state as of this time (RFC 3339 or a date) instead of now.
    #[arg(long, value_name = "TIME", requires = "list", help_heading = "Output")]
    pub at: Option<String>,

    #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT", requires = "list", help_heading = "Output")]
    pub format: Format,

    /// The file of attestations [default: attestations.jsonl beside harden.toml].
    #[arg(long, value_name = "FILE", help_heading = "Statement")]
    pub attestations: Option<PathBuf>,

    #[command(flatten)]
    pub sources: Sources,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person.
    Table,
    /// For a program.
    Json,
}

#[derive(Debug, Args)]
pub struct Collect {
    #[command(flatten)]
    pub targets: Targets,

    #[command(flatten)]
    pub selection: Selection,

    /// Replace names, addresses and ids, as `harden record` does.
    #[arg(long, help_heading = "Output")]
    pub scrub: bool,

    /// Write the facts to this file, replaced as a whole; standard output when not given.
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Record {
    #[command(flatten)]
    pub targets: Targets,

    #[command(flatten)]
    pub selection: Selection,

    /// Take these collected facts instead of looking; `-` for standard input. With --rule or --profile only what those
    /// rules ask is kept.
    #[arg(long, value_name = "FILE", help_heading = "Targets", conflicts_with_all = ["root", "docker", "docker_cert_path", "postgres", "postgres_files", "endpoint", "timeout", "total_timeout"])]
    pub facts: Option<PathBuf>,

    #[arg(long, value_enum, default_value_t = RecordFormat::Facts, value_name = "FORMAT", help_heading = "Output")]
    pub format: RecordFormat,

    /// Keep every subject in the cases, instead of one of each kind of outcome.
    #[arg(long, help_heading = "Output")]
    pub all_subjects: bool,

    /// Write to this file, replaced as a whole; standard output when not given.
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
}

/// What a recording is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RecordFormat {
    /// Facts that `harden check --facts` judges.
    Facts,
    /// Cases for the `tests:` of each rule.
    Cases,
}

#[derive(Debug, Subcommand)]
pub enum Rules {
    /// List the rules of a profile, or all of them.
    List {
        #[command(flatten)]
        selection: Selection,
        #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT", help_heading = "Output")]
        format: Format,
    },
    /// Begin a rule: write its file with every part to fill in, and comments that say what belongs there.
    ///
    /// harden refuses the file until every part that says FILL IN is written. A file that exists is never overwritten.
    #[command(after_help = "\
Examples:
  harden rules new host-app-key-mode --resource file
  harden rules new app-tls-on --resource setting --output rules/
  harden rules new app-restore-tried --manual     for what only a person can tell
  harden rules check rules                        names what is still to be written")]
    New {
        /// The rule's id, which is also its file's name: lower-case words joined by `-`.
        id: String,
        /// The kind of thing that it looks at.
        #[arg(long, value_name = "NAME", required_unless_present = "manual")]
        resource: Option<String>,
        /// It looks at nothing: a person attests it.
        #[arg(long, conflicts_with = "resource")]
        manual: bool,
        /// Write it into this folder, or to this file, which must be called like the rule [default: the current folder].
        #[arg(long, short, value_name = "DIR|FILE")]
        output: Option<PathBuf>,
    },
    /// Compile rules and profiles, and say everything that is wrong with them.
    #[command(after_help = "\
Exit codes: 0 nothing is wrong, 2 something is.

Examples:
  harden rules check                       the built-in rules and those of harden.toml
  harden rules check ./rules web-tls.yaml  these directories and files")]
    Check(Paths),
    /// Run the cases of rules.
    #[command(after_help = "\
Each case comes out as expected, or
  missed      it should have failed, and did not
  noisy       it failed where it should not have
  unsettled   unknown where a verdict was due, or the other way round
  misapplied  it applied where it should not have, or the other way round

Exit codes: 0 every case as expected, 1 some are not, 2 a rule does not compile.")]
    Test(TryOut),
    /// Prove that rules can fail, and that their cases would notice if they could not.
    #[command(after_help = "\
Every field that a case gives is changed to other values, to those on both sides of the rule's \
limits, to none and to unknown, and listings lose subjects or end early: each field has to decide \
something, each verdict has to be reached, and seeing less may only ever lead to unknown. Then each \
mistake that could have been made in the rule is made once: a negated matcher, a part left out, a \
limit off by one, another resource. One of its cases has to notice; where none does, the case that \
would is shown.

Exit codes: 0 every rule is proven, 1 some are not, 2 a rule does not compile.")]
    Prove(TryOut),
    /// Tell the whole story of rules: what they ask and why, how they are judged, what they look at, what passes and
    /// what fails, how to mend it.
    #[command(after_help = "\
Without an id, the rules of the --rules directories are shown.

Examples:
  harden rules show host-shadow-mode
  harden rules show host-shadow-mode --yaml      its file, to copy from
  harden rules show 'tls-*' --format json
  harden rules show --reads --rules ./pack       what a pack from elsewhere will look at")]
    Show(Show),
}

#[derive(Debug, Args)]
pub struct Show {
    /// Ids of rules, or globs over them.
    #[arg(value_name = "ID-OR-GLOB")]
    pub ids: Vec<String>,

    #[command(flatten)]
    pub selection: Selection,

    /// Show only what the rules will look at, and the least privilege that sees it.
    #[arg(long, help_heading = "Output")]
    pub reads: bool,

    /// Show the files of the rules as they are written, those of built-in rules too.
    #[arg(long, help_heading = "Output", conflicts_with_all = ["reads", "format"])]
    pub yaml: bool,

    #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT", help_heading = "Output")]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct Resources {
    /// The resource to tell about; all are listed when none is named.
    pub name: Option<String>,

    #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT", help_heading = "Output")]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct Paths {
    /// Rule files, and directories of rules and profiles. Without any: the built-in ones and those of harden.toml.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub struct TryOut {
    #[command(flatten)]
    pub paths: Paths,

    /// Only these rules; may be given more than once.
    #[arg(long = "rule", value_name = "ID-OR-GLOB")]
    pub rule: Vec<String>,

    #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT", help_heading = "Output")]
    pub format: Format,

    /// Show what came out as expected too.
    #[arg(long, short, help_heading = "Output")]
    pub verbose: bool,
}

#[derive(Debug, Subcommand)]
pub enum Profiles {
    /// List the profiles: how many rules each selects, and where it comes from.
    List {
        #[command(flatten)]
        sources: Sources,
        #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT", help_heading = "Output")]
        format: Format,
    },
    /// Show a profile: what it extends and selects, its inputs with their values, its overrides and its rules.
    Show {
        name: String,
        #[command(flatten)]
        sources: Sources,
        #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT", help_heading = "Output")]
        format: Format,
    },
}

#[derive(Debug, Args)]
pub struct Dsn {
    /// The connection string; `env:NAME` or `file:PATH` keep a password off the command line.
    pub string: String,

    /// The client whose reading of it is asked.
    #[arg(long, value_enum, default_value_t = Client::Libpq)]
    pub client: Client,

    #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    pub format: Format,
}

/// Client libraries of PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Client {
    Libpq,
    LibPq,
    Pgx,
    Bun,
    Jdbc,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["hba", "postgres"]))]
#[command(group = clap::ArgGroup::new("to").required(true).args(["database", "replication"]))]
#[command(group = clap::ArgGroup::new("transport").required(true).args(["tls", "plain", "gss", "local"]))]
pub struct PgAccess {
    /// A pg_hba.conf file.
    #[arg(long, value_name = "FILE", help_heading = "Rules of access")]
    pub hba: Option<PathBuf>,

    /// A server, asked for its rules and its roles.
    #[arg(long, value_name = "DSN", help_heading = "Rules of access")]
    pub postgres: Option<String>,

    /// The major version that reads the file, with --hba.
    #[arg(long, value_name = "MAJOR", default_value_t = 18, help_heading = "Rules of access")]
    pub server_version: u32,

    /// The role that connects.
    #[arg(long, value_name = "ROLE", help_heading = "Question")]
    pub role: String,

    /// The database it connects to.
    #[arg(long, value_name = "DATABASE", help_heading = "Question")]
    pub database: Option<String>,

    /// It asks for physical replication instead of a database.
    #[arg(long, help_heading = "Question")]
    pub replication: bool,

    /// The address it comes from.
    #[arg(
        long,
        value_name = "ADDRESS",
        help_heading = "Question",
        required_unless_present = "local",
        conflicts_with = "local"
    )]
    pub address: Option<std::net::IpAddr>,

    /// Over TCP with TLS.
    #[arg(long, help_heading = "Question")]
    pub tls: bool,

    /// Over TCP in the clear.
    #[arg(long, help_heading = "Question")]
    pub plain: bool,

    /// Over TCP with GSSAPI encryption.
    #[arg(long, help_heading = "Question")]
    pub gss: bool,

    /// Over the unix socket.
    #[arg(long, help_heading = "Question")]
    pub local: bool,

    #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT", help_heading = "Output")]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct Schema {
    #[arg(value_enum)]
    pub document: Document,
}

/// Documents that have a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Document {
    Report,
    Checklist,
    Facts,
    Rule,
    Profile,
    Config,
}
