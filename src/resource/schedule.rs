//! `schedule`: what runs by itself, when and as whom: tables of cron and anacron, the folders of run-parts, timers of
//! systemd, jobs of Ofelia, CronJobs of Kubernetes.

mod containers;
mod folders;
mod job;
mod ofelia;
mod programs;
mod tables;
mod timers;

use crate::facts::Listing;
use crate::format::cron::Layout;
use crate::resource::{Accepts, Field, Param, Resource, With, field, text};
use crate::target::host::Host;
use crate::target::{Door, Kind};
use crate::value::types::Dialect;
use crate::value::vocabulary::Vocabulary;
use crate::value::{Reason, Type};
use job::{Jobs, PROBLEMS};

const BOOL: Type = Type::Bool(Dialect::Plain);
static TEXT: Type = Type::Text;
static PROBLEM: Type = Type::Word(&PROBLEMS);

static KIND: Vocabulary = Vocabulary {
    name: "schedule_kind",
    words: &["cron", "crontab", "run-parts", "anacron", "timer", "ofelia", "cronjob"],
    ordered: false,
};
static CRON: Vocabulary = Vocabulary { name: "cron", words: &["debian", "cronie"], ordered: false };

const FIELDS: &[Field] = &[
    field(
        "kind",
        Type::Word(&KIND),
        "",
        "`cron` a line of a table of the system, `crontab` of a user's own, `run-parts` a file in /etc/cron.daily and its like, `anacron`, `timer` of systemd, `ofelia`, `cronjob` of Kubernetes",
    ),
    field(
        "path",
        Type::Text,
        "",
        "the file that says it: the table, the timer's unit file; absent for a container's label",
    ),
    field("line", Type::Integer, "", "its line in the file; absent where the file as a whole is the job"),
    field("name", Type::Text, "", "the name of a file of a folder, of a unit, of a job; absent for lines of tables"),
    field(
        "when",
        Type::Text,
        "",
        "as it is written: `17 * * * *`, `@daily`, `daily` for the folder, `OnCalendar=…` of a timer; unknown where a line is no job and might tell a secret",
    ),
    field(
        "understood",
        BOOL,
        "",
        "whether the program that is to run it takes these times as they are written; unknown where cron's versions differ",
    ),
    field(
        "enabled",
        BOOL,
        "",
        "whether it runs: its file and its line are taken, a timer is wanted by a unit, a file may be executed, a CronJob is not suspended. Whether the scheduler itself runs is not asked",
    ),
    field(
        "user",
        Type::Text,
        "",
        "as whom it runs; absent where the column is missing; unknown where an image decides",
    ),
    field(
        "command",
        Type::Text,
        "",
        "what runs, with single blanks; what may be a secret is `***`; absent where nothing is named",
    ),
    field("input", BOOL, "", "whether an unescaped `%` ends the command of a table: what follows is its input"),
    field(
        "secret_in_command",
        BOOL,
        "",
        "whether the command gives a password, token or key by its name: it ends up among the arguments of a process",
    ),
    field(
        "program",
        Type::Text,
        "",
        "the file of the first program that the command runs; absent where no program is known, in a container, and where no directory of PATH has it",
    ),
    field(
        "programs",
        Type::List(&TEXT),
        "",
        "the files of all programs at the places of commands, looked up in PATH, of scripts that interpreters are given, and directories for run-parts; open where a variable decides. Those that do not exist are left out unless the command names their path",
    ),
    field(
        "environment",
        Type::Map(&TEXT),
        "",
        "the settings of the table that are in force for the line, without secrets; absent for all others",
    ),
    field(
        "cron",
        Type::Word(&CRON),
        "",
        "which cron reads the table, by the packages of the system: `debian` or `cronie`; unknown when neither is found; absent for what no cron reads",
    ),
    field(
        "problems",
        Type::List(&PROBLEM),
        "",
        "why it does not run as it is written. Of the times: `bad-schedule` (refused), `odd-schedule` (taken for other times). Of the line: `missing-user` (no column for the user), `unknown-user`, `no-command`, `carriage-return`, `no-program` (nothing that exists is named). Of the file: `no-newline` (the last line has no end), `file-ignored` (another line of it is refused, and Debian's cron then ignores all), `bad-name` (passed over by name), `left-behind` (so too, and meant to be: `.dpkg-old`, `~`), `bad-mode`, `bad-owner`, `hard-links`, `not-executable`. Of a timer: `nothing-to-start`, `masked`, `not-wanted`. `suspended` is said of a CronJob",
    ),
];

pub(super) static SCHEDULE: Resource = Resource {
    name: "schedule",
    about: "What runs by itself: jobs of cron, anacron, systemd's timers, Ofelia and Kubernetes, one subject each. Jobs of `at`, timers of users' own managers, and what a program schedules inside of itself are not looked for.",
    privilege: "root, for the tables of users; read permission for manifests; for labels of containers, membership of the group docker (which equals root)",
    params: &[
        Param {
            name: "from",
            accepts: Accepts::Words(&["host", "containers"]),
            required: false,
            about: "`containers` for the labels of Ofelia on containers and for CronJobs of manifests; files of the host when not given",
        },
        Param {
            name: "path",
            accepts: Accepts::Text,
            required: false,
            about: "one file, or those that a pattern matches, in place of all usual places of the host",
        },
        Param {
            name: "format",
            accepts: Accepts::Words(&["system", "user", "anacron", "ofelia"]),
            required: false,
            about: "how the file of `path` is written: `system` as /etc/crontab, with a user in each line, which is also meant when nothing is given; `user` as crontab(1) takes it; `anacron`; `ofelia` its INI file",
        },
    ],
    fields: FIELDS,
    can_be_absent: true,
    target: |with| if text(with, "from") == "containers" { Kind::Containers } else { Kind::Host },
    observe: |door, with| Box::pin(observe(door, with)),
};

async fn observe(door: &Door, with: &With) -> Listing {
    match (door, text(with, "from")) {
        (Door::Host(host), "" | "host") => {
            let (path, format) = (text(with, "path").to_owned(), text(with, "format").to_owned());
            host.run(move |host| look(host, &path, &format)).await.unwrap_or_else(Listing::failed)
        }
        (_, "containers") => containers::list(door).await,
        _ => Listing::failed(Reason::new("these schedules are read on a host")),
    }
}

fn look(host: &Host, path: &str, format: &str) -> Listing {
    let mut jobs = Jobs::default();
    if !path.is_empty() {
        match format {
            "ofelia" => ofelia::files(host, path, &mut jobs),
            "user" => tables::read(host, path, Layout::User, &mut jobs),
            "anacron" => tables::read(host, path, Layout::Anacron, &mut jobs),
            _ => tables::read(host, path, Layout::System, &mut jobs),
        }
        return jobs.listing(format!("{path} does not exist"));
    }
    tables::system(host, &mut jobs);
    timers::read(host, &mut jobs);
    // What runs their files is among the jobs so far.
    folders::read(host, &mut jobs);
    for pattern in ofelia::PATHS {
        ofelia::files(host, pattern, &mut jobs);
    }
    jobs.listing("there is no table of cron, no timer and no job of Ofelia".to_owned())
}

#[cfg(test)]
mod tests;
